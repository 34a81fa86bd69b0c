/// What an encoder is trained for: pictures beside their captions, steps beside steps.
#pragma once
#include <cstdint>
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
