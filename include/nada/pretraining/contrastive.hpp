/// What an encoder is trained for: pictures beside their captions, steps beside steps.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "nada/core/tensor.hpp"

namespace nada {

/// The symmetric contrastive loss with several positives:
///     s_ij = scale u_i . t_j,   p_ij = [caption i = caption j] / (how many captions equal it)
///     L = -1/2 mean_i (sum_j p_ij log softmax_j s_ij + sum_j p_ij log softmax_j s_ji)
/// u [N, E] and t [N, E] at unit length, caption [N] numbers that are equal where the captions are.
/// Source: Radford et al., arXiv:2103.00020, figure 3; several positives: Khosla et al., arXiv:2004.11362, equation 2.
/// Facts:  with N different captions it is CLIP's loss; log N where all features are equal.
Tensor contrastive_loss(const Tensor& u, const Tensor& t, const Tensor& caption, const Tensor& scale);

/// Pictures named among the texts of one aspect, as zero-shot classification does, with the cross-entropy as its loss:
///     L = -mean_{i: c_i >= 0} log softmax_c(scale u_i . t_c)[c_i]                       []  0 where no picture counts
/// u [N, E] and t [C, E] at unit length, truth [N] int64 the text of each picture or -1.
/// Why: nearly all pictures of a batch can be told apart by hair and ground alone, so that the contrastive loss has no
/// need of small things such as mouths; here each aspect counts by itself.
/// Source: Yang et al., arXiv:2204.03610, section 3.2 (labels as texts in one space with captions), pictures to texts.
Tensor naming_loss(const Tensor& u, const Tensor& t, const Tensor& truth, const Tensor& scale);

/// Pictures that are partly one thing and partly another, named among texts:
///     L = -mean_{k: a_k, b_k >= 0} (1 - w_k) log p_k(a_k) + w_k log p_k(b_k)   []  0 where no picture counts
///     p_k(c) = softmax_c(scale u_k . t_c)
/// u [N, E] and t [C, E] at unit length; a, b [N] int64 the two texts of each picture, or -1; share [N] = w in [0, 1].
/// Source: Yun et al., arXiv:1905.04899, equation 1 (labels mixed as the pictures are).
Tensor mixed_naming_loss(const Tensor& u, const Tensor& t, const Tensor& a, const Tensor& b, const Tensor& share,
                         const Tensor& scale);

/// How far steps between pictures are from the steps between their captions:
///     L = mean_k 1 - cos(u_bk - u_ak, t_bk - t_ak)   over pairs (a, b) of one content      []  in [0, 2], 0 without
///     pairs
/// Why: adaptation follows exactly these steps. Source: Gal et al., arXiv:2108.00946, equation 2, as a training target.
Tensor step_loss(const Tensor& u, const Tensor& t, const std::vector<std::pair<std::int64_t, std::int64_t>>& pairs);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/contrastive.ipp"
#endif
