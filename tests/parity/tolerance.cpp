#include "parity/tolerance.hpp"

#include <torch/types.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "parity/values.hpp"

BOOST_AUTO_TEST_SUITE(parity_tolerance)

using namespace nada::parity;
using nada::Tensor;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Tensor list(const std::vector<double>& values) { return torch::tensor(values, torch::kFloat64); }

double ratio(const Tensor& ours, const Tensor& golden, const Json& tolerance, const Tensor& before = {}) {
  return compare(ours, golden, before, tolerance).ratio;
}
double json_ratio(const Json& ours, const Json& golden, const Json& tolerance) {
  return compare(ours, golden, tolerance).ratio;
}

template <class Body>
void expect_error(const std::string& sentence, Body body) {
  BOOST_CHECK_EXCEPTION(body(), nada::Error, [&](const nada::Error& error) {
    BOOST_TEST(std::string(error.what()).find(sentence) != std::string::npos, error.what());
    return true;
  });
}

/// The report's rule: a check fails where this does not hold for one of its values.
bool passes(double ratio) { return ratio <= 1; }

const Json exact = {{"exact", true}};
const Json sets = {{"exact", true}, {"unordered", true}};

}  // namespace

// ------------------------------------------------------------------------------------------------------------- forms

BOOST_AUTO_TEST_CASE(relative_to_scale_allows_a_share_of_the_largest_golden_number) {
  const Json tolerance = {{"relative_to_scale", 1. / 64}};
  BOOST_TEST(ratio(list({1, 130}), list({1, 128}), tolerance) == 1);
  BOOST_TEST(ratio(list({3, -128}), list({1, -128}), tolerance) == 1);  // of the sizes, whatever the sign and the place
  BOOST_TEST(ratio(list({1, 124}), list({1, 128}), tolerance) == 2);
  BOOST_TEST(ratio(list({0, 1e-30}), list({0, 0}), tolerance) == infinity);
  BOOST_TEST(ratio(list({0, 0}), list({0, 0}), tolerance) == 0);
}

BOOST_AUTO_TEST_CASE(relative_each_allows_a_share_of_each_golden_number) {
  const Json tolerance = {{"relative_each", 0.25}};
  BOOST_TEST(ratio(list({1.25, 128}), list({1, 128}), tolerance) == 1);
  BOOST_TEST(ratio(list({1.5, 128}), list({1, 128}), tolerance) == 2);
  BOOST_TEST(ratio(list({1, 160}), list({1, 128}), tolerance) == 1);
  BOOST_TEST(ratio(list({1e-30, 1}), list({0, 1}), tolerance) == infinity);
  BOOST_TEST(ratio(list({0, 1}), list({0, 1}), tolerance) == 0);
}

BOOST_AUTO_TEST_CASE(absolute_allows_a_largest_error) {
  BOOST_TEST(ratio(list({1, 7.5}), list({1, 8}), {{"absolute", 0.5}}) == 1);
  BOOST_TEST(ratio(list({1, 8.5}), list({1, 8}), {{"absolute", 0.25}}) == 2);
  BOOST_TEST(ratio(list({1, 8}), list({1, 8}), {{"absolute", 0}}) == 0);
  BOOST_TEST(ratio(list({1, 8 + 1e-9}), list({1, 8}), {{"absolute", 0}}) == infinity);
  BOOST_TEST(ratio(list({1, 8 + 1e-9}), list({1, 8}), {{"absolute", -1}}) == infinity);
}

BOOST_AUTO_TEST_CASE(fraction_leaves_the_worst_components_out_and_rounds_the_others_up) {
  const auto ours = list({0.25, 8, 0, -0.125}), golden = list({0, 0, 0, 0});
  const auto of_share = [&](double share) { return ratio(ours, golden, {{"absolute", 0.25}, {"fraction", share}}); };
  BOOST_TEST(of_share(1) == 32);
  BOOST_TEST(of_share(0.76) == 32);
  BOOST_TEST(of_share(0.75) == 1);
  BOOST_TEST(of_share(0.51) == 1);
  BOOST_TEST(of_share(0.5) == 0.5);
  BOOST_TEST(of_share(0) == 0);  // one component at least: the best
  BOOST_TEST(of_share(2) == 32);
}

BOOST_AUTO_TEST_CASE(relative_to_update_allows_a_share_of_what_training_changed) {
  const auto golden = list({1003, 1004}), before = list({1000, 1000});
  BOOST_TEST(ratio(list({1003, 1004.5}), golden, {{"relative_to_update", 0.125}}, before) == 0.8);
  BOOST_TEST(ratio(list({1000, 1000}), golden, {{"relative_to_update", 0.5}}, before) == 2);  // nothing was trained
  BOOST_TEST(ratio(list({1000, 1000.5}), before, {{"relative_to_update", 0.5}}, before) == infinity);
  BOOST_TEST(ratio(before, before, {{"relative_to_update", 0.5}}, before) == 0);
  expect_error("relative_to_update: there is no value before the update", [&] {
    ratio(golden, golden, {{"relative_to_update", 0.5}});
  });
}

BOOST_AUTO_TEST_CASE(exact_allows_nothing_and_counts_what_differs) {
  BOOST_TEST(ratio(list({1, 2, 3}), list({1, 2, 3}), exact) == 0);
  const auto verdict = compare(list({1, 2.5, 2}), list({1, 2, 3}), {}, exact);
  BOOST_TEST(verdict.ratio == infinity);
  BOOST_TEST(verdict.detail == "2 of 3 differ, by up to 1");
}

BOOST_AUTO_TEST_CASE(unordered_forgets_the_order_of_the_last_dimension_alone) {
  const auto golden = list({1, 2, 3, 4}).view({2, 2});
  BOOST_TEST(ratio(list({2, 1, 4, 3}).view({2, 2}), golden, sets) == 0);
  BOOST_TEST(ratio(list({3, 4, 1, 2}).view({2, 2}), golden, sets) == infinity);
  BOOST_TEST(ratio(list({2, 1, 4, 3}).view({2, 2}), golden, exact) == infinity);
  BOOST_TEST(ratio(list({4, 1.5}), list({1, 4}), {{"absolute", 0.5}, {"unordered", true}}) == 1);
  BOOST_TEST(ratio(torch::tensor(4.), torch::tensor(4.), sets) == 0);
}

BOOST_AUTO_TEST_CASE(all_forms_of_a_tolerance_must_hold) {
  const auto ours = list({1, 130}), golden = list({1, 128});
  BOOST_TEST(ratio(ours, golden, {{"absolute", 4}, {"relative_each", 1. / 256}}) == 4);
  BOOST_TEST(ratio(ours, golden, {{"absolute", 0.25}, {"relative_each", 1}}) == 8);
  BOOST_TEST(ratio(ours, golden, {{"absolute", 4}, {"exact", true}}) == infinity);
  const auto verdict = compare(ours, golden, {}, {{"absolute", 4}, {"relative_to_scale", 1. / 128}});
  BOOST_TEST(verdict.ratio == 2);
  BOOST_TEST(verdict.detail == "largest error 2, allowed 1");
}

BOOST_AUTO_TEST_CASE(the_worse_of_two_verdicts_stays_and_no_number_is_the_worst) {
  Verdict verdict;
  verdict.worsen({0.5, "a"});
  verdict.worsen({0.25, "b"});
  BOOST_TEST(verdict.detail == "a");
  verdict.worsen({nan, "c"});
  BOOST_TEST(verdict.detail == "c");
  BOOST_TEST(!passes(verdict.ratio));
}

// ----------------------------------------------------------------------------------------------------------- tensors

BOOST_AUTO_TEST_CASE(another_shape_fails_whatever_the_tolerance) {
  const Json generous = {{"absolute", 1e300}};
  const auto verdict = compare(torch::zeros({2, 3}), torch::zeros({3, 2}), {}, generous);
  BOOST_TEST(verdict.ratio == infinity);
  BOOST_TEST(verdict.detail == "has shape [2, 3], expected [3, 2]");
  BOOST_TEST(ratio(torch::zeros({1, 2}), torch::zeros({2}), generous) == infinity);
  BOOST_TEST(ratio(torch::zeros({2}), torch::zeros({}), generous) == infinity);  // no broadcasting
  BOOST_TEST(ratio(torch::zeros({0}), torch::zeros({2}), generous) == infinity);
  BOOST_TEST(ratio(torch::zeros({1, 1}), torch::zeros({1}), generous) == infinity);
}

BOOST_AUTO_TEST_CASE(one_number_may_stand_in_a_list_or_alone) {
  BOOST_TEST(ratio(torch::full({1}, 2.), torch::full({}, 2.), exact) == 0);
  BOOST_TEST(ratio(torch::full({}, 2.), torch::full({1}, 2.), exact) == 0);
}

BOOST_AUTO_TEST_CASE(nan_and_infinity_fail_whatever_the_tolerance) {
  for (const Json& tolerance : {Json{{"absolute", 1e300}}, Json{{"absolute", 1e300}, {"fraction", 0.1}}, exact})
    for (const double bad : {nan, infinity, -infinity}) {
      BOOST_TEST(ratio(list({1, bad}), list({1, 2}), tolerance) == infinity);
      BOOST_TEST(ratio(list({1, 2}), list({1, bad}), tolerance) == infinity);
      BOOST_TEST(ratio(list({1, bad}), list({1, bad}), tolerance) == infinity);
    }
}

BOOST_AUTO_TEST_CASE(tensors_without_numbers_agree) {
  BOOST_TEST(ratio(torch::zeros({0, 3}), torch::zeros({0, 3}), exact) == 0);
}

BOOST_AUTO_TEST_CASE(numbers_of_any_type_are_compared_in_double_precision) {
  const auto tenth = torch::tensor(0.1, torch::kFloat64);
  BOOST_TEST(ratio(tenth.to(torch::kFloat32), tenth, exact) == infinity);
  BOOST_TEST(passes(ratio(tenth.to(torch::kFloat32), tenth, {{"absolute", 1e-8}})));
  BOOST_TEST(ratio(torch::tensor({16777217}, torch::kInt64), list({16777216}), exact) == infinity);
  BOOST_TEST(ratio(torch::tensor({3, 4}, torch::kInt64), list({3, 4}), exact) == 0);
  BOOST_TEST(ratio(list({2}).requires_grad_(true), list({2}), exact) == 0);
}

// -------------------------------------------------------------------------------------------------------------- JSON

BOOST_AUTO_TEST_CASE(any_json_can_be_exact) {
  BOOST_TEST(json_ratio({"a", 1, true, nullptr}, {"a", 1, true, nullptr}, exact) == 0);
  BOOST_TEST(json_ratio(Json::parse("[1, 2]"), Json::parse("[2, 1]"), exact) == infinity);
  const auto verdict = compare(Json("a zombie"), Json("a face"), exact);
  BOOST_TEST(verdict.ratio == infinity);
  BOOST_TEST(verdict.detail == R"(is "a zombie", expected "a face")");
}

BOOST_AUTO_TEST_CASE(unordered_json_compares_innermost_lists_as_sets) {
  const auto same = [](const char* a, const char* b) { return json_ratio(Json::parse(a), Json::parse(b), sets) == 0; };
  BOOST_TEST(same("[1, 2, 3]", "[3, 1, 2]"));
  BOOST_TEST(same("[[1, 2], [3]]", "[[2, 1], [3]]"));
  BOOST_TEST(!same("[[3], [1, 2]]", "[[1, 2], [3]]"));
  BOOST_TEST(!same("[[1, 2], [3], []]", "[[1, 2], [3]]"));
  BOOST_TEST(!same("[1, 2]", "[1, 2, 3]"));
  BOOST_TEST(!same("[1]", "[[1]]"));
  BOOST_TEST(!same("[[1]]", "[1]"));
  BOOST_TEST(same(R"([["a", "b"]])", R"([["b", "a"]])"));
  BOOST_TEST(same("3", "3"));
  BOOST_TEST(!same("3", "[3]"));
}

BOOST_AUTO_TEST_CASE(json_without_exact_is_compared_as_numbers) {
  BOOST_TEST(json_ratio(Json::parse("[[1, 2.5]]"), Json::parse("[[1, 2]]"), {{"absolute", 0.25}}) == 2);
  BOOST_TEST(json_ratio(3, 3.5, {{"absolute", 0.5}}) == 1);
  expect_error("expected numbers, found \"three\"", [] { json_ratio("three", 3, {{"absolute", 1}}); });
  expect_error("expected lists of equal length", [] {
    json_ratio(Json::parse("[[1], [1, 2]]"), 3, {{"absolute", 1}});
  });
}

BOOST_AUTO_TEST_CASE(objects_are_compared_member_by_member) {
  const auto golden = Json::parse(R"({"conv": {"norm": 4, "mean": 2}, "rgb": {"norm": 1, "mean": 8}})");
  auto ours = golden;
  BOOST_TEST(json_ratio(ours, golden, {{"absolute", 0.5}}) == 0);
  ours["rgb"]["mean"] = 9;
  ours["conv"]["norm"] = 4.5;
  const auto verdict = compare(ours, golden, {{"absolute", 0.5}});
  BOOST_TEST(verdict.ratio == 2);
  BOOST_TEST(verdict.detail == "rgb: mean: largest error 1, allowed 0.5");
}

BOOST_AUTO_TEST_CASE(a_member_too_many_or_too_few_fails) {
  const Json tolerance = {{"absolute", 1e300}};
  const Json golden = {{"a", 1}, {"b", 2}};
  const auto fewer = compare(Json{{"a", 1}}, golden, tolerance);
  BOOST_TEST(fewer.ratio == infinity);
  BOOST_TEST(fewer.detail == "b is missing");
  const auto more = compare(Json{{"a", 1}, {"b", 2}, {"c", 3}}, golden, tolerance);
  BOOST_TEST(more.ratio == infinity);
  BOOST_TEST(more.detail == "c is there, but not in the golden");
  BOOST_TEST(json_ratio(Json(nullptr), golden, tolerance) == infinity);
}

BOOST_AUTO_TEST_CASE(the_count_of_steps_must_be_equal_whatever_the_tolerance) {
  const Json golden = {{"conv", {{"step", 6}, {"exp_avg", 1.0}}}};
  BOOST_TEST(json_ratio({{"conv", {{"step", 6}, {"exp_avg", 1.5}}}}, golden, {{"absolute", 0.5}}) == 1);
  BOOST_TEST(json_ratio({{"conv", {{"step", 5}, {"exp_avg", 1.0}}}}, golden, {{"absolute", 100}}) == infinity);
}

BOOST_AUTO_TEST_CASE(a_tensor_agrees_with_json_of_the_same_numbers) {
  const auto of = [](const Value& ours, const Value& golden, const Json& tolerance) {
    return compare(ours, golden, {}, tolerance).ratio;
  };
  const Json json = Json::parse("[[1, 2], [3, 4.5]]");
  const auto tensor = list({1, 2, 3, 4.5}).view({2, 2});
  BOOST_TEST(of(tensor, json, exact) == 0);
  BOOST_TEST(of(json, tensor, exact) == 0);
  BOOST_TEST(of(tensor + 1, json, {{"absolute", 0.5}}) == 2);
  BOOST_TEST(of(Json("a"), Json("a"), exact) == 0);
  expect_error("expected numbers", [&] { of(tensor, Json("a"), exact); });
}

// --------------------------------------------------------------------------------------------------------- manifests

BOOST_AUTO_TEST_CASE(the_forms_of_the_format_are_taken) {
  for (const char* text :
       {R"({"relative_to_scale": 1e-4})", R"({"relative_each": 1e-4})", R"({"absolute": 1})",
        R"({"absolute": 1, "fraction": 0.9})", R"({"relative_to_update": 0.1})", R"({"exact": true})",
        R"({"exact": true, "unordered": true})", R"({"absolute": 1, "relative_each": 0.5, "exact": false})"})
    BOOST_CHECK_NO_THROW(require_tolerance(Json::parse(text), "check a"));
}

BOOST_AUTO_TEST_CASE(anything_else_is_refused_with_the_place) {
  const auto refused = [](const char* text, const std::string& sentence) {
    expect_error("check a: " + sentence, [&] { require_tolerance(Json::parse(text), "check a"); });
  };
  for (const char* text : {"1e-4", "null", "[]", "{}", R"("exact")"})
    refused(text, "a tolerance must be null or an object with a form");
  refused(R"({"relative": 1})", "the tolerance relative is not in the manifest format");
  refused(R"({"absolute": 1, "Exact": true})", "the tolerance Exact is not in the manifest format");
  refused(R"({"absolute": "1"})", "the tolerance absolute is not in the manifest format");
  refused(R"({"absolute": null})", "the tolerance absolute is not in the manifest format");
  refused(R"({"exact": 1})", "the tolerance exact is not in the manifest format");
  refused(R"({"unordered": "yes"})", "the tolerance unordered is not in the manifest format");
  refused(R"({"fraction": 0.9})", "fraction without absolute");
  refused(R"({"relative_each": 1, "fraction": 0.9})", "fraction without absolute");
}

BOOST_AUTO_TEST_CASE(in_single_precision_the_tolerance_of_the_golden_goes_before_that_of_the_check) {
  const Json loose = {{"absolute", 1}}, tight = {{"absolute", 1e-9}};
  const Json check = {{"tolerance", loose}, {"tolerance_float64", tight}};
  BOOST_TEST(tolerance_of(check, Json::object(), false) == loose);
  BOOST_TEST(tolerance_of(check, {{"tolerance", exact}}, false) == exact);
  BOOST_TEST(tolerance_of(check, {{"tolerance", nullptr}}, false).is_null());
  BOOST_TEST(tolerance_of(Json::object(), {{"tolerance", loose}}, false) == loose);
}

BOOST_AUTO_TEST_CASE(in_double_precision_nothing_holds_but_exact_and_what_was_written_for_it) {
  const Json loose = {{"absolute", 1}}, tight = {{"absolute", 1e-9}}, other = {{"absolute", 1e-6}};
  const Json check = {{"tolerance", loose}, {"tolerance_float64", tight}};
  const Json single = {{"tolerance", loose}};
  BOOST_TEST(tolerance_of(single, Json::object(), true).is_null());
  BOOST_TEST(tolerance_of(check, Json::object(), true) == tight);
  BOOST_TEST(tolerance_of(check, {{"tolerance_float64", other}}, true) == other);
  BOOST_TEST(tolerance_of(check, {{"tolerance_float64", nullptr}}, true).is_null());
  BOOST_TEST(tolerance_of(check, {{"tolerance", nullptr}}, true) == tight);
  BOOST_TEST(tolerance_of(check, {{"tolerance", exact}}, true) == exact);
  BOOST_TEST(tolerance_of(check, {{"tolerance", exact}, {"tolerance_float64", other}}, true) == other);
  BOOST_TEST(tolerance_of({{"tolerance", exact}}, Json::object(), true) == exact);
}

BOOST_AUTO_TEST_SUITE_END()
