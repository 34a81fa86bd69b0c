// Bodies of contrastive.hpp.
#pragma once
#include "nada/pretraining/contrastive.hpp"

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE Tensor contrastive_loss(const Tensor& u, const Tensor& t, const Tensor& caption, const Tensor& scale) {
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

NADA_INLINE Tensor naming_loss(const Tensor& u, const Tensor& t, const Tensor& truth, const Tensor& scale) {
  require(u.dim() == 2 && t.dim() == 2 && u.size(1) == t.size(1) && truth.dim() == 1 && truth.size(0) == u.size(0),
          "naming loss: features of ", shape_text(u.sizes()), " and ", shape_text(t.sizes()), ", truth ",
          shape_text(truth.sizes()));
  const auto rows = (truth >= 0).nonzero().squeeze(1);
  if (rows.size(0) == 0) return torch::zeros({}, u.options());
  const auto scores = at::log_softmax(scale * u.index_select(0, rows).matmul(t.t()), 1);
  return -scores.gather(1, truth.index_select(0, rows).unsqueeze(1)).mean();
}

NADA_INLINE Tensor mixed_naming_loss(const Tensor& u, const Tensor& t, const Tensor& a, const Tensor& b,
                                     const Tensor& share, const Tensor& scale) {
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

NADA_INLINE Tensor step_loss(const Tensor& u, const Tensor& t,
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
  constexpr double least = 1e-3;  // shorter steps carry no information
  const auto length = image.norm(2, 1).clamp_min(least) * text.norm(2, 1).clamp_min(least);
  return (1 - (image * text).sum(1) / length).mean();
}

}  // namespace nada
