#include <boost/test/unit_test.hpp>

#include "nada/formats/file.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/pretraining/attribute_classifier.hpp"
#include "nada/pretraining/coverage.hpp"
#include "nada/pretraining/image_set.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_coverage)

using namespace nada;

namespace {

const std::vector<AttributeColumn> columns = {{"colour", {"blue", "green", "red"}}, {"side", {"left", "right"}}};

/// Pictures of one colour each, and a table that says which.
ImageSet flat_pictures(const TemporaryFolder& folder, const std::vector<std::string>& colours) {
  auto images = torch::zeros({static_cast<std::int64_t>(colours.size()), 3, 8, 8}, torch::kUInt8);
  std::string table = "colour\n";
  for (std::size_t i = 0; i < colours.size(); ++i) {
    images[static_cast<std::int64_t>(i)][colours[i] == "red" ? 0 : colours[i] == "green" ? 1 : 2].fill_(200);
    table += colours[i] + "\n";
  }
  save_tensors(folder / "0.safetensors", {{"images", images}}, {});
  write_text(folder / "0.csv", table);
  return ImageSet::open(folder.path());
}

}  // namespace

BOOST_AUTO_TEST_CASE(shares_are_counted_among_the_pictures_that_say_something) {
  const auto numbers = torch::tensor({0, -1, 2, 0, 2, 1, 2, -1, 2, -1}, torch::kInt64).view({5, 2});
  const auto shares = shares_of(numbers, columns);  // colour: 0 2 2 2 2, side: - 0 1 - -
  BOOST_TEST(shares[0] == (std::vector<double>{0.2, 0, 0.8}), boost::test_tools::per_element());
  BOOST_TEST(shares[1] == (std::vector<double>{0.5, 0.5}), boost::test_tools::per_element());
  BOOST_TEST(shares_of(torch::full({5, 2}, -1, torch::kInt64), columns)[1] == (std::vector<double>{0, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_class_is_covered_within_a_factor_of_its_share_and_not_counted_where_there_is_none) {
  BOOST_TEST(is_covered(0.1, 0.05));
  BOOST_TEST(is_covered(0.1, 0.2));
  BOOST_TEST(!is_covered(0.1, 0.0499));
  BOOST_TEST(!is_covered(0.1, 0.2001));
  BOOST_TEST(!is_covered(0.1, 0));
  BOOST_TEST(is_covered(0.1, 0.0499, 3));
  const auto found = coverage({{0.6, 0.3, 0.1}, {1, 0}}, {{0.5, 0.5, 0}, {0.4, 0.6}});
  BOOST_TEST(found.covered == 2);  // blue and green are near enough, red is missing; of the sides only one is real
  BOOST_TEST(found.classes == 4);
  BOOST_TEST(found.share() == 0.5);
  BOOST_TEST(error_of([] { coverage(ClassShares{{1}}, ClassShares{{0.5, 0.5}}); }) == "shares of 1 and of 2 classes");
}

BOOST_AUTO_TEST_CASE(a_generator_that_draws_too_little_of_a_colour_is_seen_through) {
  const TemporaryFolder folder;
  std::vector<std::string> colours;
  for (int i = 0; i < 100; ++i) colours.emplace_back(i % 10 < 6 ? "red" : i % 10 < 9 ? "green" : "blue");
  const auto set = flat_pictures(folder, colours);
  ClassifierSettings settings;
  settings.channels = {6, 6};
  settings.resolution = 8;
  settings.steps = 60;
  settings.batch = 16;
  settings.adam.rate = 0.01;
  const auto classifier = train_classifier(set, settings, [](std::int64_t, double) { return true; });
  const auto real = told_shares(set, classifier.columns());
  BOOST_TEST(real[0] == (std::vector<double>{0.1, 0.3, 0.6}), boost::test_tools::per_element());

  // A "generator" of 200 flat pictures: 4 blue (2%), 116 green (58%), 80 red (40%); a little out of range, as happens.
  const auto drawn = [](std::int64_t first, std::int64_t count) {
    auto images = torch::full({count, 3, 8, 8}, -1.02);
    for (std::int64_t k = 0; k < count; ++k) images[k][first + k < 4 ? 2 : first + k < 120 ? 1 : 0].fill_(0.6);
    return images;
  };
  const auto seen = seen_shares(classifier, 200, drawn);
  BOOST_TEST(seen[0] == (std::vector<double>{0.02, 0.58, 0.4}), boost::test_tools::per_element());
  const auto found = coverage(real, seen);
  BOOST_TEST(found.covered == 2);
  BOOST_TEST(found.classes == 3);
}

BOOST_AUTO_TEST_SUITE_END()
