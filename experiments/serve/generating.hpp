/// Pictures of latents, or of the codes of a stylising run, by one look or several.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "http.hpp"
#include "input.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/formats/base64.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/options_file.hpp"
#include "nada/inversion/inverter.hpp"
#include "runs.hpp"
#include "studio.hpp"

namespace nada::serve {

/// PictureRequest holds the wishes of a request to generate: each look of each latent, or of a run's codes.
struct PictureRequest {
  std::vector<Look> looks;
  double strength = 1, truncation = 1;
  std::vector<Latent> latents;  // empty: the codes of `run`
  std::string run;
  std::filesystem::path codes;  // of `run`

  /// Reads the request.
  /// Errors:  Refusal 400 for a field that is wrong and for too many pictures, 404 for an unknown preset or run.
  static PictureRequest read(Input in, const Runs& runs, const Studio& studio) {
    PictureRequest out;
    const auto names = in.names("presets", 32, {"source"});
    out.strength = in.number("strength", -1, 2, 1);
    if (in.has("run")) {
      out.run = in.text("run", 80);
      const auto folder = runs.find(out.run);
      if (!folder) refuse(404, "there is no run ", in_quotes(out.run));
      out.codes = run_file(*folder, {"codes.safetensors"});
    } else {
      out.truncation = in.number("truncation", 0, 1.5, 0.7);
      out.latents = read_latents(in);
    }
    in.finish();
    const auto count = std::max<std::size_t>(1, out.latents.size());
    if (count * names.size() > 96)
      refuse(400, "expected at most 96 pictures, found ", names.size(), " presets of ", count);
    for (const auto& name : names) out.looks.push_back(studio.find(name));
    return out;
  }

 private:
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

/// Returns the entry of picture number `i` of a look: a description, and the PNG, which carries the same as
/// an option file.
inline nlohmann::json picture_entry(const PictureRequest& asked, const Look& look, std::size_t i, Picture& picture) {
  auto options = "# serve of nada " + revision() + "\n";
  const auto option = [&](const char* key, const std::string& value) { options += format_option(key, value) + "\n"; };
  nlohmann::json out{{"preset", look.name}};
  option("preset", look.name);
  option("strength", join(asked.strength));
  if (asked.run.empty()) {
    const auto& latent = asked.latents[i];
    option("seed", join(latent.seed));
    option("index", join(latent.index));
    option("truncation", join(asked.truncation));
    out["seed"] = latent.seed;
    out["index"] = latent.index;
  } else {
    option("run", asked.run);
    out["run"] = asked.run;
  }
  picture.text["nada:options"] = options;
  out["png"] = base64(encode_png(picture));
  return out;
}

/// Makes the pictures. The function computes, so call it from one thread.
inline nlohmann::json make_pictures(const PictureRequest& asked, const Studio& studio) {
  const auto begin = std::chrono::steady_clock::now();
  Inversion inversion;
  if (asked.run.empty())
    inversion.styles = studio.styles(asked.latents, asked.truncation);
  else
    inversion = load_inversion(asked.codes, studio.source());
  auto list = nlohmann::json::array();
  for (const auto& look : asked.looks) {
    auto pictures = studio.pictures(look, asked.strength, inversion);
    for (std::size_t i = 0; i < pictures.size(); ++i) list.push_back(picture_entry(asked, look, i, pictures[i]));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return {{"pictures", std::move(list)}, {"seconds", took.count()}};
}

}  // namespace nada::serve
