/// Views chosen at run time by their name.
#pragma once
#include <string>
#include <utility>
#include <variant>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/views/crop_views.hpp"
#include "nada/views/views.hpp"

namespace nada {

/// AnyViews is a menu: Views that hold one of the list `Choice`. New views are added to `Choice` and to `named()`.
class AnyViews {
 public:
  using Choice = std::variant<Plain, CropViews>;

  AnyViews(Choice choice = Plain{}) : choice_(std::move(choice)) {}

  /// Makes the views called "plain" or "crops"; `blur`, in [0, 1], is the blur of crops.
  /// Errors:  another name; a blur outside [0, 1].
  static AnyViews named(const std::string& name, double blur);

  const Choice& choice() const { return choice_; }
  Tensor show(const Tensor& images, const Stream& stream) const;

 private:
  Choice choice_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/views/any_views.ipp"
#endif
