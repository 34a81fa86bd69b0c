/// The views there are, by name.
#pragma once
#include <string>
#include <utility>
#include <variant>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/views/crop_views.hpp"
#include "nada/views/views.hpp"

namespace nada {

/// A menu: Views that hold one of this list. Another one is added here, in `Choice` and in `named()`.
class AnyViews {
 public:
  using Choice = std::variant<Plain, CropViews>;

  AnyViews(Choice choice = Plain{}) : choice_(std::move(choice)) {}

  /// "plain" or "crops"; `blur` is that of crops, in [0, 1]. Errors:  another name, another blur.
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
