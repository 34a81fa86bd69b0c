/// What an encoder is trained for: pictures beside their captions, steps beside steps.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// The symmetric contrastive loss with several positives:
///     s_ij = scale u_i . t_j,   p_ij = [caption i = caption j] / (how many captions equal it)
///     L = -1/2 mean_i (sum_j p_ij log softmax_j s_ij + sum_j p_ij log softmax_j s_ji)
/// u [N, E] and t [N, E] at unit length, caption [N] numbers that are equal where the captions are.
/// Source: Radford et al., arXiv:2103.00020, figure 3; several positives: Khosla et al., arXiv:2004.11362, equation 2.
/// Facts:  with N different captions it is CLIP's loss; log N where all features are equal.
inline Tensor contrastive_loss(const Tensor& u, const Tensor& t, const Tensor& caption, const Tensor& scale) {
  require(u.sizes() == t.sizes() && caption.dim() == 1 && caption.size(0) == u.size(0),
          "contrastive loss: features of ", shape_text(u.sizes()), " and ", shape_text(t.sizes()), ", captions ",
          shape_text(caption.sizes()));
  auto positive = (caption.unsqueeze(1) == caption.unsqueeze(0)).to(u.scalar_type());
  positive = positive / positive.sum(1, true);
  const auto scores = scale * u.matmul(t.t());
  const auto images = -(positive * at::log_softmax(scores, 1)).sum(1).mean();
  const auto texts = -(positive * at::log_softmax(scores.t(), 1)).sum(1).mean();
  return (images + texts) / 2;
}

/// Pictures named among the texts of one aspect, as zero-shot classification does, with the cross-entropy as its loss:
///     L = -mean_{i: c_i >= 0} log softmax_c(scale u_i . t_c)[c_i]                       []  0 where no picture counts
/// u [N, E] and t [C, E] at unit length, truth [N] int64 the text of each picture or -1.
/// Why: nearly all pictures of a batch can be told apart by hair and ground alone, so that the contrastive loss has no
/// need of small things such as mouths; here each aspect counts by itself.
/// Source: Yang et al., arXiv:2204.03610, section 3.2 (labels as texts in one space with captions), pictures to texts.
inline Tensor naming_loss(const Tensor& u, const Tensor& t, const Tensor& truth, const Tensor& scale) {
  require(u.dim() == 2 && t.dim() == 2 && u.size(1) == t.size(1) && truth.dim() == 1 && truth.size(0) == u.size(0),
          "naming loss: features of ", shape_text(u.sizes()), " and ", shape_text(t.sizes()), ", truth ",
          shape_text(truth.sizes()));
  const auto rows = (truth >= 0).nonzero().squeeze(1);
  if (rows.size(0) == 0) return torch::zeros({}, u.options());
  const auto scores = at::log_softmax(scale * u.index_select(0, rows).matmul(t.t()), 1);
  return -scores.gather(1, truth.index_select(0, rows).unsqueeze(1)).mean();
}

/// Pictures that are partly one thing and partly another, named among texts:
///     L = -mean_{k: a_k, b_k >= 0} (1 - w_k) log p_k(a_k) + w_k log p_k(b_k)   []  0 where no picture counts
///     p_k(c) = softmax_c(scale u_k . t_c)
/// u [N, E] and t [C, E] at unit length; a, b [N] int64 the two texts of each picture, or -1; share [N] = w in [0, 1].
/// Source: Yun et al., arXiv:1905.04899, equation 1 (labels mixed as the pictures are).
inline Tensor mixed_naming_loss(const Tensor& u, const Tensor& t, const Tensor& a, const Tensor& b, const Tensor& share,
                                const Tensor& scale) {
  const auto n = u.size(0);
  require(
      u.dim() == 2 && t.dim() == 2 && u.size(1) == t.size(1) && a.numel() == n && b.numel() == n && share.numel() == n,
      "mixed naming loss: features of ", shape_text(u.sizes()), " and ", shape_text(t.sizes()), ", texts ",
      shape_text(a.sizes()), " and ", shape_text(b.sizes()), ", shares ", shape_text(share.sizes()));
  const auto rows = ((a >= 0) & (b >= 0)).nonzero().squeeze(1);
  if (rows.size(0) == 0) return torch::zeros({}, u.options());
  const auto scores = at::log_softmax(scale * u.index_select(0, rows).matmul(t.t()), 1);
  const auto of = [&](const Tensor& which) { return scores.gather(1, which.index_select(0, rows).unsqueeze(1)); };
  return -at::lerp(of(a), of(b), share.index_select(0, rows).unsqueeze(1)).mean();
}

/// How far steps between pictures are from the steps between their captions:
///     L = mean_k 1 - cos(u_bk - u_ak, t_bk - t_ak)   over pairs (a, b) of one content      []  in [0, 2], 0 without
///     pairs
/// Why: adaptation follows exactly these steps. Source: Gal et al., arXiv:2108.00946, equation 2, as a training target.
inline Tensor step_loss(const Tensor& u, const Tensor& t,
                        const std::vector<std::pair<std::int64_t, std::int64_t>>& pairs) {
  if (pairs.empty()) return torch::zeros({}, u.options());
  std::vector<std::int64_t> a, b;
  for (const auto& [first, second] : pairs) {
    a.push_back(first);
    b.push_back(second);
  }
  const auto from = torch::tensor(a), to = torch::tensor(b);
  const auto image = u.index_select(0, to) - u.index_select(0, from);
  const auto text = t.index_select(0, to) - t.index_select(0, from);
  constexpr double least = 1e-3;  // steps shorter than that say nothing
  const auto length = image.norm(2, 1).clamp_min(least) * text.norm(2, 1).clamp_min(least);
  return (1 - (image * text).sum(1) / length).mean();
}

}  // namespace nada
