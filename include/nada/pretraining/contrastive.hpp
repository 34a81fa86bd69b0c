/// The losses of an encoder's training: pictures near their captions, steps of pictures along steps of captions.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "nada/core/tensor.hpp"

namespace nada {

/// The symmetric contrastive loss with several positives:
///     s_ij = scale u_i . t_j,   p_ij = [caption i = caption j] / (how many captions equal caption i)
///     L    = -1/2 mean_i (sum_j p_ij log softmax_j s_ij + sum_j p_ij log softmax_j s_ji)             []
/// u [N, E] and t [N, E] are at unit length; `caption` [N] are numbers that are equal where the captions are.
/// Source:  Radford et al., arXiv:2103.00020, figure 3; several positives: Khosla et al., arXiv:2004.11362, equation 2.
/// Facts:   with N different captions L is CLIP's loss; equal features give log N.
Tensor contrastive_loss(const Tensor& u, const Tensor& t, const Tensor& caption, const Tensor& scale);

/// The loss of naming pictures among the texts of one aspect, as zero-shot classification does, by cross-entropy:
///     L = -mean_{i: c_i >= 0} log softmax_c(scale u_i . t_c)[c_i]                       []  0 where no picture counts
/// u [N, E] and t [C, E] are at unit length; `truth` [N] int64 is the text c_i of each picture, or -1.
/// Source:  Yang et al., arXiv:2204.03610, section 3.2 (labels as texts in one space with captions), pictures to texts.
/// Why:     nearly all pictures of a batch can be told apart by hair and background alone, so that the contrastive loss
///          has no need of small things such as mouths; in this loss each aspect counts by itself.
Tensor naming_loss(const Tensor& u, const Tensor& t, const Tensor& truth, const Tensor& scale);

/// The loss of naming pictures that show partly one text and partly another:
///     L = -mean_{k: a_k, b_k >= 0} (1 - w_k) log p_k(a_k) + w_k log p_k(b_k)            []  0 where no picture counts
///     p_k(c) = softmax_c(scale u_k . t_c)
/// u [N, E] and t [C, E] are at unit length; a, b [N] int64 are the two texts of each picture, or
/// -1; `share` [N] is w in [0, 1].
/// Source:  Yun et al., arXiv:1905.04899, equation 1 (labels mixed as the pictures are).
Tensor mixed_naming_loss(const Tensor& u, const Tensor& t, const Tensor& a, const Tensor& b, const Tensor& share,
                         const Tensor& scale);

/// The loss of steps between pictures that differ from the steps between their captions:
///     L = mean_k 1 - cos(u_bk - u_ak, t_bk - t_ak)   over pairs (a, b) of one content   []  in [0, 2], 0 without pairs
/// Source:  Gal et al., arXiv:2108.00946, equation 2, as a training target.
/// Why:     adaptation follows exactly these steps.
Tensor step_loss(const Tensor& u, const Tensor& t, const std::vector<std::pair<std::int64_t, std::int64_t>>& pairs);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/contrastive.ipp"
#endif
