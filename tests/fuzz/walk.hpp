/// Everything that can be asked of a model container, for the targets that get one out of their input.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "nada/formats/model_container.hpp"

namespace nada::fuzz {

/// What a view promises: its bytes cover every element that shape and strides reach, and no more.
inline void check(const TensorView& tensor) {
  hold(tensor.shape.size() == tensor.strides.size(), "a tensor with another number of strides than dimensions");
  std::uint64_t reach = count(tensor) > 0 ? 1 : 0;
  for (std::size_t i = 0; i < tensor.shape.size() && reach > 0; ++i)
    reach += static_cast<std::uint64_t>(tensor.shape[i] - 1) * static_cast<std::uint64_t>(tensor.strides[i]);
  hold(reach * size_of(tensor.dtype) == tensor.bytes.size(), "a tensor whose bytes are not what it reaches");
  touch(tensor.bytes);
  is_contiguous(tensor);
}

/// Follows what a value holds, as far as `left` steps go.
inline void follow(const Value& value, int& left, int depth = 0) {
  if (--left < 0 || depth > 100) return;
  name_of(value.kind());
  touch(std::as_bytes(std::span(value.text())));
  hold(value.as_text().has_value() == value.is(Value::Kind::text), "a text that is none");
  if (const auto* const tensor = value.as_tensor()) hold(tensor->storage != nullptr, "a tensor without a storage");
  if (const auto* const storage = value.as_storage()) touch(storage->bytes);
  for (const auto* const item : value.items()) follow(*item, left, depth + 1);
  for (std::size_t i = 0; i < value.entries(); ++i) {
    follow(value.key(i), left, depth + 1);
    follow(value.value(i), left, depth + 1);
  }
  if (value.arguments() != nullptr) follow(*value.arguments(), left, depth + 1);
  if (value.state() != nullptr) follow(*value.state(), left, depth + 1);
  ModelContainer::fields(value);
  touch(std::as_bytes(std::span(ModelContainer::class_name(value))));
}

inline void walk(const ModelContainer& file, std::string_view name, std::size_t input_size) {
  const auto asked = [&](auto&& question) { attempt(name, input_size, question); };
  int left = 10'000;
  follow(file.root(), left);
  for (const auto* const path : {"", "a", "synthesis.img_resolution", "G_ema.mapping.z_dim", "g_ema.conv1.weight"})
    asked([&] { file.attribute("", path); });
  std::vector<std::string> components;
  asked([&] { components = file.components(); });
  components.resize(std::min<std::size_t>(components.size(), 4));
  components.emplace_back();
  for (const auto& component : components)
    asked([&] {
      for (const auto& tensor : file.tensors(component)) check(tensor);
      file.attribute(component, "synthesis.b4.conv1.weight");
    });
}

}  // namespace nada::fuzz
