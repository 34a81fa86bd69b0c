/// ReStyle: an encoder that looks at a picture and at what its styles show, and corrects them a few times.
/// Source:  Alaluf et al., ReStyle, arXiv:2104.02699; names as in yuval-alaluf/restyle-encoder (BackboneEncoder and
///          ProgressiveBackboneEncoder, the encoders for faces).
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/ir_se.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/load.hpp"
#include "nada/inversion/gradual_style_encoder.hpp"
#include "nada/inversion/inverter.hpp"

namespace nada {

/// ReStyleEncoder is an IR-SE 50 of six channels, with a head for each style at its last map of 16 x 16 places. In each round it sees
/// the picture and the generator's image of the styles so far, and gives what to add to them:
///     w_0 = mean style of the file,  w_k = w_{k-1} + codes(picture, image(w_{k-1}))            [N, L, D]
///     codes_i = head_i           (trained as pSp)        codes_0 = head_0, codes_i = head_0 + head_i      (trained as e4e)
/// Pictures are resized to 256 pixels, the generator's images averaged to 256.
class ReStyleEncoder {
 public:
  using Kind = GradualStyleEncoder::Kind;
  static constexpr std::int64_t input_size = 256;  // pixels of a side

  /// Takes `input_layer.*`, `body.*`, `styles.I.*`; `mean` is [L, D] or [D].
  /// Errors:  a tensor that is missing or of another shape.
  ReStyleEncoder(const TensorMap& tensors, const Tensor& mean, Kind kind, const std::string& what,
                 torch::TensorOptions options = torch::kFloat32);

  /// Reads the encoder of a file. Errors:  those of read_restyle_encoder() and of the constructor.
  static ReStyleEncoder load(const ModelFile& file, Placement place = {});
  static ReStyleEncoder load(const std::filesystem::path& path, Placement place = {}) {
    return load(ModelFile::open(path), place);
  }

  Kind kind() const { return kind_; }
  std::int64_t style_count() const { return static_cast<std::int64_t>(heads_.size()); }  ///< L
  std::int64_t style_size() const { return mean_.size(1); }                              ///< D

  /// Returns what to add to the styles that `shown` shows, both [N, 3, 256, 256] in [-1, 1]: [N, L, D].
  /// Errors:  another shape.
  Tensor codes(const Tensor& pictures, const Tensor& shown) const;

  /// Returns the styles w+ of pictures [N, 3, H, W] in [-1, 1] after `rounds`, [N, L, D]; told(k, styles) hears of each round and may
  /// end them by false.
  template <Generator G, class Told>
  Tensor w_plus(const G& generator, const Tensor& pictures, Told&& told) const {
    const auto seen = resized(pictures.to(mean_.options()));
    auto styles = mean_.unsqueeze(0).expand({pictures.size(0), -1, -1});
    for (std::int64_t k = 0; k < rounds; ++k) {
      const auto image = generator.synthesize(styles.to(generator.mean_style().options()), Render{});
      styles = styles + codes(seen, at::adaptive_avg_pool2d(image.to(mean_.options()), {input_size, input_size}));
      if (!told(k, styles)) break;
    }
    return styles;
  }

  /// Inverts a picture, as the concept Inverter asks; `progress` is told of each round and may end them. The loss is the mean squared
  /// difference of pixels.
  /// Errors:  a generator with other styles; no round.
  template <Generator G>
  Inversion invert(const G& generator, const Tensor& image, const Stream&,
                   const InversionProgress& progress = {}) const {
    check_image(generator, image);
    check_fits(generator);
    require(rounds >= 1, "ReStyle: expected 1 round or more, found ", rounds);
    const torch::NoGradGuard no_grad;
    Inversion out;
    w_plus(generator, image, [&](std::int64_t k, const Tensor& styles) {
      out.styles = styles.to(generator.mean_style().options());
      const auto made = generator.synthesize(out.styles, Render{});
      out.loss = (made - image.to(made.options())).square().mean().template item<double>();
      return !progress || progress(k + 1, rounds, out.loss);
    });
    return out;
  }

  /// Errors:  a generator whose styles are not of this network's sizes.
  template <Generator G>
  void check_fits(const G& generator) const {
    check_styles(generator, style_count(), style_size());
  }

  std::int64_t rounds = 5;

 private:
  /// Returns pictures [N, 3, H, W] with 256 pixels a side.
  static Tensor resized(const Tensor& pictures);

  Kind kind_;
  IrSeBody body_;
  std::vector<StyleHead> heads_;
  Tensor mean_;
};

/// ReStyleEncoderFile is what a file of a ReStyleEncoder holds: `encoder.*`, `latent_avg` and, as a rule, `decoder.*`.
struct ReStyleEncoderFile {
  TensorMap tensors;
  ReStyleEncoder::Kind kind;
};

/// Reads a native file, or a checkpoint of ReStyle.
/// Errors:  another kind of file; an encoder_type other than BackboneEncoder and ProgressiveBackboneEncoder; those of
///          read_encoder_checkpoint().
ReStyleEncoderFile read_restyle_encoder(const ModelFile& file);

/// Returns the metadata of a native file; `more` adds about, licence, origin.
Metadata restyle_encoder_metadata(ReStyleEncoder::Kind kind, Metadata more = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/inversion/restyle_encoder.ipp"
#endif
