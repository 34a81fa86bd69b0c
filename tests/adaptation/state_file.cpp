#include <boost/test/unit_test.hpp>

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nada/adaptation/state.hpp"
#include "nada/adaptation/state_file.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/training/adam.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_state_file)

using namespace nada;
using test::random;
using test::same_bits;

namespace {

Tensor whole_numbers(const std::vector<std::int64_t>& numbers) { return torch::tensor(numbers, torch::kInt64); }

/// Every field has a value that no other has.
AdaptationState full_state() {
  AdaptationState out;
  out.step = 41;
  out.seed = "18446744073709551615";
  out.parameterization = "low-rank-3";
  out.base_hash = std::string(64, 'e');
  out.leaves = {{"conv.4.0.weight", random({2, 3}, 1)}, {"rgb.4.bias", random({3}, 2).to(torch::kFloat32)}};
  out.moments = {{"conv.4.0.weight", {random({2, 3}, 3), random({2, 3}, 4), 17}}, {"rgb.4.bias", {}}};
  out.selector = {{"chosen", whole_numbers({2, 5})},
                  {"counts", whole_numbers({0, -7, 1LL << 40})},
                  {"means", random({2, 3}, 6)},
                  {"asked", torch::tensor(9, torch::kInt64)},
                  {"worst", torch::tensor({-std::numeric_limits<double>::infinity(), 0.1, 1.0 / 3}, torch::kFloat64)},
                  {"chances", random({2}, 7).to(torch::kFloat32)},
                  {"seen", torch::tensor({true, false})},
                  {"none", torch::zeros({0, 3}, torch::kFloat64)}};
  out.anchor_leaves = {{"conv.4.0.weight", random({2, 3}, 5)}};
  out.anchor_step = 30;
  return out;
}

void check_same(const TensorMap& a, const TensorMap& b) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  for (const auto& [name, value] : a) {
    BOOST_TEST_REQUIRE(b.count(name) == 1U, name);
    BOOST_TEST(same_bits(value, b.at(name)), name);
  }
}

/// Writes the state with changed tensors and metadata.
AdaptationState changed(const AdaptationState& state, const std::function<void(TensorMap&, Metadata&)>& change) {
  const TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  save_state(path, state);
  const auto file = Safetensors::open(path);
  auto tensors = to_tensors(file);
  auto metadata = file.metadata();
  change(tensors, metadata);
  save_tensors(folder / "changed.safetensors", tensors, metadata);
  return load_state(folder / "changed.safetensors");
}
std::string error_with(const std::function<void(TensorMap&, Metadata&)>& change) {
  const auto text = error_of([&] { changed(full_state(), change); });
  const auto name = text.find("changed.safetensors");
  return name == std::string::npos ? text : text.substr(name + 19);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_state_is_read_as_it_was_written) {
  const TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  const auto written = full_state();
  save_state(path, written);
  const auto read = load_state(path);
  BOOST_TEST(read.origin == path.string());
  BOOST_TEST(read.step == 41);
  BOOST_TEST(read.seed == written.seed);
  BOOST_TEST(read.parameterization == "low-rank-3");
  BOOST_TEST(read.base_hash == written.base_hash);
  BOOST_TEST(read.anchor_step == 30);
  check_same(written.leaves, read.leaves);
  check_same(written.selector, read.selector);
  check_same(written.anchor_leaves, read.anchor_leaves);
  BOOST_TEST_REQUIRE(read.moments.size() == 2U);
  const auto& moved = read.moments.at("conv.4.0.weight");
  BOOST_TEST(moved.steps == 17);
  BOOST_TEST(same_bits(moved.first, random({2, 3}, 3)));
  BOOST_TEST(same_bits(moved.second, random({2, 3}, 4)));
  const auto& still = read.moments.at("rgb.4.bias");
  BOOST_TEST(still.steps == 0);
  BOOST_TEST(!still.first.defined());
  BOOST_TEST(!still.second.defined());
}

BOOST_AUTO_TEST_CASE(a_state_without_selector_and_anchor_has_neither_in_its_file) {
  const TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  auto state = full_state();
  state.selector.clear();
  state.anchor_leaves.clear();
  state.anchor_step = -1;
  save_state(path, state);
  const auto file = Safetensors::open(path);
  BOOST_TEST(file.metadata().count("nada.selector") == 0U);
  BOOST_TEST(file.metadata().count("nada.anchor_step") == 0U);
  for (const auto& [name, tensor] : to_tensors(file))
    BOOST_TEST((!name.starts_with("anchor.") && !name.starts_with("selector.")), name);
  const auto read = load_state(path);
  BOOST_TEST(read.selector.empty());
  BOOST_TEST(read.anchor_leaves.empty());
  BOOST_TEST(read.anchor_step == -1);
}

BOOST_AUTO_TEST_CASE(an_anchor_that_moved_before_the_first_leaf_did_is_told_from_none) {
  auto state = full_state();
  state.anchor_leaves.clear();
  state.anchor_step = 0;
  const auto read = changed(state, [](auto&, auto&) {});
  BOOST_TEST(read.anchor_step == 0);
  BOOST_TEST(read.anchor_leaves.empty());
}

BOOST_AUTO_TEST_CASE(a_selector_that_has_not_chosen_yet_is_read_as_such) {
  auto state = full_state();
  state.selector = {{"chosen", whole_numbers({})}};
  const auto read = changed(state, [](auto&, auto&) {});
  BOOST_TEST_REQUIRE(read.selector.count("chosen") == 1U);
  BOOST_TEST(read.selector.at("chosen").numel() == 0);
}

BOOST_AUTO_TEST_CASE(a_state_of_an_earlier_version_is_read) {
  const auto read = changed(full_state(), [](TensorMap& tensors, Metadata& metadata) {
    metadata["nada.selector"] = "[2,5]";
    metadata.erase("nada.anchor_step");
    tensors.erase("anchor.conv.4.0.weight");
    std::erase_if(tensors, [](const auto& entry) { return entry.first.starts_with("selector."); });
  });
  check_same(read.selector, {{"chosen", whole_numbers({2, 5})}});
  BOOST_TEST(read.anchor_step == -1);
  BOOST_TEST(read.step == 41);
  check_same(read.leaves, full_state().leaves);
}

BOOST_AUTO_TEST_CASE(the_file_says_in_words_what_it_is) {
  const TemporaryFolder folder;
  save_state(folder / "state.safetensors", full_state());
  const auto file = Safetensors::open(folder / "state.safetensors");
  const auto& metadata = file.metadata();
  BOOST_TEST(metadata.at("nada.kind") == "state");
  BOOST_TEST(metadata.at("nada.step") == "41");
  BOOST_TEST(metadata.at("nada.anchor_step") == "30");
  BOOST_TEST((nlohmann::json::parse(metadata.at("nada.selector")) ==
              nlohmann::json{{"chosen", {2, 5}}, {"counts", {0, -7, 1LL << 40}}}));
  BOOST_TEST(same_bits(to_tensor(file.at("selector.means")), random({2, 3}, 6)));
  BOOST_TEST((nlohmann::json::parse(metadata.at("nada.counts")) ==
              nlohmann::json{{"conv.4.0.weight", 17}, {"rgb.4.bias", 0}}));
}

BOOST_AUTO_TEST_CASE(damaged_states_are_refused) {
  const auto metadata = [](const std::string& key, const std::string& value) {
    return error_with([&](TensorMap&, Metadata& m) { m[key] = value; });
  };
  BOOST_TEST(metadata("nada.step", "41") == "");
  BOOST_TEST(metadata("nada.step", "-1") == ": nada.step is '-1', expected a number >= 0");
  BOOST_TEST(metadata("nada.step", "") == ": nada.step is '', expected a number >= 0");
  for (const auto* bad : {"", "7", "{\"chosen\": 7}", "{\"chosen\": [\"a\"]}", "[1.5]", "{"})
    BOOST_TEST(metadata("nada.selector", bad) == ": nada.selector is damaged", bad);
  BOOST_TEST(metadata("nada.counts", "[17]") == ": nada.counts is damaged");
  BOOST_TEST(metadata("nada.counts", "{\"rgb.4.bias\": 0}") == ": nada.counts lacks conv.4.0.weight");
  BOOST_TEST(metadata("nada.counts", "{\"rgb.4.bias\": 0, \"conv.4.0.weight\": \"x\"}") ==
             ": nada.counts lacks conv.4.0.weight");
  BOOST_TEST(metadata("nada.kind", "delta").find(" is a delta of an adapted generator, expected the state of a run") !=
             std::string::npos);
  BOOST_TEST(error_with([](TensorMap& t, Metadata&) { t["moment.rows.conv.9"] = random({2}, 1); }) ==
             ": there is no leaf of moment.rows.conv.9");
}

BOOST_AUTO_TEST_SUITE_END()
