#include <boost/test/unit_test.hpp>

#include "nada/core/stream.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/pretraining/attribute_classifier.hpp"
#include "nada/pretraining/image_set.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_attribute_classifier)

using namespace nada;

namespace {

const std::vector<std::string> colours = {"blue", "green", "red"};

/// `count` pictures of 16 px, one colour each with a little noise, brighter on the left or on the right. The table says
/// both; every fourth picture says nothing of its side.
ImageSet flat_pictures(const TemporaryFolder& folder, std::int64_t count, std::uint64_t seed) {
  const auto path = folder / ("flat" + std::to_string(seed));
  std::filesystem::create_directories(path);
  const auto u = Stream{seed}.uniform(Purpose::samples, {count, 2});
  auto images = 100 + 8 * Stream{seed}.normal(Purpose::samples, {count, 3, 16, 16});
  std::string table = "caption,colour,side,kind\n";
  for (std::int64_t i = 0; i < count; ++i) {
    const auto colour = static_cast<std::int64_t>(3 * u[i][0].item<double>());
    const bool left = u[i][1].item<double>() < 0.5;
    images[i][2 - colour] += 60;
    images[i].narrow(2, left ? 0 : 8, 8) += 40;
    table += "a flat picture," + colours[static_cast<std::size_t>(colour)] + ',' +
             (i % 4 == 3 ? ""
              : left     ? "bright on the left"
                         : "bright on the right") +
             ",flat\n";
  }
  save_tensors(path / "0.safetensors", {{"images", images.clamp(0, 255).to(torch::kUInt8)}}, {});
  write_text(path / "0.csv", table);
  return ImageSet::open(path);
}

ClassifierSettings small() {
  ClassifierSettings out;
  out.channels = {8, 12};
  out.resolution = 8;
  out.steps = 120;
  out.batch = 24;
  out.adam.rate = 0.01;
  return out;
}
const auto on = [](std::int64_t, double) { return true; };

}  // namespace

BOOST_AUTO_TEST_CASE(columns_are_those_that_tell_pictures_apart_with_sorted_texts) {
  const TemporaryFolder folder;
  const auto set = flat_pictures(folder, 40, 1);
  const auto columns = attribute_columns(set);
  BOOST_TEST(columns.size() == 2U);  // `kind` has one text
  BOOST_TEST(columns[0].name == "colour");
  BOOST_TEST(columns[0].texts == colours, boost::test_tools::per_element());
  BOOST_TEST(columns[1].name == "side");
  BOOST_TEST(columns[1].number("bright on the right") == 1);
  BOOST_TEST(columns[1].number("bright") == -1);
  const auto numbers = attribute_numbers(set, {3, 0}, columns);
  BOOST_TEST(numbers[0][1].item<std::int64_t>() == -1);  // the fourth says nothing of its side
  BOOST_TEST(columns[0].texts[static_cast<std::size_t>(numbers[1][0].item<std::int64_t>())] ==
             set[0].texts.at("colour"));
}

BOOST_AUTO_TEST_CASE(names_flat_pictures_that_it_never_saw_and_comes_back_from_its_file) {
  const TemporaryFolder folder;
  const auto classifier = train_classifier(flat_pictures(folder, 400, 1), small(), on);
  const auto held = flat_pictures(folder, 200, 2);
  const auto found = attribute_accuracy(classifier, held);
  BOOST_TEST(found.size() == 2U);
  BOOST_TEST(found[0].pictures == 200);
  BOOST_TEST(found[0].share() == 1);
  BOOST_TEST(found[1].pictures == 150);
  BOOST_TEST(found[1].share() == 1);

  classifier.save(folder / "classifier.safetensors", {{"nada.steps", "120"}});
  const auto again = AttributeClassifier::load(folder / "classifier.safetensors");
  BOOST_TEST((again.columns() == classifier.columns()));
  const auto images = held.images(0, 20);
  const auto a = classifier(images), b = again(images);
  for (std::size_t c = 0; c < 2; ++c) BOOST_TEST(test::same_bits(a[c], b[c]));
  BOOST_TEST(a[0].size(1) == 3);
  BOOST_TEST(a[1].size(1) == 2);
}

BOOST_AUTO_TEST_CASE(training_repeats_bit_for_bit_and_depends_on_the_seed) {
  const TemporaryFolder folder;
  const auto set = flat_pictures(folder, 60, 1);
  auto settings = small();
  settings.steps = 4;
  const auto a = train_classifier(set, settings, on), b = train_classifier(set, settings, on);
  settings.seed = 1;
  const auto c = train_classifier(set, settings, on);
  for (const auto& [name, value] : a.tensors()) BOOST_TEST(test::same_bits(value, b.tensors().at(name)), name);
  BOOST_TEST(!test::same_bits(a.tensors().at("conv.0.weight"), c.tensors().at("conv.0.weight")));
}

BOOST_AUTO_TEST_CASE(a_new_classifier_gives_each_class_the_same_chance_and_training_can_be_stopped) {
  const TemporaryFolder folder;
  const auto set = flat_pictures(folder, 60, 1);
  double first = 0;
  std::int64_t steps = 0;
  train_classifier(set, small(), [&](std::int64_t step, double loss) {
    if (step == 1) first = loss;
    steps = step;
    return step < 3;
  });
  BOOST_TEST(first == std::log(3.0) + std::log(2.0), boost::test_tools::tolerance(1e-5));
  BOOST_TEST(steps == 3);
}

BOOST_AUTO_TEST_CASE(a_text_that_it_does_not_know_is_named_wrong) {
  const TemporaryFolder folder;
  const auto set = flat_pictures(folder, 40, 1);
  auto columns = attribute_columns(set);
  std::erase(columns[0].texts, "red");
  const auto found = attribute_accuracy(initial_classifier(columns, small()), set);
  std::int64_t red = 0;
  for (std::int64_t i = 0; i < 40; ++i) red += set[i].texts.at("colour") == "red" ? 1 : 0;
  BOOST_TEST(red > 0);
  BOOST_TEST(found[0].pictures == 40);
  BOOST_TEST(found[0].right <= 40 - red);
}

BOOST_AUTO_TEST_CASE(refuses_sets_without_columns_and_files_that_are_no_classifier) {
  const TemporaryFolder folder;
  save_tensors(folder / "0.safetensors", {{"images", torch::zeros({2, 3, 8, 8}, torch::kUInt8)}}, {});
  const auto plain = ImageSet::open(folder.path());
  BOOST_TEST(error_of([&] { train_classifier(plain, small(), on); }).find("no column of the pictures' tables") !=
             std::string::npos);
  BOOST_TEST(error_of([&] {
               AttributeClassifier::load(folder / "0.safetensors");
             }).find("expected an attribute classifier") != std::string::npos);

  const auto classifier = initial_classifier({{"hair", {"long", "short"}}}, small());
  auto tensors = classifier.tensors();
  tensors.erase("head.0.bias");
  BOOST_TEST(error_of([&] { AttributeClassifier(classifier.columns(), tensors, 8, "it"); }) ==
             "it: tensor head.0.bias is missing");
  tensors = classifier.tensors();
  tensors["head.0.bias"] = torch::zeros({3});
  BOOST_TEST(error_of([&] { AttributeClassifier(classifier.columns(), tensors, 8, "it"); }) ==
             "it: tensor head.0.bias has shape [3], expected [2]");
  tensors = classifier.tensors();
  tensors["other"] = torch::zeros({3});
  BOOST_TEST(error_of([&] { AttributeClassifier(classifier.columns(), tensors, 8, "it"); }) ==
             "it: has 7 tensors, expected 6");
  save_tensors(folder / "bad.safetensors", classifier.tensors(),
               {{"nada.kind", "classifier"}, {"nada.format", "1"}, {"nada.columns", "[{]"}, {"nada.resolution", "8"}});
  BOOST_TEST(error_of([&] { AttributeClassifier::load(folder / "bad.safetensors"); }).find("columns and resolution") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
