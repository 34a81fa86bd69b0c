/// Translates the names of SigLIP's tensors from Hugging Face's SiglipModel and from OpenCLIP with a tower of timm's to
/// the names by which Siglip reads them. These are OpenAI's names of CLIP where CLIP has such a tensor, and
/// `visual.head.*` for the attention pooling.
#pragma once
#include <string>

#include "nada/formats/tensor_file.hpp"

namespace nada {

/// Returns the tensors of Hugging Face's SiglipModel by Siglip's names.
/// Errors:  a tensor that has no place; a tensor that is missing.
TensorMap siglip_from_huggingface(TensorMap tensors, const std::string& what);

/// Returns the tensors of an OpenCLIP state dict, whose image tower is timm's `visual.trunk`, by Siglip's names.
/// Errors:  a tensor that has no place; a tensor that is missing.
TensorMap siglip_from_openclip(TensorMap tensors, const std::string& what);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/siglip_names.ipp"
#endif
