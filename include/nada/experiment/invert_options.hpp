/// Options, models and files of the programs that invert pictures.
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

/// SquarePicture is a picture in the form that an inverter takes: the middle square at the generator's resolution, and
/// the place of the square in the whole picture.
struct SquarePicture {
  Picture whole, square;
  int left = 0, top = 0, side = 0;  // of the square in `whole`
  Tensor image;                     // [1, 3, H, W] in [-1, 1]
};
SquarePicture square_picture(Picture whole, int resolution);

/// InvertedPicture is the result for one picture.
struct InvertedPicture {
  Inversion inversion;
  std::optional<Delta> tuning;     // where pivotal tuning was asked for
  Tensor image;                    // [1, 3, H, W] that the styles give, with the tuning where there is one
  double psnr = 0;                 // dB
  double perceptual = 0;           // squared distance of the encoders' tokens, or LPIPS
  std::optional<double> identity;  // cosine of the embeddings of picture and image in the measuring encoder
  DomainDistance domain;
};

/// InvertOptions say how a picture is inverted, and by which models.
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

  /// Fills the options that were not given with the embedded default.
  void use_defaults(const OptionTable& table);
  StyleOptimizationSettings settings(const Tensor& labels) const;
};

/// PictureInverter holds the models that invert pictures, loaded once.
class PictureInverter {
 public:
  PictureInverter(const InvertOptions& options, torch::Device device);

  /// Sets how later pictures are searched for, with the models that are loaded.
  void search_with(std::int64_t steps, std::uint64_t seed) {
    options_.steps = steps;
    options_.seed = seed;
  }

  const AnyGenerator& generator() const { return generator_; }
  const AnyClip& measuring() const { return measuring_; }

  /// Returns the image of an inversion, rendered by this generator or another one that was adapted from it.
  static Tensor image(const AnyGenerator& generator, const Inversion& inversion);
  DomainDistance domain(const Tensor& image) const;

  InvertedPicture invert(const Tensor& picture, const InversionProgress& search = {},
                         const InversionProgress& tuning = {}) const;

 private:
  /// Loads the network that compares pictures: an LPIPS network, or encoders that compare by their tokens.
  static AnyFeatureExtractor load_features(const InvertOptions& options, torch::Device device);

  InvertOptions options_;
  AnyGenerator generator_;
  AnyFeatureExtractor features_;
  AnyClip measuring_;
  Tensor labels_;
};

/// Inverts with a bar for each phase; a signal ends the phase early. `told` is called at every step, counted through
/// both phases. A warning on stderr tells where the picture is far from the generator's domain.
InvertedPicture invert_with_progress(const PictureInverter& inverter, const InvertOptions& options,
                                     const Tensor& picture,
                                     const std::function<void(std::int64_t step, double loss)>& told = {});

/// Says in one line how near an inversion came.
std::string quality_text(const InvertedPicture& found);

/// Saves the styles w+ of an inversion: the tensor `codes` [1, L, D] and, where noise was searched for,
/// `noise.<k>` [r, r].
void save_inversion(const std::filesystem::path& path, const Inversion& inversion, const AnyGenerator& generator,
                    const std::filesystem::path& generator_path, Metadata more = {});

/// Reads a file of save_inversion() for a generator.
/// Errors:  another kind of file, styles that do not fit the generator.
Inversion load_inversion(const std::filesystem::path& path, const AnyGenerator& generator);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/invert_options.ipp"
#endif
