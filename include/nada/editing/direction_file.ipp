// Bodies of direction_file.hpp.
#pragma once
#include "nada/editing/direction_file.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/hub.hpp"
#include "nada/formats/model_container.hpp"
#include "nada/formats/npy.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {
namespace detail {

inline constexpr std::string_view offset_prefix = "offset.";

inline Direction native_direction(const ModelContainer& file) {
  const auto& words = file.metadata();
  const auto kind = recognise(words, file.what()).value_or(FileKind::unknown);
  require(kind == FileKind::direction, file.what(), " is ", name_of(kind), ", expected a direction of an edit");
  Direction out{.name = value_or(words, "nada.name"),
                .method = value_or(words, "nada.method"),
                .found_in = value_or(words, "nada.found_in"),
                .base_hash = value_or(words, "nada.base_sha256")};
  const auto space = value_or(words, "nada.space");
  bool known = false;
  for (const auto one : {EditSpace::w, EditSpace::w_plus, EditSpace::style})
    if (space == name_of(one)) out.space = one, known = true;
  require(known, file.what(), ": a direction in the space ", in_quotes(space), ", expected w, w+ or style");
  for (const auto& view : file.tensors()) {
    const bool offset = view.name.starts_with(offset_prefix);
    require(offset == (out.space == EditSpace::style) && (offset || view.name == "direction"), file.what(),
            ": the tensor ", in_quotes(view.name), " has no place in a direction in ", space);
    if (offset)
      out.offsets[view.name.substr(offset_prefix.size())] = to_tensor(view).to(torch::kFloat32);
    else
      out.styles = to_tensor(view).to(torch::kFloat32);
  }
  const auto d = out.space == EditSpace::w ? 1 : 2;
  require(out.space == EditSpace::style ? !out.offsets.empty() : out.styles.defined() && out.styles.dim() == d,
          file.what(), ": expected ", out.space == EditSpace::style ? "tensors offset.<layer>" : "a tensor direction",
          out.space == EditSpace::style ? ""
          : out.space == EditSpace::w   ? " [D]"
                                        : " [L, D]",
          ", found none");
  for (const auto& [layer, offset] : out.offsets)
    require(offset.dim() == 1, file.what(), ": the offsets of ", layer, " have shape ", shape_text(offset.sizes()),
            ", expected [C]");
  return out;
}

/// Returns a direction of another program from the tensor that its file holds.
inline Direction foreign_direction(Tensor tensor, const std::filesystem::path& path, std::string method) {
  const auto shape = shape_text(tensor.sizes());
  require(tensor.is_floating_point(), path, ": a direction of whole numbers, expected floating-point ones");
  while (tensor.dim() > 1 && tensor.size(0) == 1) tensor = tensor.squeeze(0);
  require((tensor.dim() == 1 || tensor.dim() == 2) && tensor.numel() > 0, path, ": a direction of shape ", shape,
          ", expected [D] or [1, D] of W, or [L, D] of W+");
  return {.name = path.stem().string(),
          .space = tensor.dim() == 1 ? EditSpace::w : EditSpace::w_plus,
          .styles = tensor.to(torch::kFloat32).contiguous(),
          .method = std::move(method),
          .found_in = path.filename().string()};
}

inline Direction read_direction(const std::filesystem::path& path) {
  const MappedFile file(path);
  if (is_npy(file.bytes()))
    return foreign_direction(to_tensor(read_npy(file.bytes(), path.string())), path, "boundary");
  const auto container = ModelContainer::open(path);
  if (container.container() == "safetensors") return native_direction(container);
  const auto tensors = container.tensors();
  require(tensors.size() == 1, path, ": holds ", tensors.size(), " tensors, expected one, the direction");
  return foreign_direction(to_tensor(tensors.front()), path, "direction of torch.save");
}

}  // namespace detail

NADA_INLINE void save_direction(const std::filesystem::path& path, const Direction& direction) {
  TensorMap tensors;
  if (direction.space == EditSpace::style) {
    for (const auto& [layer, offset] : direction.offsets)
      tensors[std::string(detail::offset_prefix) + layer] = offset.cpu().contiguous();
  } else {
    tensors["direction"] = direction.styles.cpu().to(torch::kFloat32).contiguous();
  }
  Metadata words{{"nada.kind", "direction"},
                 {"nada.format", std::string(format_version)},
                 {"nada.name", direction.name},
                 {"nada.space", std::string(name_of(direction.space))}};
  if (!direction.method.empty()) words["nada.method"] = direction.method;
  if (!direction.found_in.empty()) words["nada.found_in"] = direction.found_in;
  if (!direction.base_hash.empty()) words["nada.base_sha256"] = direction.base_hash;
  save_tensors(path, tensors, words);
}

NADA_INLINE Direction load_direction(const std::filesystem::path& path) {
  auto out = detail::read_direction(local_path(path));
  auto tensors = out.offsets;
  if (out.styles.defined()) tensors["direction"] = out.styles;
  require_finite(tensors, path.string());
  double size = 0;
  for (const auto& [name, tensor] : tensors) size += tensor.to(torch::kFloat64).square().sum().item<double>();
  require(size > 0, path, ": a direction of zeros alone moves nothing");
  return out;
}

}  // namespace nada
