/// Pictures of latents, or of the codes of a stylising run, by one look or several.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "answers.hpp"
#include "http.hpp"
#include "input.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/options_file.hpp"
#include "nada/formats/picture_resize.hpp"
#include "nada/formats/zip_writer.hpp"
#include "nada/inversion/inverter.hpp"
#include "runs.hpp"
#include "studio.hpp"

namespace nada::serve {

inline constexpr std::size_t most_pictures = 96;  // of one answer

/// PictureRequest holds the wishes of a request to generate: each look of each latent, or of a run's codes.
struct PictureRequest {
  std::vector<Mix> mixes;  // a row each
  double truncation = 1, strength = 1;
  std::vector<Latent> latents;  // empty: the codes of `run`
  std::int64_t frames = 0;      // 0: the latents; else so many steps from the first to the second
  std::int64_t scale = 1;       // pixels of the pictures for each that the generator makes, along a side
  std::string run;
  std::filesystem::path codes;  // of `run`
  enum class Form { parts, picture, zip } form = Form::parts;

  std::size_t columns() const {
    return frames > 0 ? static_cast<std::size_t>(frames) : std::max<std::size_t>(1, latents.size());
  }

  /// Reads the request. `accept` is its header Accept.
  /// Errors:  Refusal 400 for a field that is wrong and for too many pictures, 404 for an unknown look or run.
  static PictureRequest read(Input in, std::string_view accept, const Runs& runs, const Studio& studio) {
    PictureRequest out;
    out.strength = in.number("strength", -1, 2, 1);
    out.read_looks(in);
    out.scale = in.whole("scale", 1, 8, 1);
    if (in.has("run")) {
      out.run = in.text("run", 80);
      const auto folder = runs.find(out.run);
      if (!folder) refuse(404, "there is no run ", in_quotes(out.run));
      out.codes = run_file(*folder, {"codes.safetensors"});
    } else {
      out.truncation = in.number("truncation", 0, 1.5, 0.7);
      out.latents = read_latents(in);
      out.frames = in.whole("frames", 0, 96, 0);
      if (out.frames > 0 && out.latents.size() != 2)
        refuse(400, "frames: a film goes from one of two latents to the other, found ", out.latents.size());
    }
    in.finish();
    if (const auto count = out.columns() * out.mixes.size(); count > most_pictures)
      refuse(400, "at most ", most_pictures, " pictures come at once, ", out.mixes.size(), " looks of ", out.columns(),
             " people are ", count);
    for (const auto& mix : out.mixes)
      for (const auto& look : mix.looks) studio.find(look.first);
    out.form = accept.starts_with("application/zip") ? Form::zip
               : accept.starts_with("image/png")     ? Form::picture
                                                     : Form::parts;
    if (out.form == Form::picture && out.columns() * out.mixes.size() != 1)
      refuse(400, "one picture alone can be sent as image/png, ", out.columns() * out.mixes.size(), " were asked for");
    return out;
  }

 private:
  void read_looks(Input& in) {
    if (in.has("blend")) {
      Mix mix{"blend", {}};
      for (auto& item : in.objects("blend", 8)) {
        mix.looks.emplace_back(item.text("preset", 80), strength * item.number("weight", -2, 2, 1));
        item.finish();
      }
      if (in.has("presets")) refuse(400, "blend comes in the place of presets");
      return mixes.push_back(std::move(mix));
    }
    for (const auto& name : in.names("presets", most_pictures, {"source"})) mixes.push_back({name, {{name, strength}}});
  }
  static std::vector<Latent> read_latents(Input& in) {
    std::vector<Latent> out;
    if (in.has("latents")) {
      for (auto& item : in.objects("latents", 24)) {
        const auto seed = static_cast<std::uint64_t>(item.whole("seed", 0, largest_seed));
        out.push_back({seed, item.whole("index", 0, 1'000'000)});
        item.finish();
      }
      return out;
    }
    const auto seed = static_cast<std::uint64_t>(in.whole("seed", 0, largest_seed, 0));
    const auto count = in.whole("count", 1, 24, 8);
    for (std::int64_t i = 0; i < count; ++i) out.push_back({seed, i});
    return out;
  }
};

/// Returns the description of picture number `i` of a row, and writes the same into the picture, as an option file.
inline json describe(const PictureRequest& asked, const Mix& mix, std::size_t i, Picture& picture) {
  auto options = "# serve of nada " + revision() + "\n";
  const auto option = [&](const char* key, const std::string& value) { options += format_option(key, value) + "\n"; };
  json out{{"preset", mix.name}};
  if (mix.looks.size() == 1 && mix.name == mix.looks[0].first) {
    option("preset", mix.name);
    option("strength", join(asked.strength));
  } else {
    for (const auto& [name, strength] : mix.looks) option("blend", join(name, ' ', strength));
  }
  if (asked.run.empty()) {
    const auto& latent = asked.latents[asked.frames > 0 ? 0 : i];
    option("seed", join(latent.seed));
    option("index", join(latent.index));
    option("truncation", join(asked.truncation));
    out["seed"] = latent.seed;
    out["index"] = latent.index;
    if (asked.frames > 0) {
      option("to", join(asked.latents[1].seed, ' ', asked.latents[1].index));
      option("frame", join(i + 1, " of ", asked.frames));
      out["frame"] = i;
    }
  } else {
    option("run", asked.run);
    out["run"] = asked.run;
  }
  picture.text["nada:options"] = options;
  return out;
}

/// MadePictures are pictures as PNG, with their descriptions.
struct MadePictures {
  json about = json::array();
  std::vector<std::vector<std::byte>> files;
  std::vector<std::string> names;

  void add(json description, Picture picture, std::int64_t scale) {
    if (scale > 1) {
      auto text = std::move(picture.text);
      picture = resize(picture, picture.width * static_cast<int>(scale), picture.height * static_cast<int>(scale));
      picture.text = std::move(text);
    }
    std::string name = description["preset"];
    for (const char* part : {"run", "seed", "index", "frame"})
      if (description.contains(part))
        name += "-" + (description[part].is_string() ? description[part].get<std::string>() : description[part].dump());
    names.push_back(name + ".png");
    description["name"] = names.back();
    about.push_back(std::move(description));
    files.push_back(encode_png(picture));
  }
};

inline std::string_view text_in(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Returns pictures as an archive. `scratch` is a folder to write it in.
inline Response as_zip(const MadePictures& made, const std::filesystem::path& scratch) {
  const auto path = scratch / ("pictures-" + new_token() + ".zip");
  ZipWriter zip(path);
  for (std::size_t i = 0; i < made.files.size(); ++i) zip.add(made.names[i], std::span<const std::byte>(made.files[i]));
  zip.finish();
  auto r = give_text(read_text(path), "application/zip");
  std::error_code error;
  std::filesystem::remove(path, error);
  r.set("content-disposition", "attachment; filename=\"pictures.zip\"");
  return r;
}

/// Makes the pictures. The function computes, so call it from one thread.
inline Response make_pictures(const PictureRequest& asked, Studio& studio, const std::filesystem::path& scratch) {
  const auto begin = std::chrono::steady_clock::now();
  Inversion inversion;
  if (asked.run.empty())
    inversion.styles = studio.styles(asked.latents, asked.truncation);
  else
    inversion = load_inversion(asked.codes, studio.source());
  if (asked.frames > 0) {
    const auto part = torch::linspace(0, 1, asked.frames, inversion.styles.options()).view({-1, 1, 1});
    inversion.styles = inversion.styles[0] * (1 - part) + inversion.styles[1] * part;
  }
  MadePictures made;
  for (const auto& mix : asked.mixes) {
    auto pictures = studio.pictures(mix, inversion);
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      auto about = describe(asked, mix, i, pictures[i]);
      made.add(std::move(about), std::move(pictures[i]), asked.scale);
    }
  }
  if (asked.form == PictureRequest::Form::picture) return give_text(std::string(text_in(made.files[0])), "image/png");
  if (asked.form == PictureRequest::Form::zip) return as_zip(made, scratch);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  Parts parts;
  parts.add("about", {}, "application/json", text_of({{"pictures", made.about}, {"seconds", took.count()}}));
  for (std::size_t i = 0; i < made.files.size(); ++i)
    parts.add("picture", made.names[i], "image/png", text_in(made.files[i]));
  return parts.finish();
}

}  // namespace nada::serve
