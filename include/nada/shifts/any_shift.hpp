/// A shift chosen at run time.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "nada/core/error.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/shifts/image_shift.hpp"
#include "nada/shifts/mixed_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_mixture.hpp"
#include "nada/shifts/text_shift.hpp"

namespace nada {

/// AnyShift is a menu: a Shift that holds one of the list `Choice`.
/// Errors:  a term that asks a shift by pictures alone, or to several texts, for its text.
class AnyShift {
 public:
  using Choice = std::variant<TextShift, TextMixture, ImageShift, MixedShift<TextShift, ImageShift>,
                              MixedShift<TextMixture, ImageShift>>;

  AnyShift(Choice choice) : choice_(std::move(choice)) {}
  AnyShift(TextShift shift) : choice_(std::move(shift)) {}
  AnyShift(TextMixture shift) : choice_(std::move(shift)) {}

  const Choice& choice() const { return choice_; }

  template <TextImageEncoder E>
  Endpoints endpoints(const E& encoder, const Sampler& anchor) const {
    return std::visit([&](const auto& shift) { return shift.endpoints(encoder, anchor); }, choice_);
  }

  std::string_view source() const {
    return texts([](const auto& shift) { return shift.source(); });
  }
  std::string_view target() const {
    return texts([](const auto& shift) { return shift.target(); });
  }
  std::span<const std::string> templates() const {
    return texts([](const auto& shift) { return shift.templates(); });
  }

 private:
  template <class Read>
  auto texts(Read read) const -> decltype(read(std::declval<const TextShift&>())) {
    return std::visit(
        [&](const auto& shift) -> decltype(read(std::declval<const TextShift&>())) {
          if constexpr (TextualShift<std::decay_t<decltype(shift)>>) return read(shift);
          fail(
              "a part of this objective makes texts of its own, and the shift is not to one text, but by pictures or "
              "to "
              "several texts; say what to move to with one --target TEXT");
        },
        choice_);
  }
  Choice choice_;
};

}  // namespace nada
