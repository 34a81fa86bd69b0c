/// The tolerance language of manifests, which says when two numbers agree.
///
/// A tolerance is null (the value is not compared in this precision) or an object of forms, all of which must hold:
///     relative_to_scale: x      the largest error is at most x times the largest golden number
///     relative_each: x          each number is within x times its golden number
///     absolute: x               the largest error is at most x
///     absolute: x, fraction: f  at least the share f of the numbers is within x
///     relative_to_update: x     norm of the error <= x times the norm of what training changed
///     exact: true               equal; with unordered: true each innermost list as a set
/// A wrong shape, NaN and infinity fail whatever the tolerance.
#pragma once
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "values.hpp"

namespace nada::parity {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// Errors:  a form that is not in the tolerance language; the sentence begins with `where`.
inline void require_tolerance(const Json& tolerance, const std::string& where) {
  static const std::set<std::string> forms = {"relative_to_scale", "relative_each", "absolute", "fraction",
                                              "relative_to_update"};
  require(tolerance.is_object() && !tolerance.empty(), where, ": a tolerance must be null or an object with a form");
  for (const auto& [key, value] : tolerance.items())
    require(key == "exact" || key == "unordered" ? value.is_boolean() : forms.count(key) && value.is_number(), where,
            ": the tolerance ", key, " is not in the manifest format");
  require(!tolerance.contains("fraction") || tolerance.contains("absolute"), where, ": fraction without absolute");
}

/// Returns whether a tolerance has the form `key`, which is switched on by `true`.
inline bool is(const Json& tolerance, const char* key) { return tolerance.contains(key) && tolerance[key] == true; }

/// Verdict gives an error as a multiple of the allowed error; above 1 the check fails.
struct Verdict {
  double ratio = 0;
  std::string detail;
  void worsen(Verdict other) {
    if (!(other.ratio <= ratio)) *this = std::move(other);
  }
};

/// Compares tensors of any shape and type in float64; the shapes [] and [1] are the same. `before` is the value that
/// `relative_to_update` starts from, undefined where no form asks for one.
/// Errors:  relative_to_update without `before`.
inline Verdict compare(Tensor ours, Tensor golden, const Tensor& before, const Json& tolerance) {
  const auto plain = [](const Tensor& x) {
    const auto y = x.detach().to(torch::kCPU, torch::kFloat64);
    return y.dim() == 1 && y.numel() == 1 ? y.squeeze(0) : y;
  };
  ours = plain(ours);
  golden = plain(golden);
  if (ours.sizes() != golden.sizes())
    return {infinity, join("has shape ", shape_text(ours.sizes()), ", expected ", shape_text(golden.sizes()))};
  if (!(ours - golden).isfinite().all().item<bool>()) return {infinity, "holds NaN or infinity"};
  if (ours.numel() == 0) return {};
  if (is(tolerance, "unordered") && ours.dim() > 0) {
    ours = std::get<0>(ours.sort(-1));
    golden = std::get<0>(golden.sort(-1));
  }
  const auto error = (ours - golden).abs().flatten();
  const auto size = golden.abs().flatten();
  const auto number = [](const Tensor& x) { return x.item<double>(); };
  const double worst = number(error.max());
  Verdict out;
  const auto form = [&](const char* key, std::string_view what, double value, double scale) {
    const double allowed = tolerance[key].get<double>() * scale;
    const double ratio = value == 0 ? 0 : allowed > 0 ? value / allowed : infinity;
    out.worsen({ratio, join(what, " ", value, ", allowed ", allowed)});
  };
  if (is(tolerance, "exact") && worst != 0)
    out = {infinity, join(number((error != 0).sum()), " of ", error.numel(), " differ, by up to ", worst)};
  if (tolerance.contains("relative_to_scale")) form("relative_to_scale", "largest error", worst, number(size.max()));
  if (tolerance.contains("relative_each"))
    form("relative_each", "largest relative error", number(at::where(error == 0, error, error / size).max()), 1);
  if (tolerance.contains("fraction")) {  // the error that this share of the numbers does not exceed
    const double share = std::ceil(tolerance["fraction"].get<double>() * static_cast<double>(error.numel()));
    const auto k = std::clamp<std::int64_t>(std::llround(share), 1, error.numel());
    form("absolute", "error of most components", number(std::get<0>(error.kthvalue(k))), 1);
  } else if (tolerance.contains("absolute")) {
    form("absolute", "largest error", worst, 1);
  }
  if (tolerance.contains("relative_to_update")) {
    require(before.defined(), "relative_to_update: there is no value before the update");
    form("relative_to_update", "norm of the error", number(error.norm()), number((golden - plain(before)).norm()));
  }
  return out;
}

/// Returns whether two values are equal where neither the order of innermost lists nor the repetition of
/// a value counts.
inline bool equal_sets(const Json& a, const Json& b) {
  const auto nested = [](const Json& list) { return !list.empty() && list.front().is_array(); };
  if (!a.is_array() || !b.is_array()) return a == b;
  if (!nested(a)) return as<std::set<Json>>(a, "list") == as<std::set<Json>>(b, "list");
  return nested(b) && std::equal(a.begin(), a.end(), b.begin(), b.end(), equal_sets);
}

/// Compares JSON: any JSON with `exact`, else numbers, or objects and lists of objects whose values are compared one by one,
/// texts and truth values exactly. A member
/// `step`, which is Adam's count of steps, must be equal whatever the tolerance.
inline Verdict compare(const Json& ours, const Json& golden, const Json& tolerance) {
  if (is(tolerance, "exact")) {
    const bool same = is(tolerance, "unordered") ? equal_sets(ours, golden) : ours == golden;
    if (same) return {};
    return {infinity, join("is ", ours.dump().substr(0, 200), ", expected ", golden.dump().substr(0, 200))};
  }
  Verdict out;
  if (golden.is_string() || golden.is_boolean())
    return ours == golden ? out : Verdict{infinity, join("is ", ours.dump(), ", expected ", golden.dump())};
  if (golden.is_array() && !golden.empty() && golden.front().is_object()) {
    if (!ours.is_array() || ours.size() != golden.size())
      return {infinity, join("is no list of ", golden.size(), " objects")};
    for (std::size_t i = 0; i < golden.size(); ++i) {
      auto part = compare(ours[i], golden[i], tolerance);
      part.detail = join(i, ": ", part.detail);
      out.worsen(std::move(part));
    }
    return out;
  }
  if (!golden.is_object()) return compare(numbers(ours), numbers(golden), {}, tolerance);
  for (const auto& [key, value] : ours.items())
    if (!golden.contains(key)) return {infinity, join(key, " is there, but not in the golden")};
  for (const auto& [key, value] : golden.items()) {
    if (!ours.contains(key)) return {infinity, join(key, " is missing")};
    auto part = compare(ours[key], value, key == "step" ? Json{{"exact", true}} : tolerance);
    part.detail = join(key, ": ", part.detail);
    out.worsen(std::move(part));
  }
  return out;
}

/// Compares JSON with JSON as JSON; where either value is a tensor, compares both as numbers.
inline Verdict compare(const Value& ours, const Value& golden, const Tensor& before, const Json& tolerance) {
  if (std::holds_alternative<Json>(ours) && std::holds_alternative<Json>(golden))
    return compare(std::get<Json>(ours), std::get<Json>(golden), tolerance);
  return compare(numbers(ours), numbers(golden), before, tolerance);
}

/// Returns the tolerance for a golden value of a check in this run; null stands for no comparison. The golden's own
/// `tolerance` has precedence over the check's. In double precision the first of these holds: the golden's
/// `tolerance_float64`, an `exact` tolerance, the check's `tolerance_float64`.
inline Json tolerance_of(const Json& check, const Json& golden, bool float64) {
  const auto& common = golden.contains("tolerance") ? golden["tolerance"] : check.at("tolerance");
  if (!float64) return common;
  if (golden.contains("tolerance_float64")) return golden["tolerance_float64"];
  if (!common.is_null() && is(common, "exact")) return common;
  return check.value("tolerance_float64", Json());
}

}  // namespace nada::parity
