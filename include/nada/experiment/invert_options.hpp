/// Pictures in: what programs that invert one share.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nada/adaptation/delta.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/images.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/inversion/domain.hpp"
#include "nada/inversion/inverter.hpp"
#include "nada/inversion/style_optimization.hpp"

namespace nada {

/// A picture as an inverter takes it: the middle square at the generator's resolution, and where that lies.
struct SquarePicture {
  Picture whole, square;
  int left = 0, top = 0, side = 0;  // of the square in `whole`
  Tensor image;                     // [1, 3, H, W] in [-1, 1]
};
SquarePicture square_picture(Picture whole, int resolution);

/// What came of one picture.
struct InvertedPicture {
  Inversion inversion;
  std::optional<Delta> tuning;     // where pivotal tuning was asked for
  Tensor image;                    // [1, 3, H, W] that the styles give, tuned where that was asked for
  double psnr = 0;                 // dB
  double perceptual = 0;           // squared distance of the encoders' tokens, or LPIPS
  std::optional<double> identity;  // cosine of the embeddings of picture and image, of the encoder that measures
  DomainDistance domain;
};

/// How a picture is inverted, by which models.
struct InvertOptions {
  std::filesystem::path generator, measure, lpips;
  std::vector<EncoderChoice> encoders;
  std::string space = "w+";
  std::int64_t steps = 300, starts = 4, tune = 0, samples = 512;
  double perceptual = 1, pixels = 1, pull = 0.001, rate = 0.1, tune_rate = 0.0003;
  std::uint64_t seed = 0;
  bool quick = false, noise_maps = false;
  ClassOption category;

  void declare(OptionTable& table);

  /// Fills what was not given with the embedded default.
  void use_defaults(const OptionTable& table);
  StyleOptimizationSettings settings(const Tensor& labels) const;
};

/// The models that invert pictures, loaded once.
class PictureInverter {
 public:
  PictureInverter(const InvertOptions& options, torch::Device device);

  const AnyGenerator& generator() const { return generator_; }
  const AnyClip& measuring() const { return measuring_; }

  /// The picture of an inversion, by this generator or another that came of it.
  static Tensor image(const AnyGenerator& generator, const Inversion& inversion);
  DomainDistance domain(const Tensor& image) const;

  InvertedPicture invert(const Tensor& picture, const InversionProgress& search = {},
                         const InversionProgress& tuning = {}) const;

 private:
  /// What compares pictures: an LPIPS network, or the tokens of encoders.
  static AnyFeatureExtractor load_features(const InvertOptions& options, torch::Device device);

  InvertOptions options_;
  AnyGenerator generator_;
  AnyFeatureExtractor features_;
  AnyClip measuring_;
  Tensor labels_;
};

/// Inverts with a bar for each phase, which a signal ends early; `told` hears every step, counted through both phases.
/// Says on stderr where the picture is far from the generator's domain.
InvertedPicture invert_with_progress(const PictureInverter& inverter, const InvertOptions& options,
                                     const Tensor& picture,
                                     const std::function<void(std::int64_t step, double loss)>& told = {});

/// How near an inversion came, in one line.
std::string quality_text(const InvertedPicture& found);

/// The styles w+ of an inversion as a file: tensor `codes` [1, L, D] and, where they were searched for, `noise.<k>`
/// [r, r].
void save_inversion(const std::filesystem::path& path, const Inversion& inversion, const AnyGenerator& generator,
                    const std::filesystem::path& generator_path, Metadata more = {});

/// Reads such a file for a generator. Errors: another kind of file, styles that do not fit the generator.
Inversion load_inversion(const std::filesystem::path& path, const AnyGenerator& generator);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/invert_options.ipp"
#endif
