/// Options, models and files of the programs that invert pictures.
#pragma once
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nada/adaptation/delta.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/arcface.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/images.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/inversion/alignment.hpp"
#include "nada/inversion/domain.hpp"
#include "nada/inversion/gradual_style_encoder.hpp"
#include "nada/inversion/inverter.hpp"
#include "nada/inversion/inverter_file.hpp"
#include "nada/inversion/restyle_encoder.hpp"
#include "nada/inversion/style_optimization.hpp"

namespace nada {

/// SquarePicture is a picture in the form that an inverter takes: the middle square, or the upright square of a face, at
/// the generator's resolution, and the place of the square in the whole picture. What a file says beside its pixels (EXIF,
/// GPS, texts) is not kept.
struct SquarePicture {
  Picture whole, square;
  int left = 0, top = 0, side = 0;  // of the middle square in `whole`
  std::optional<Quadrangle> face;   // in the place of the middle square
  Tensor image;                     // [1, 3, H, W] in [-1, 1]

  /// Returns the whole picture with `made` in the place of the square: the face's with a feathered edge.
  Picture with(const Picture& made) const;
};
SquarePicture square_picture(Picture whole, int resolution);
SquarePicture square_picture(Picture whole, int resolution, const Quadrangle& face);

/// FaceOptions say where a face is in a photo, so that it is turned upright and cut out as the generator knows faces.
struct FaceOptions {
  std::string points;  // as read_points() takes them; empty: the middle square
  std::string
      framing;  // avatars, ffhq, or three numbers of a Framing; empty: avatars for the embedded generator, else ffhq

  void declare(OptionTable& table);
  /// Reads the points, so that the options hold them instead of a file's name, and settles the framing.
  /// Errors:  as read_points(); a framing that is none; a framing without points.
  void settle(const std::filesystem::path& generator);
  SquarePicture square(Picture whole, int resolution) const;

 private:
  Framing numbers() const;
};

/// InvertedPicture is the result for one picture.
struct InvertedPicture {
  Inversion inversion;
  std::optional<Delta> tuning;     // where pivotal tuning was asked for
  Tensor image;                    // [1, 3, H, W] that the styles give, with the tuning where there is one
  double psnr = 0;                 // dB
  std::optional<double> ssim;      // where the picture has 11 pixels a side or more
  double perceptual = 0;           // squared distance of the encoders' tokens, or LPIPS
  std::optional<double> identity;  // cosine of the embeddings of picture and image in the measuring encoder
  std::optional<double>
      from_mean;  // root mean square of the styles' distance to the mean style in deviations, of the inverter
  std::optional<double> face;  // cosine of the faces of picture and image, where a face network was given
  DomainDistance domain;
};

/// InvertOptions say how a picture is inverted, and by which models.
struct InvertOptions {
  std::filesystem::path generator, measure, lpips, inverter, identity;
  std::vector<EncoderChoice> encoders;
  std::string space = "w+";
  std::string method = "search";  // inverter, search or, until use_defaults(), auto
  std::int64_t steps = 300, starts = 4, tune = 0, samples = 512, refine = 0;
  double perceptual = 1, pixels = 1, pull = 0.001, rate = 0.1, tune_rate = 0.0003;
  std::uint64_t seed = 0;
  bool quick = false, noise_maps = false;
  ClassOption category;

  void declare(OptionTable& table);

  /// Fills the options that were not given with the embedded default.
  void use_defaults(const OptionTable& table);
  StyleOptimizationSettings settings(const Tensor& labels) const;
  bool searches() const { return method == "search"; }
  /// Returns how many steps an inversion takes, where the inverter by itself is one.
  std::int64_t counted_steps() const { return searches() ? steps : std::max<std::int64_t>(1, refine); }

 private:
  /// Settles the method `auto`: the search where one of its own options was set, and where no inverter belongs to the
  /// generator; else the inverter.
  void settle_method(const OptionTable& table);
};

/// PictureInverter holds the models that invert pictures, loaded once: those of the search, and an inverter where the
/// options name one.
class PictureInverter {
 public:
  /// Errors:  an inverter of another generator; the method `inverter` without one.
  PictureInverter(const InvertOptions& options, torch::Device device);

  /// Sets how later pictures are inverted, with the models that are loaded: by a search from scratch, or by the inverter
  /// and `refine` steps. `goes_on` is asked while the starts of a search are chosen; where it says no, the search begins
  /// with those that were found.
  void search_with(std::int64_t steps, std::uint64_t seed, std::function<bool()> goes_on = {}) {
    options_.method = "search";
    options_.steps = steps;
    options_.seed = seed;
    options_.refine = 0;
    goes_on_ = std::move(goes_on);
  }
  /// Errors:  no inverter was loaded.
  void refine_with(std::int64_t refine, std::uint64_t seed);

  const AnyGenerator& generator() const { return generator_; }
  const AnyClip& measuring() const { return measuring_; }
  const InvertOptions& options() const { return options_; }

  /// Returns the image of an inversion, rendered by this generator or another one that was adapted from it.
  static Tensor image(const AnyGenerator& generator, const Inversion& inversion);
  /// Compares a picture with the samples that seed 0 draws, whatever the seed of the options.
  DomainDistance domain(const Tensor& image) const;

  InvertedPicture invert(const Tensor& picture, const InversionProgress& search = {},
                         const InversionProgress& tuning = {}) const;

 private:
  Inversion find(const Tensor& target, const InversionProgress& progress) const;
  template <class First>
  Inversion find_by(const First& first, const Tensor& target, const InversionProgress& progress) const;
  /// Loads the file of the method `inverter`: a style encoder of this project, or e4e, pSp or ReStyle.
  /// Errors:  an inverter of another generator.
  void load_inverter(torch::Device device);
  void measure(InvertedPicture& found, const Tensor& target) const;

  /// Loads the network that compares pictures: an LPIPS network, or encoders that compare by their tokens.
  static AnyFeatureExtractor load_features(const InvertOptions& options, torch::Device device);

  InvertOptions options_;
  AnyGenerator generator_;
  AnyFeatureExtractor features_;
  AnyClip measuring_;
  std::optional<ArcFace> faces_;
  Tensor labels_;
  std::optional<InverterFile> inverter_;  // where the options name one, this or one of the next two
  std::optional<GradualStyleEncoder> gradual_;
  std::optional<ReStyleEncoder> restyle_;
  std::function<bool()> goes_on_;  // as search_with() was given it
};

/// Inverts with a bar for each phase; a signal ends the phase early. `told` is called at every step, counted through
/// both phases. A warning on stderr tells where the picture is far from the generator's domain, and what suits.
InvertedPicture invert_with_progress(const PictureInverter& inverter, const InvertOptions& options,
                                     const Tensor& picture,
                                     const std::function<void(std::int64_t step, double loss)>& told = {});

/// Says in one line how near an inversion came.
std::string quality_text(const InvertedPicture& found);
/// Says how an inversion was found: ", from start 2 of 4" or ", by the inverter and 30 steps".
std::string method_text(const InvertOptions& options, const Inversion& found);

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
