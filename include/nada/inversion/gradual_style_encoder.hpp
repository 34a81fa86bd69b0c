/// Encoders of pictures to styles: e4e and pSp, read from the checkpoints of their projects.
/// Source:  Tov et al., Designing an Encoder for StyleGAN Image Manipulation, arXiv:2102.02766 (e4e); Richardson et al.,
///          Encoding in Style, arXiv:2008.00951 (pSp).
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/ir_se.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/inversion/inverter.hpp"

namespace nada {

namespace detail {
/// Returns the tensors whose names begin with `prefix`, without it.
TensorMap with_prefix(const TensorMap& tensors, std::string_view prefix);
}  // namespace detail

/// StyleHead makes a style of a feature map: convolutions of stride 2 with leaky ReLUs, to one place, and a dense layer.
struct StyleHead {
  /// Reads `<name>.convs.K.*` and `<name>.linear.*` of a head with `depth` convolutions that sees `in` channels and gives `out`.
  /// Errors:  a tensor that is missing or of another shape.
  static StyleHead read(const Weights& weights, const std::string& name, std::int64_t in, int depth, std::int64_t out);
  Tensor operator()(Tensor x) const;  // [N, in, h, w] -> [N, out]

  std::vector<Tensor> weights, biases;  // convolutions
  Tensor weight, bias;                  // the dense layer
};

/// Returns the mean style [L, D] of a file: `mean` is [L, D] or [D].
/// Errors:  another shape, or another L than `count`.
Tensor mean_of_heads(const Tensor& mean, std::int64_t count, const std::string& what);

/// GradualStyleEncoder gives w+ codes of a picture in one pass: an IR-SE 50, a pyramid of three levels, and a head for each style.
///     codes_i = head_i           (pSp)        codes_0 = head_0, codes_i = head_0 + head_i      (e4e)
///     w+ = codes + mean          [N, L, D], the mean style of the file
class GradualStyleEncoder {
 public:
  enum class Kind { e4e, psp };
  static constexpr std::int64_t input_size = 256;  // pixels of a side that the network was trained on

  /// Takes `input_layer.*`, `body.*`, `latlayer1.*`, `latlayer2.*`, `styles.I.*`; `mean` is [L, D] or [D].
  /// Errors:  a tensor that is missing or of another shape.
  GradualStyleEncoder(const TensorMap& tensors, const Tensor& mean, Kind kind, const std::string& what,
                      torch::TensorOptions options = torch::kFloat32);

  /// Reads the encoder of a file. Errors:  those of read_gradual_style_encoder() and of the constructor.
  static GradualStyleEncoder load(const ModelFile& file, Placement place = {});
  static GradualStyleEncoder load(const std::filesystem::path& path, Placement place = {}) {
    return load(ModelFile::open(path), place);
  }
  /// Reads the generator that the file holds beside the encoder. Errors:  none there; those of StyleGan2.
  static StyleGan2 load_decoder(const ModelFile& file, Placement place = {});

  Kind kind() const { return kind_; }
  std::int64_t style_count() const { return static_cast<std::int64_t>(heads_.size()); }  ///< L
  std::int64_t style_size() const { return mean_.size(1); }                              ///< D

  /// Returns the codes of pictures [N, 3, 256, 256] in [-1, 1], [N, L, D]; calls tap("c1" | "c2" | "c3", features).
  /// Errors:  another shape.
  Tensor codes(const Tensor& images, const std::function<void(std::string_view, const Tensor&)>& tap = {}) const;

  /// Returns the styles w+ of pictures [N, 3, H, W] in [-1, 1], which are resized to 256 pixels, [N, L, D].
  Tensor w_plus(const Tensor& images) const;

  /// Inverts a picture in one pass, as the concept Inverter asks; `progress` is told once. The loss of the result is the
  /// mean squared difference of pixels.
  /// Errors:  a generator with other styles.
  template <Generator G>
  Inversion invert(const G& generator, const Tensor& image, const Stream&,
                   const InversionProgress& progress = {}) const {
    check_image(generator, image);
    check_fits(generator);
    const torch::NoGradGuard no_grad;
    Inversion out;
    out.styles = w_plus(image.to(mean_.options())).to(generator.mean_style().options());
    const auto made = generator.synthesize(out.styles, Render{});
    out.loss = (made - image.to(made.options())).square().mean().template item<double>();
    if (progress) progress(1, 1, out.loss);
    return out;
  }

  /// Errors:  a generator whose styles are not of this network's sizes.
  template <Generator G>
  void check_fits(const G& generator) const {
    check_styles(generator, style_count(), style_size());
  }

 private:
  Kind kind_;
  IrSeBody body_;
  Tensor lateral1_, lateral1_bias_, lateral2_, lateral2_bias_, mean_;
  std::vector<StyleHead> heads_;
};

/// EncoderCheckpoint is what a file of an encoder of pictures to styles holds: `encoder.*`, `latent_avg` and, as a rule,
/// `decoder.*`, a generator with rosinality's names; and `opts.encoder_type`.
struct EncoderCheckpoint {
  TensorMap tensors;
  std::string encoder_type;
};

/// Reads a native file, or a checkpoint of pSp, e4e or ReStyle. No code of the file is run; counters of batch norms are left out.
/// Errors:  no latent_avg; no encoder_type; NaN.
EncoderCheckpoint read_encoder_checkpoint(const ModelFile& file);

/// GradualStyleEncoderFile is what a file of a GradualStyleEncoder holds: `encoder.*`, `latent_avg` and, as a rule, `decoder.*`, a generator
/// with rosinality's names.
struct GradualStyleEncoderFile {
  TensorMap tensors;
  GradualStyleEncoder::Kind kind;
};

/// Reads a native file, or a checkpoint of pSp or e4e: `state_dict`, `latent_avg`, and the kind from `opts.encoder_type`, where
/// `opts` is a dict or an argparse.Namespace. No code of the file is run; counters of batch norms are left out.
/// Errors:  another kind of file; an encoder_type other than Encoder4Editing and GradualStyleEncoder; NaN.
GradualStyleEncoderFile read_gradual_style_encoder(const ModelFile& file);

/// Returns the metadata of a native file; `more` adds about, licence, origin.
Metadata gradual_style_encoder_metadata(GradualStyleEncoder::Kind kind, Metadata more = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/inversion/gradual_style_encoder.ipp"
#endif
