// Bodies of pickle_value.hpp.
#pragma once
#include "nada/formats/pickle_value.hpp"

#include <utility>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE std::optional<double> Value::as_real() const {
  if (is(Kind::integer)) return static_cast<double>(integer_);
  return is(Kind::real) ? std::optional(real_) : std::nullopt;
}

NADA_INLINE std::span<const Value* const> Value::items() const {
  return is(Kind::list) || is(Kind::tuple) || is(Kind::set) ? std::span<const Value* const>(items_)
                                                            : std::span<const Value* const>();
}

NADA_INLINE const Value* Value::find(std::string_view name) const {
  for (auto entry = entries(); entry-- > 0;)
    if (key(entry).is(Kind::text) && key(entry).text_ == name) return &value(entry);
  return nullptr;
}

NADA_INLINE Value Value::real(double number) {
  Value value(Kind::real);
  value.real_ = number;
  return value;
}

NADA_INLINE Value Value::text(Kind kind, std::string_view characters) {
  Value value(kind);
  value.text_ = characters;
  return value;
}

NADA_INLINE Value Value::container(Kind kind, std::vector<const Value*> items) {
  Value value(kind);
  value.items_ = std::move(items);
  return value;
}

NADA_INLINE Value Value::object(std::string_view name, const Value* arguments) {
  Value value(Kind::object);
  value.text_ = name;
  value.items_ = {arguments, nullptr};
  return value;
}

NADA_INLINE Value Value::storage(const PickledStorage* storage) {
  Value value(Kind::storage);
  value.storage_ = storage;
  return value;
}

NADA_INLINE Value Value::tensor(const PickledTensor* tensor) {
  Value value(Kind::tensor);
  value.tensor_ = tensor;
  return value;
}

}  // namespace nada
