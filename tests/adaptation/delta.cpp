#include <boost/test/unit_test.hpp>

#include <limits>
#include <string>

#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/delta_file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"
#include "support/files.hpp"
#include "support/random_stylegan2.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_delta)

using namespace nada;
using test::same_bits;

namespace {

StyleGan2 base(std::uint64_t seed = 0) { return test::small_stylegan2({.seed = seed, .type = torch::kFloat32}); }

/// Leaves of one layer, other than the base's.
Delta delta_of(const StyleGan2& generator, const std::string& layer) {
  Delta out{base_hash(generator), "full", {}};
  const auto k = find_layer(generator.layers(), layer);
  for (std::size_t s = 0; s < generator.layers()[k].slots.size(); ++s)
    out.leaves[layer + "." + generator.layers()[k].slots[s]] = generator.slot(k, s) + 0.5;
  return out;
}

void save_generator(const std::filesystem::path& path, const StyleGan2& generator) {
  save_tensors(path, generator.tensors(), generator_metadata(generator));
}

}  // namespace

BOOST_AUTO_TEST_CASE(applied_it_replaces_the_slots_of_its_layers_and_no_others) {
  const auto generator = base();
  const auto delta = delta_of(generator, "conv.8.1");
  const auto adapted = apply_delta(generator, delta, "a delta");
  for (const auto& [name, value] : adapted.tensors()) {
    const auto leaf = delta.leaves.find(name);
    BOOST_TEST(same_bits(value, leaf == delta.leaves.end() ? generator.tensors().at(name) : leaf->second), name);
  }
}

BOOST_AUTO_TEST_CASE(a_file_round_trip_keeps_leaves_bases_hash_and_metadata) {
  const TemporaryFolder folder;
  const auto delta = delta_of(base(), "conv.8.0");
  save_delta(folder / "d.safetensors", delta, {{"nada.target", "a sketch"}});
  const auto file = Safetensors::open(folder / "d.safetensors");
  BOOST_TEST(file.metadata().at("nada.target") == "a sketch");
  BOOST_TEST(file.metadata().at("nada.kind") == "delta");
  const auto read = load_delta(file);
  BOOST_TEST(read.base_hash == delta.base_hash);
  BOOST_TEST(read.parameterization == "full");
  BOOST_TEST_REQUIRE(read.leaves.size() == 5U);
  for (const auto& [name, value] : delta.leaves) BOOST_TEST(same_bits(read.leaves.at(name), value), name);
}

BOOST_AUTO_TEST_CASE(a_generator_loads_from_a_delta_and_the_base_that_it_names_beside_it) {
  const TemporaryFolder folder;
  const auto generator = base();
  save_generator(folder / "base.safetensors", generator);
  const auto delta = delta_of(generator, "conv.8.0");
  save_delta(folder / "d.safetensors", delta, {{"nada.base", "base.safetensors"}});
  const auto w = test::random_styles(generator, 2);
  const auto expected = apply_delta(generator, delta, "a delta").synthesize(w);
  BOOST_TEST(test::largest_difference(expected, generator.synthesize(w)) > 1e-3);
  BOOST_TEST(same_bits(load_generator(folder / "d.safetensors").synthesize(w), expected));
  BOOST_TEST(same_bits(load_generator(folder / "base.safetensors").synthesize(w), generator.synthesize(w)));
}

BOOST_AUTO_TEST_CASE(a_base_that_is_given_stands_before_the_one_that_is_named) {
  const TemporaryFolder folder;
  const auto generator = base();
  save_generator(folder / "moved.safetensors", generator);
  const auto path = folder / "d.safetensors";
  save_delta(path, delta_of(generator, "conv.8.0"), {{"nada.base", "base.safetensors"}});
  const auto missing = error_of([&] { load_generator(path); });
  BOOST_TEST(missing == path.string() + ": its base " + (folder / "base.safetensors").string() +
                            " is not there; give it with --base");
  BOOST_TEST(error_of([&] { load_generator(path, {}, folder / "moved.safetensors"); }) == "");
  save_delta(path, delta_of(generator, "conv.8.0"));
  BOOST_TEST(error_of([&] { load_generator(path); }) ==
             path.string() + ": the delta names no base; give it with --base");
  BOOST_TEST(error_of([&] {
               load_generator(folder / "moved.safetensors", {}, path);
             }).find("expected a delta (a base was given for it)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(another_base_is_refused_with_both_hashes) {
  const auto delta = delta_of(base(0), "conv.8.0");
  const auto other = base(1);
  BOOST_TEST(error_of([&] { apply_delta(other, delta, "d.safetensors"); }) ==
             "d.safetensors belongs to another base: it was made from the generator with SHA-256 " +
                 base_hash(base(0)).substr(0, 12) + "..., this one has " + base_hash(other).substr(0, 12) + "...");
}

BOOST_AUTO_TEST_CASE(a_missing_leaf_an_unknown_one_and_a_wrong_shape_are_errors_that_name_them) {
  const auto generator = base();
  const auto error = [&](const Delta& delta) { return error_of([&] { apply_delta(generator, delta, "d"); }); };
  auto delta = delta_of(generator, "conv.8.0");
  delta.leaves.erase("conv.8.0.bias");
  BOOST_TEST(error(delta) == "d: layer conv.8.0 has 4 leaves, expected 5");
  delta = delta_of(generator, "conv.8.0");
  delta.leaves["conv.64.0.weight"] = torch::zeros({1});
  BOOST_TEST(error(delta) == "d: the base has no place for conv.64.0.weight");
  delta = delta_of(generator, "conv.8.0");
  delta.leaves["conv.8.0.bias"] = torch::zeros({9});
  BOOST_TEST(error(delta) == "d: conv.8.0.bias has shape [9], the base has [4]");
}

BOOST_AUTO_TEST_CASE(a_parameterization_that_is_not_known_is_an_error_that_names_it) {
  auto delta = delta_of(base(), "conv.8.0");
  delta.parameterization = "low rank of tomorrow";
  BOOST_TEST(error_of([&] { apply_delta(base(), delta, "d"); }) ==
             "d: the parameterization 'low rank of tomorrow' is not known here; there are full, affine, style-offsets, "
             "style-offsets-top-<percent>, channel-scales and low-rank-<rank>");
}

BOOST_AUTO_TEST_CASE(a_file_of_another_kind_or_with_nan_is_refused) {
  const TemporaryFolder folder;
  save_generator(folder / "base.safetensors", base());
  BOOST_TEST(error_of([&] { load_delta(Safetensors::open(folder / "base.safetensors")); }) ==
             (folder / "base.safetensors").string() + " is a StyleGAN2 generator, expected a delta");
  auto delta = delta_of(base(), "conv.8.0");
  delta.leaves["conv.8.0.bias"][1] = std::numeric_limits<float>::quiet_NaN();
  save_delta(folder / "d.safetensors", delta);
  BOOST_TEST(error_of([&] { load_delta(Safetensors::open(folder / "d.safetensors")); }) ==
             (folder / "d.safetensors").string() +
                 ": tensor conv.8.0.bias holds NaN or infinity, expected finite numbers");
}

BOOST_AUTO_TEST_CASE(the_hash_of_a_base_depends_on_every_value_and_not_on_its_type) {
  const auto generator = base();
  const auto hash = base_hash(generator);
  BOOST_TEST(hash.size() == 64U);
  BOOST_TEST(base_hash(generator.to(torch::kCPU, torch::kFloat64)) == hash);
  for (const char* name : {"const.weight", "rgb.4.bias", "noise.8.0", "mean_style", "mapping.1.bias"}) {
    auto tensors = generator.tensors();
    auto changed = tensors.at(name).clone();
    changed.view(-1)[0] += 1;
    tensors[name] = changed;
    BOOST_TEST(base_hash(StyleGan2(std::move(tensors))) != hash, name);
  }
}

BOOST_AUTO_TEST_CASE(a_generator_of_another_kind_has_a_hash_of_its_slots) {
  const test::TinyGenerator generator(1);
  const auto hash = base_hash(generator);
  BOOST_TEST(base_hash(generator.clone()) == hash);
  for (std::size_t k = 0; k < generator.layers().size(); ++k) {
    auto other = generator.clone();
    other.use(k, 0, other.slot(k, 0) + 0.1);
    BOOST_TEST(base_hash(other) != hash, generator.layers()[k].name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
