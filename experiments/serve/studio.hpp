/// The models behind the page: the generator, its presets, and the inverter that turns pictures into codes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
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
  bool own = false;  // kept by a user of this server
  std::shared_ptr<const AnyGenerator> generator;
  std::vector<std::byte> thumbnail;  // PNG
};

/// Studio holds the models. The members that compute (all but add_source(), add_preset(), has(), find() and looks())
/// must be called from one thread.
class Studio {
 public:
  Studio(InvertOptions inversion, torch::Device device, const std::vector<std::filesystem::path>& texts)
      : options_(std::move(inversion)),
        device_(device),
        source_(std::make_shared<AnyGenerator>(load_generator(options_.generator, {device, torch::kFloat32}))) {
    for (const auto& path : texts) phrases_.push_back(load_clip(path, {}, device).phrases());
  }

  const AnyGenerator& source() const { return *source_; }
  const std::filesystem::path& generator_path() const { return options_.generator; }
  const InvertOptions& inversion_options() const { return options_; }

  /// Adds the source as a look.
  void add_source(const std::string& name, const std::string& text) {
    Look look{name, text, text, {}, nlohmann::json::object(), false, source_, {}};
    put(std::move(look));
  }
  /// Adds a preset.
  /// Errors:  a file that is no preset, a preset of another generator.
  void add_preset(const std::filesystem::path& path, bool own) {
    auto preset = load_preset(path);
    Look look;
    look.name = preset.name;
    look.source = preset.source;
    look.target = preset.target;
    look.command = preset.command;
    look.metrics = nlohmann::json::parse(preset.metrics, nullptr, /*allow_exceptions=*/false);
    if (!look.metrics.is_object()) look.metrics = nlohmann::json::object();
    look.own = own;
    look.generator = std::make_shared<AnyGenerator>(apply_delta(*source_, preset.delta, path.string()));
    put(std::move(look));
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
    if (at == looks_.end()) refuse(404, "there is no preset ", in_quotes(name));
    return at->second;
  }
  std::vector<Look> looks() const {
    const std::lock_guard lock(mutex_);
    std::vector<Look> out;
    for (const auto& name : order_) out.push_back(looks_.at(name));
    return out;
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

  /// Returns pictures of styles, by a look at a strength: 0 is the source, 1 the preset.
  std::vector<Picture> pictures(const Look& look, double strength, const Inversion& codes) const {
    const torch::NoGradGuard no_grad;
    std::optional<AnyGenerator> blended;
    if (strength != 1 && look.generator != source_) {
      const Share<AnyGenerator> share{look.generator.get(), strength};
      blended = blend(*source_, std::span<const Share<AnyGenerator>>(&share, 1));
    }
    const auto& generator = blended ? *blended : *look.generator;
    std::vector<Picture> out;
    for (std::int64_t at = 0; at < codes.styles.size(0); at += 8) {  // few at a time: large generators need memory
      Inversion part{codes};
      part.styles = codes.styles.narrow(0, at, std::min<std::int64_t>(8, codes.styles.size(0) - at));
      for (auto& picture : to_pictures(PictureInverter::image(generator, part))) out.push_back(std::move(picture));
    }
    return out;
  }

  /// Returns the words of a text that an encoder never read, each with similar known words.
  std::vector<UnknownWord> unknown(const std::string& text) const {
    std::vector<UnknownWord> out;
    std::set<std::string> seen;
    for (const auto& phrases : phrases_)
      for (auto& word : unknown_words(text, phrases))
        if (seen.insert(word.word).second) out.push_back(std::move(word));
    return out;
  }

 private:
  void put(Look look) {
    look.thumbnail = encode_png(pictures(look, 1, {styles({{3, 0}}, 0.7), {}}).front());
    const std::lock_guard lock(mutex_);
    if (!looks_.contains(look.name)) order_.push_back(look.name);
    const auto name = look.name;
    looks_[name] = std::move(look);
  }

  InvertOptions options_;
  torch::Device device_;
  std::shared_ptr<AnyGenerator> source_;
  std::vector<std::vector<std::string>> phrases_;
  mutable std::mutex mutex_;
  std::vector<std::string> order_;
  std::map<std::string, Look> looks_;
};

}  // namespace nada::serve
