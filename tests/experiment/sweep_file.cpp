#include "nada/experiment/sweep_file.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/experiment/sweep.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(experiment_sweep_file)

using namespace nada;
using Words = std::vector<std::string>;

namespace {

/// A sweep's own options, and sweep files beside them.
struct Example {
  TemporaryFolder folder;
  SweepOptions own;
  OptionTable table{"sweep", "sweeps", "sweep FILE"};

  Example() { own.declare(table); }
  SweepFile read(const std::string& text) {
    write_text(folder / "sweep.cfg", text);
    return {folder / "sweep.cfg", table};
  }
  /// What is said of a file, behind its name.
  std::string refusal(const std::string& text) {
    const auto said = error_of([&] { read(text); });
    const auto name = join(folder / "sweep.cfg").substr(1);
    const auto at = said.find("sweep.cfg");
    return at == said.npos ? said : said.substr(at + 9);
  }
};

Words values_of(const std::vector<SweepVariant>& variants) {
  Words out;
  for (const auto& variant : variants) {
    out.emplace_back();
    for (const auto& value : variant.values) out.back() += (out.back().empty() ? "" : "/") + value;
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_are_lists_or_ranges) {
  const auto list = read_alternatives("a | b\\|c |");
  BOOST_TEST(list.values == (Words{"a", "b|c", ""}), boost::test_tools::per_element());
  BOOST_TEST(list.text() == "a | b\\|c | ");
  BOOST_TEST(!read_alternatives("0.5").varies());
  const auto range = read_alternatives("uniform(0.5, 4)");
  BOOST_TEST(range.varies());
  BOOST_TEST(range.at(0) == "0.5");
  BOOST_TEST(range.at(0.5) == "2.25");
  BOOST_TEST(range.text() == "uniform(0.5, 4)");
  const auto decades = read_alternatives("log-uniform(0.0001, 0.01)");
  BOOST_TEST(decades.at(0.5) == "0.001");
  BOOST_TEST(read_alternatives(decades.text()).low == decades.low);
  BOOST_TEST(list.at(0) == "a");
  BOOST_TEST(list.at(0.34) == "b|c");
  BOOST_TEST(list.at(0.999) == "");
  for (const auto* text : {"uniform(4, 0.5)", "uniform(1)", "uniform(1, 2", "log-uniform(0, 1)", "uniform(a, 2)"})
    BOOST_TEST(!error_of([&] { read_alternatives(text); }).empty(), text);
}

BOOST_AUTO_TEST_CASE(whole_numbers_of_a_range_have_equal_shares) {
  auto range = read_alternatives("uniform(2, 4)");
  range.whole = true;
  std::vector<int> counts(5, 0);
  for (int i = 0; i < 300; ++i) ++counts.at(static_cast<std::size_t>(std::stoi(range.at(i / 300.0))));
  BOOST_TEST(counts == (std::vector<int>{0, 0, 100, 100, 100}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_grid_has_every_combination_and_other_options_are_the_recipes) {
  Example example;
  const auto file = example.read("lr = 0.001 | 0.002\nterm = | within=0.5\nsteps = 7\nseeds = 0,4\n");
  BOOST_TEST(file.columns() == (Words{"lr", "term"}), boost::test_tools::per_element());
  BOOST_TEST(example.own.seeds == "0,4");
  const auto variants = file.variants(0, 0, "");
  BOOST_TEST(values_of(variants) == (Words{"0.001/", "0.001/within=0.5", "0.002/", "0.002/within=0.5"}),
             boost::test_tools::per_element());
  BOOST_TEST(variants[3].options.lr == 0.002);
  BOOST_TEST(variants[3].options.terms == (Words{"within=0.5"}), boost::test_tools::per_element());
  BOOST_TEST(variants[0].options.terms.empty());
  BOOST_TEST(variants[0].options.steps == 7);
  BOOST_TEST(variants[0].options.batch == 4);  // of the default recipe
  BOOST_TEST(variants[0].options.texts.encoders.size() == 2U);
}

BOOST_AUTO_TEST_CASE(names_are_those_of_what_is_computed) {
  Example example;
  const auto names = [&](const std::string& text, const std::string& measured = "") {
    Words out;
    for (const auto& variant : example.read(text).variants(0, 0, measured)) out.push_back(variant.name);
    return out;
  };
  const auto before = names("lr = 0.001 | 0.002\n");
  BOOST_TEST_REQUIRE(before.size() == 2U);
  BOOST_TEST(before[0] != before[1]);
  const auto more = names("lr = 0.004 | 0.001 | 0.002\nsamples-every = 3\n");  // one more keeps the others
  BOOST_TEST(more[1] == before[0]);
  BOOST_TEST(more[2] == before[1]);
  BOOST_TEST(names("lr = 0.001\n")[0] == before[0]);
  BOOST_TEST(names("lr = 0.001\nsteps = 9\n")[0] != before[0]);
  BOOST_TEST(names("lr = 0.001\n", "count = 20")[0] != before[0]);
  BOOST_TEST(names("lr = 0.001 | 0.0010\n").size() == 1U);
}

BOOST_AUTO_TEST_CASE(samples_are_in_their_ranges_and_more_of_them_keep_those_before) {
  Example example;
  const auto file = example.read(
      "global = uniform(0.5, 4)\nlr = log-uniform(0.0001, 0.01)\nbatch = uniform(2, 4)\nviews = plain | crops\n");
  const auto few = values_of(file.variants(5, 1, "")), many = values_of(file.variants(400, 1, ""));
  BOOST_TEST_REQUIRE(few.size() == 5U);
  BOOST_TEST_REQUIRE(many.size() == 400U);
  BOOST_TEST(Words(many.begin(), many.begin() + 5) == few, boost::test_tools::per_element());
  BOOST_TEST(values_of(file.variants(5, 2, "")) != few);
  double sum = 0, logarithms = 0;
  std::set<std::int64_t> batches;
  std::set<std::string> views;
  for (const auto& variant : file.variants(400, 1, "")) {
    const auto& o = variant.options;
    BOOST_TEST((o.global >= 0.5 && o.global <= 4 && o.lr >= 0.0001 && o.lr <= 0.01));
    sum += o.global / 400;
    logarithms += std::log10(o.lr) / 400;
    batches.insert(o.batch);
    views.insert(o.views);
  }
  BOOST_TEST(std::abs(sum - 2.25) < 0.2);       // standard error 0.05
  BOOST_TEST(std::abs(logarithms + 3) < 0.12);  // standard error 0.03
  BOOST_TEST(batches == (std::set<std::int64_t>{2, 3, 4}), boost::test_tools::per_element());
  BOOST_TEST(views.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_rendered_file_says_the_same_from_another_folder) {
  Example example;
  const auto file =
      example.read("lr = 0.001 | 0.002\nglobal = uniform(0, 1)\nterm = | within=0.5\ntarget-list = list.json\n");
  const auto there = example.folder / "out";
  std::filesystem::create_directories(there);
  write_text(there / "sweep.cfg", file.render(there));
  const SweepFile again(there / "sweep.cfg", example.table);
  const auto first = file.variants(6, 3, ""), second = again.variants(6, 3, "");
  BOOST_TEST_REQUIRE(first.size() == second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    BOOST_TEST(first[i].name == second[i].name);
    BOOST_TEST(first[i].values == second[i].values, boost::test_tools::per_element());
  }
  BOOST_TEST(example.own.cells.target_list == example.folder / "list.json");
}

BOOST_AUTO_TEST_CASE(what_a_sweep_cannot_have_is_named_with_its_line) {
  Example example;
  BOOST_TEST(example.refusal("lr = 1 | 2\nrate = 3\n").starts_with(":2: unknown key 'rate'; the keys are targets, "));
  BOOST_TEST(example.refusal("target = a zombie\n") ==
             ":1: a sweep has no key 'target'; targets names what its cells have");
  BOOST_TEST(example.refusal("seed = 1 | 2\n") == ":1: a sweep has no key 'seed'; seeds names what its cells have");
  BOOST_TEST(example.refusal("source = a face | a head\n") ==
             ":1: all cells of a sweep share the option source, it cannot vary");
  BOOST_TEST(example.refusal("lr = 0.1 | fast\n") == ":1: option lr: expected a number, found 'fast'");
  BOOST_TEST(example.refusal("steps = uniform(1.5, 9)\n") ==
             ":1: option steps: expected a range of whole numbers, found 'uniform(1.5, 9)'");
  BOOST_TEST(example.refusal("samples = many\n") == ":1: option samples: expected a whole number, found 'many'");
  BOOST_TEST(
      example.refusal("generator = mine.pt\n").ends_with("the embedded encoders know the embedded avatars alone"));
  const auto unfit = [&](const std::string& text, std::int64_t samples = 0) {
    return error_of([&] { example.read(text).variants(samples, 0, ""); });
  };
  BOOST_TEST(unfit("global = uniform(0, 1)\n") ==
             "global = uniform(0, 1) is a range, of which a sweep draws: samples = N says how often");
  BOOST_TEST(unfit("views = plain | sideways\n") == "option views: expected plain or crops, found 'sideways'");
  BOOST_TEST(unfit("steps = 0\n") == "options steps and batch: expected at least 1");
  BOOST_TEST(unfit("lr = 1 | 2\n", -1) == "option samples: expected 0 or more, found -1");
}

BOOST_AUTO_TEST_CASE(seeds_are_a_number_or_a_list) {
  using Seeds = std::vector<std::uint64_t>;
  BOOST_TEST(read_seeds("3") == (Seeds{0, 1, 2}), boost::test_tools::per_element());
  BOOST_TEST(read_seeds("7, 5") == (Seeds{7, 5}), boost::test_tools::per_element());
  BOOST_TEST(read_seeds("5,") == (Seeds{5}), boost::test_tools::per_element());
  BOOST_TEST(error_of([] { read_seeds("5,5"); }) == "option seeds: 5 is named twice");
  BOOST_TEST(error_of([] { read_seeds("0"); }) == "option seeds: expected 1 to 10000 of them, found 0");
  BOOST_TEST(error_of([] { read_seeds("a,b"); }) == "option seeds: expected a whole number >= 0, found 'a'");
}

BOOST_AUTO_TEST_SUITE_END()
