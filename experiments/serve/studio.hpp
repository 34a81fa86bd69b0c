/// The models behind the page: the generator, its presets, and the inverter that turns pictures into codes.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "http.hpp"
#include "nada/adaptation/blend.hpp"
#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/vocabulary_check.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture_resize.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/latents.hpp"
#include "nada/inversion/inverter.hpp"

namespace nada::serve {

/// Latent is the sample `index` of a seed.
struct Latent {
  std::uint64_t seed = 0;
  std::int64_t index = 0;
};

/// Look is a look to choose: the source itself or a preset.
struct Look {
  std::string name, source, target, command;
  nlohmann::json metrics;
  bool own = false;            // kept by a user of this server
  std::filesystem::path file;  // empty: the source
};

/// Mix is one look, or several at once, each with its strength: source + sum of strength x (look - source).
struct Mix {
  std::string name;
  std::vector<std::pair<std::string, double>> looks;  // by name
};

/// Studio holds the models; looks are loaded when pictures ask for them, and the last used ones stay. The members that
/// compute (styles(), pictures(), thumbnail()) must be called from one thread.
class Studio {
 public:
  /// `texts` are the encoders that adapting reads texts by, `templates` what it puts texts into.
  Studio(InvertOptions inversion, torch::Device device, const std::vector<std::filesystem::path>& texts,
         std::vector<std::string> templates)
      : options_(std::move(inversion)),
        source_(std::make_shared<AnyGenerator>(load_generator(options_.generator, {device, torch::kFloat32}))),
        templates_(std::move(templates)) {
    for (const auto& path : texts) encoders_.push_back(load_clip(path, {}, device));
  }

  const AnyGenerator& source() const { return *source_; }
  const std::filesystem::path& generator_path() const { return options_.generator; }
  const InvertOptions& inversion_options() const { return options_; }

  /// Adds the source as a look.
  void add_source(const std::string& name, const std::string& text) {
    put({name, text, text, {}, nlohmann::json::object(), false, {}});
  }
  /// Adds a preset.
  /// Errors:  a file that is no preset, a preset of another generator.
  void add_preset(const std::filesystem::path& path, bool own) {
    const auto preset = load_preset(path);
    apply_delta(*source_, preset.delta, path.string());  // whether it fits
    auto metrics = nlohmann::json::parse(preset.metrics, nullptr, /*allow_exceptions=*/false);
    if (!metrics.is_object()) metrics = nlohmann::json::object();
    put({preset.name, preset.source, preset.target, preset.command, std::move(metrics), own, path});
  }
  /// Takes a look away.
  void remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    looks_.erase(name);
    thumbnails_.erase(name);
    std::erase(order_, name);
    loaded_.remove_if([&](const auto& entry) { return entry.first == name; });
    ++version_;
  }
  bool has(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    return looks_.contains(name);
  }
  /// Returns the look of that name.
  /// Errors:  Refusal 404.
  Look find(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto at = looks_.find(name);
    if (at == looks_.end()) refuse(404, "there is no look ", in_quotes(name));
    return at->second;
  }
  std::vector<Look> looks() const {
    const std::lock_guard lock(mutex_);
    std::vector<Look> out;
    for (const auto& name : order_) out.push_back(looks_.at(name));
    return out;
  }
  /// Returns a number that changes when a look comes or goes.
  int version() const {
    const std::lock_guard lock(mutex_);
    return version_;
  }

  /// Returns the styles of latents, [N, L, D].
  Tensor styles(const std::vector<Latent>& latents, double truncation) const {
    const torch::NoGradGuard no_grad;
    std::vector<Tensor> z;
    for (const auto& latent : latents)
      z.push_back(Stream{latent.seed, 0}.normal(Purpose::samples, {1, source_->latent_size()}, latent.index));
    const auto w = source_->map(torch::cat(z).to(source_->options()), options_.category.labels(*source_));
    return truncate(w, source_->mean_style(), truncation, 0);
  }

  /// Returns pictures of styles in a mix of looks.
  /// Errors:  Refusal 404 for a look that is gone.
  std::vector<Picture> pictures(const Mix& mix, const Inversion& codes) {
    const torch::NoGradGuard no_grad;
    std::vector<std::shared_ptr<const AnyGenerator>> held;
    std::vector<Share<AnyGenerator>> shares;
    for (const auto& [name, strength] : mix.looks) {
      held.push_back(load(name));
      if (held.back() != source_ && strength != 0) shares.push_back({held.back().get(), strength});
    }
    std::optional<AnyGenerator> blended;
    const bool plain = shares.empty() || (shares.size() == 1 && shares[0].weight == 1);
    if (!plain) blended = blend(*source_, std::span<const Share<AnyGenerator>>(shares));
    const auto& generator = blended ? *blended : shares.empty() ? *source_ : *shares[0].generator;
    return render(generator, codes);
  }
  static std::vector<Picture> render(const AnyGenerator& generator, const Inversion& codes) {
    const torch::NoGradGuard no_grad;
    std::vector<Picture> out;
    for (std::int64_t at = 0; at < codes.styles.size(0); at += 8) {  // few at a time: large generators need memory
      Inversion part{codes};
      part.styles = codes.styles.narrow(0, at, std::min<std::int64_t>(8, codes.styles.size(0) - at));
      for (auto& picture : to_pictures(PictureInverter::image(generator, part))) out.push_back(std::move(picture));
    }
    return out;
  }
  /// Returns a face in this look, as a PNG.
  /// Errors:  Refusal 404.
  std::string thumbnail(const std::string& name) {
    if (auto known = known_thumbnail(name)) return *known;
    const auto picture = pictures({name, {{name, 1.0}}}, {styles({{3, 0}}, 0.7), {}}).front();
    const auto bytes = encode_png(resize(picture, std::max(160, picture.width), std::max(160, picture.height)));
    std::string png(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::lock_guard lock(mutex_);
    return thumbnails_[name] = png;
  }
  /// Returns the thumbnail where it was made before.
  std::optional<std::string> known_thumbnail(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto at = thumbnails_.find(name);
    return at == thumbnails_.end() ? std::nullopt : std::optional(at->second);
  }

  /// Returns the words of a text that an encoder never read, each with similar known words.
  std::vector<UnknownWord> unknown(const std::string& text) const {
    std::vector<UnknownWord> out;
    std::set<std::string> seen;
    for (const auto& encoder : encoders_)
      for (auto& word : unknown_words(text, encoder.phrases()))
        if (seen.insert(word.word).second) out.push_back(std::move(word));
    return out;
  }
  /// Returns the words that every encoder has read, sorted.
  std::vector<std::string> known() const {
    std::optional<std::vector<std::string>> out;
    for (const auto& encoder : encoders_) {
      const auto words = known_words(encoder.phrases());
      if (words.empty()) continue;  // of an encoder that does not say
      if (out)
        std::erase_if(*out, [&](const auto& w) { return !std::binary_search(words.begin(), words.end(), w); });
      else
        out = words;
    }
    return out.value_or(std::vector<std::string>{});
  }
  /// Errors:  Refusal 400 for a text that is too long for an encoder.
  void check_text(const std::string& text) const {
    std::vector<std::string> filled;
    for (auto one : templates_) {
      if (const auto at = one.find("{}"); at != one.npos) one.replace(at, 2, text);
      filled.push_back(std::move(one));
    }
    for (const auto& encoder : encoders_) try {
        encoder.tokenize(filled);
      } catch (const Error&) {
        refuse(400, "the text ", in_quotes(text), " is too long for the encoders; a few words do");
      }
  }

 private:
  void put(Look look) {
    const std::lock_guard lock(mutex_);
    if (!looks_.contains(look.name)) order_.push_back(look.name);
    const auto name = look.name;
    looks_[name] = std::move(look);
    ++version_;
  }
  /// Returns the generator of a look.
  std::shared_ptr<const AnyGenerator> load(const std::string& name) {
    const auto look = find(name);
    if (look.file.empty()) return source_;
    {
      const std::lock_guard lock(mutex_);
      for (auto at = loaded_.begin(); at != loaded_.end(); ++at)
        if (at->first == name) {
          loaded_.splice(loaded_.begin(), loaded_, at);
          return at->second;
        }
    }
    std::shared_ptr<const AnyGenerator> made;
    try {
      made = std::make_shared<AnyGenerator>(apply_delta(*source_, load_preset(look.file).delta, name));
    } catch (const Error&) {
      refuse(404, "the look ", in_quotes(name), " cannot be read any more");
    }
    const std::lock_guard lock(mutex_);
    loaded_.emplace_front(name, made);
    if (loaded_.size() > most_loaded) loaded_.pop_back();
    return made;
  }

  static constexpr std::size_t most_loaded = 32;
  InvertOptions options_;
  std::shared_ptr<AnyGenerator> source_;
  std::vector<AnyClip> encoders_;
  std::vector<std::string> templates_;
  mutable std::mutex mutex_;
  std::vector<std::string> order_;
  std::map<std::string, Look> looks_;
  std::map<std::string, std::string> thumbnails_;                                  // PNG
  std::list<std::pair<std::string, std::shared_ptr<const AnyGenerator>>> loaded_;  // the last used first
  int version_ = 0;
};

}  // namespace nada::serve
