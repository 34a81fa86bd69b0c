#include <boost/test/unit_test.hpp>

#include "nada/core/stateful.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/all_layers.hpp"
#include "nada/selection/every.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/official_index.hpp"
#include "nada/selection/selector.hpp"
#include "support/files.hpp"
#include "support/probe.hpp"
#include "support/random_stylegan2.hpp"

BOOST_AUTO_TEST_SUITE(selection_official_index)

using namespace nada;
using boost::test_tools::per_element;

static_assert(LayerSelector<OfficialIndex<AdaptiveTopK>> && !Stateful<OfficialIndex<AdaptiveTopK>>);
static_assert(Stateful<Every<OfficialIndex<AdaptiveTopK>>>);

namespace {

/// The official code's list for 64 pixels, conv1, to_rgb1, convs.0 ... convs.7, by the names that the layers have here.
const std::vector<std::string> official{"conv.4.0",  "rgb.4",     "conv.8.0",  "conv.8.1",  "conv.16.0",
                                        "conv.16.1", "conv.32.0", "conv.32.1", "conv.64.0", "conv.64.1"};

const StyleGan2& generator() {
  static const auto made = test::small_stylegan2({.widths = {3, 3, 2, 2, 2}, .latent = 4, .style = 4, .depth = 1});
  return made;
}

/// A probe of it whose global loss has the slope `slopes[l]` in every number of style l.
Probe probe_with(const std::vector<double>& slopes) {
  Probe probe;
  probe.layers = generator().layers();
  for (std::size_t i = 0; i < probe.layers.size(); ++i) probe.candidates.push_back(i);
  probe.styles = [](std::int64_t count) { return test::random_styles(generator(), count); };
  probe.images = [](const Tensor& w, std::int64_t) { return w; };
  const auto slope = torch::tensor(slopes, torch::kFloat64).view({1, -1, 1});
  probe.global_loss = [slope](const Tensor& w) { return (slope * w).sum(); };
  return probe;
}

std::vector<std::string> names(const LayerSet& layers) {
  std::vector<std::string> out;
  for (const auto i : layers) out.push_back(generator().layers()[i].name);
  return out;
}

std::vector<std::string> chosen(std::size_t k, const std::vector<double>& slopes) {
  return names(OfficialIndex(AdaptiveTopK{.k = k}).select(probe_with(slopes)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_index_alone_chooses_the_layer_of_the_official_list) {
  for (std::size_t index = 0; index < official.size(); ++index) {
    std::vector<double> slopes(official.size(), 0.0);
    slopes[index] = -1;
    BOOST_TEST(chosen(1, slopes) == std::vector{official[index]}, per_element());
  }
}

BOOST_AUTO_TEST_CASE(from_index_two_on_the_layer_reads_the_style_before_it) {
  const auto layers = generator().layers();
  const auto order = OfficialIndex<AdaptiveTopK>::layer_of_index(layers);
  BOOST_TEST_REQUIRE(order.size() == 10U);
  BOOST_TEST(names(order) == official, per_element());
  for (int index = 0; index < 10; ++index)
    BOOST_TEST(layers[order[static_cast<std::size_t>(index)]].style == (index < 2 ? index : index - 1));
}

BOOST_AUTO_TEST_CASE(several_are_given_in_the_order_of_the_layers) {
  // the largest are 6, 9, 1, 7
  const std::vector<double> slopes{0.1, -5, 0.2, 0.3, 0, 0.4, 9, -4, 1, -7};
  BOOST_TEST(chosen(4, slopes) == (std::vector<std::string>{"rgb.4", "conv.32.0", "conv.32.1", "conv.64.1"}),
             per_element());
}

BOOST_AUTO_TEST_CASE(without_k_two_thirds_of_all_styles_are_chosen) {
  const std::vector<double> slopes{10, 9, 8, 7, 6, 5, 4, 3, 2, 1};
  BOOST_TEST(chosen(0, slopes) == std::vector(official.begin(), official.begin() + 7), per_element());
}

BOOST_AUTO_TEST_CASE(every_style_can_be_asked_for_and_one_more_cannot) {
  const std::vector<double> slopes(10, 1.0);
  BOOST_TEST(chosen(10, slopes).size() == 10U);
  BOOST_TEST(error_of([&] { chosen(11, slopes); }) ==
             "AdaptiveTopK: k is 11, but only 10 styles are read by convolutions that can train");
}

BOOST_AUTO_TEST_CASE(only_candidates_are_chosen) {
  auto probe = probe_with({10, 9, 8, 7, 6, 5, 4, 3, 2, 1});
  std::erase_if(probe.candidates, [&](std::size_t i) { return probe.layers[i].resolution > 8; });  // as an exit does
  BOOST_TEST(
      names(OfficialIndex(AdaptiveTopK{.k = 4}).select(probe)) == std::vector(official.begin(), official.begin() + 4),
      per_element());
}

BOOST_AUTO_TEST_CASE(other_selectors_see_the_same_layers) {
  const auto probe = probe_with(std::vector<double>(10, 1.0));
  BOOST_TEST(names(OfficialIndex<AllLayers>().select(probe)) == official, per_element());
  BOOST_TEST(error_of([&] { OfficialIndex(NamedLayers{{"rgb.8"}}).select(probe); }).find("layer rgb.8 cannot train") ==
             0U);
}

BOOST_AUTO_TEST_CASE(a_generator_whose_styles_do_not_fit_is_an_error_with_both_numbers) {
  const test::HandMadeProbe made({1, 2, 3});  // rgb.k reads style k + 1: four styles fit three convolutions
  BOOST_TEST(OfficialIndex<AllLayers>().select(made.probe).size() == 4U);
  test::HandMadeProbe wrong({1, 2, 3});
  wrong.layers.back().style = 0;
  BOOST_TEST(error_of([&] { OfficialIndex<AllLayers>().select(wrong.probe); }) ==
             "OfficialIndex: the generator has 3 styles and 3 convolutions, expected one style more than convolutions");
}

BOOST_AUTO_TEST_SUITE_END()
