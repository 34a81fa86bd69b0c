#include "nada/editing/channel_statistics_file.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

#include "nada/formats/file.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(editing_channel_statistics_file)

using namespace nada;

namespace {

Tensor numbers(std::vector<std::int64_t> shape, std::uint64_t seed) {
  return test::random(shape, seed).to(torch::kFloat32);
}

ChannelStatistics example() {
  ChannelStatistics out{"abc", {"first", "second"}, {}, {}};
  out.settings.samples = 7;
  out.settings.reach = 2.5;
  out.settings.seed = 9;
  out.settings.resolution = 64;
  out.settings.label = 3;
  out.layers["conv.4.0"] = {numbers({3}, 1), numbers({3}, 2), {numbers({3, 4}, 3), numbers({3, 5}, 4)}};
  out.layers["conv.8.0"] = {numbers({2}, 5), numbers({2}, 6), {numbers({2, 4}, 7), numbers({2, 5}, 8)}};
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(statistics_come_back_as_they_were_written) {
  const TemporaryFolder folder;
  const auto path = folder / "c.safetensors";
  const auto written = example();
  save_channel_statistics(path, written);
  const auto read = load_channel_statistics(path);
  BOOST_TEST((read.base_hash == "abc" && read.encoders == written.encoders));
  BOOST_TEST((read.settings.samples == 7 && read.settings.style_samples == 4096 && read.settings.reach == 2.5 &&
              read.settings.resolution == 64 && read.settings.label == 3 && read.settings.seed == 9));
  BOOST_TEST(read.channels() == 5);
  for (const auto& [name, layer] : written.layers) {
    const auto& again = read.layers.at(name);
    BOOST_TEST((test::same_bits(again.mean, layer.mean) && test::same_bits(again.deviation, layer.deviation)));
    for (std::size_t e = 0; e < 2; ++e) BOOST_TEST(test::same_bits(again.steps[e], layer.steps[e]));
  }
}

BOOST_AUTO_TEST_CASE(statistics_of_some_layers_or_none_are_read_too) {
  const TemporaryFolder folder;
  auto some = example();
  some.layers.erase("conv.8.0");
  save_channel_statistics(folder / "c", some);
  BOOST_TEST(load_channel_statistics(folder / "c").channels() == 3);
}

BOOST_AUTO_TEST_CASE(damaged_files_end_with_one_sentence) {
  const TemporaryFolder folder;
  const auto path = folder / "c";
  save_channel_statistics(path, example());
  const auto file = Safetensors::open(path);
  const auto whole = to_tensors(file);
  const auto words = file.metadata();
  const auto refusal = [&](const TensorMap& tensors, const Metadata& metadata) {
    save_tensors(path, tensors, metadata);
    return error_of([&] { load_channel_statistics(path); });
  };
  auto tensors = whole;
  tensors.erase("conv.4.0.step.1");
  BOOST_TEST(refusal(tensors, words) == path.string() + ": steps of conv.4.0 have shape none, expected [3, E]");
  tensors = whole;
  tensors["conv.8.0.deviation"] = torch::ones({9});
  BOOST_TEST(refusal(tensors, words) == path.string() + ": mean and deviation of conv.8.0 have shapes [2] and [9]");
  tensors = whole;
  tensors["conv.8.0.variance"] = torch::ones({2});
  BOOST_TEST(refusal(tensors, words) ==
             path.string() + ": the tensor \"conv.8.0.variance\" has no place in channel statistics");
  auto other = words;
  other["nada.samples"] = "7x";
  BOOST_TEST(refusal(whole, other) == path.string() + ": nada.samples is no number of its kind: \"7x\"");
  other = words;
  other["nada.reach"] = "-1";
  BOOST_TEST(refusal(whole, other) ==
             path.string() + ": channel statistics: a reach of -1 deviations, expected (0, 1000]");
  other = words;
  other["nada.kind"] = "delta";
  BOOST_TEST(refusal(whole, other) ==
             path.string() + " is a delta of an adapted generator, expected channel statistics");
}

BOOST_AUTO_TEST_SUITE_END()
