// Bodies of any_views.hpp.
#pragma once
#include "nada/views/any_views.hpp"

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE AnyViews AnyViews::named(const std::string& name, double blur) {
  require(blur >= 0 && blur <= 1, "option blur is ", blur, ", expected 0 to 1");
  if (name == "plain") return Choice{Plain{}};
  if (name == "crops") return Choice{CropViews{.blur = blur}};
  fail("option views: expected plain or crops, found '", name, "'");
}

NADA_INLINE Tensor AnyViews::show(const Tensor& images, const Stream& stream) const {
  return std::visit([&](const auto& views) { return views.show(images, stream); }, choice_);
}

}  // namespace nada
