/// Every operation of the manifest format, and the function that computes it.
#pragma once
#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "checks.hpp"

namespace nada::parity {

// generator.cpp defines:
Results weights_identical(const Call& call);
Results generator_mean_style(const Call& call);
Results generator_map(const Call& call);
Results generator_synthesize(const Call& call);
Results generator_gradient(const Call& call);
Results generator_path_length(const Call& call);
Results discriminator_score(const Call& call);
Results discriminator_r1(const Call& call);
Results discriminator_loss(const Call& call);

// stylegan3.cpp defines:
Results stylegan3_geometry(const Call& call);
Results stylegan3_filter(const Call& call);
Results stylegan3_filtered_lrelu(const Call& call);
Results stylegan3_modulated_conv2d(const Call& call);

// identity.cpp defines:
Results identity_embed(const Call& call);
Results identity_crop(const Call& call);
Results identity_loss(const Call& call);
Results encoder_invert(const Call& call);
Results encoder_gradient(const Call& call);
Results restyle_invert(const Call& call);

// measures.cpp defines:
Results inception_resize(const Call& call);
Results inception_features(const Call& call);
Results lpips_distance(const Call& call);
Results sifid_pair(const Call& call);
Results hed_edges(const Call& call);

// clip.cpp defines:
Results clip_image(const Call& call);
Results clip_text(const Call& call);
Results clip_logits(const Call& call);
Results clip_image_gradient(const Call& call);
Results clip_tokenize(const Call& call);
Results clip_tokenize_entries(const Call& call);
Results clip_preprocess(const Call& call);
Results clip_preprocess_geometry(const Call& call);
Results clip_preprocess_gradient(const Call& call);
Results clip_preprocess_pictures(const Call& call);

// losses.cpp defines:
Results clip_text_direction(const Call& call);
Results clip_part_directions(const Call& call);
Results clip_image_direction(const Call& call);
Results loss_value_and_gradient(const Call& call);
Results selection_rank(const Call& call);

// adaptation.cpp defines:
Results adaptation_trajectory(const Call& call);

/// Operation is an operation of the manifest format; without a function, the part that it checks does not exist yet.
struct Operation {
  std::string_view name;
  Results (*compute)(const Call&) = nullptr;
};
inline constexpr Operation operations[] = {
    {"weights.identical", weights_identical},
    {"generator.mean_style", generator_mean_style},
    {"generator.map", generator_map},
    {"generator.synthesize", generator_synthesize},
    {"generator.layers", generator_synthesize},
    {"generator.gradient", generator_gradient},
    {"generator.path_length", generator_path_length},
    {"discriminator.score", discriminator_score},
    {"discriminator.r1", discriminator_r1},
    {"discriminator.loss", discriminator_loss},
    {"stylegan3.geometry", stylegan3_geometry},
    {"stylegan3.filter", stylegan3_filter},
    {"stylegan3.filtered_lrelu", stylegan3_filtered_lrelu},
    {"stylegan3.modulated_conv2d", stylegan3_modulated_conv2d},
    {"identity.embed", identity_embed},
    {"identity.crop", identity_crop},
    {"identity.loss", identity_loss},
    {"encoder.invert", encoder_invert},
    {"encoder.gradient", encoder_gradient},
    {"restyle.invert", restyle_invert},
    {"inception.resize", inception_resize},
    {"inception.features", inception_features},
    {"lpips.distance", lpips_distance},
    {"sifid.pair", sifid_pair},
    {"hed.edges", hed_edges},
    {"clip.image", clip_image},
    {"clip.text", clip_text},
    {"clip.logits", clip_logits},
    {"clip.image_gradient", clip_image_gradient},
    {"clip.image_layers", clip_image},
    {"clip.text_layers", clip_text},
    {"clip.tokenize", clip_tokenize},
    {"clip.tokenize_entries", clip_tokenize_entries},
    {"clip.preprocess", clip_preprocess},
    {"clip.preprocess_geometry", clip_preprocess_geometry},
    {"clip.preprocess_gradient", clip_preprocess_gradient},
    {"clip.preprocess_pictures", clip_preprocess_pictures},
    {"clip.text_direction", clip_text_direction},
    {"clip.part_directions", clip_part_directions},
    {"clip.image_direction", clip_image_direction},
    {"loss.value_and_gradient", loss_value_and_gradient},
    {"selection.rank", selection_rank},
    {"adaptation.trajectory", adaptation_trajectory},
};

/// Returns the operation of that name, or nullptr where the manifest format has none.
inline const Operation* find_operation(const std::string& name) {
  const auto found = std::ranges::find(operations, name, &Operation::name);
  return found == std::end(operations) ? nullptr : found;
}

}  // namespace nada::parity
