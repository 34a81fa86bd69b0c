#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/formats/file.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(shifts_text_shift)

using namespace nada;
using test::largest_difference;

namespace {

static_assert(Shift<TextShift, test::LinearEncoder> && TextualShift<TextShift> && !MovingShift<TextShift>);

const Sampler none = [](std::int64_t) -> Tensor { throw std::logic_error("no image was asked for"); };

std::string templates_error(const std::string& text) {
  const TemporaryFolder folder;
  const auto path = folder / "t.txt";
  write_text(path, text);
  const auto error = error_of([&] { read_templates(path); });
  return error.find(path.string()) == 0 ? error.substr(path.string().size()) : "without the file: " + error;
}

}  // namespace

BOOST_AUTO_TEST_CASE(fill_replaces_every_pair_of_braces_and_nothing_else) {
  BOOST_TEST(fill("a drawing of {}", "a cat") == "a drawing of a cat");
  BOOST_TEST(fill("{} and {}.", "x") == "x and x.");
  BOOST_TEST(fill("{", "x") == "{");
  BOOST_TEST(fill("{{}} { }", "x") == "{x} { }");
  BOOST_TEST(fill("{}", "{}") == "{}");  // what was filled in is not filled again
  BOOST_TEST(fill("", "x") == "");
}

BOOST_AUTO_TEST_CASE(templates_are_lines_without_blank_ones_and_comments) {
  const TemporaryFolder folder;
  write_text(folder / "t.txt", "# of CLIP\r\na photo of {}.\r\n\n  {} in a row\n#{}\na {}");
  const std::vector<std::string> expected{"a photo of {}.", "  {} in a row", "a {}"};
  BOOST_TEST(read_templates(folder / "t.txt") == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_template_without_braces_is_an_error_with_its_line_and_a_file_without_any_is_one) {
  BOOST_TEST(templates_error("# one\na {}\n\na photo\n") ==
             ":4: a prompt template needs {} where the text goes, found 'a photo'");
  BOOST_TEST(templates_error("# nothing\n\n") == ": no prompt template in it");
  BOOST_TEST(templates_error("") == ": no prompt template in it");
}

BOOST_AUTO_TEST_CASE(the_direction_is_the_unit_mean_of_differences_over_templates) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const std::vector<std::string> templates{"a photo of {}", "{}", "the {} of old"};
  const auto embed = [&](const std::string& text) {
    auto bytes = torch::zeros({1, test::LinearEncoder::context}, torch::kFloat64);
    for (std::size_t i = 0; i < text.size(); ++i) bytes[0][static_cast<std::int64_t>(i)] = double(text[i]);
    const auto raw = bytes.matmul(encoder.text_weight);
    return raw / std::sqrt(test::number(raw.square().sum()));
  };
  auto sum = torch::zeros({1, 5}, torch::kFloat64), from = sum.clone(), to = sum.clone();
  for (const char* t : {"a photo of ", "", "the "}) {
    const std::string end = std::string(t) == "the " ? " of old" : "";
    sum += embed(t + std::string("dog") + end) - embed(t + std::string("cat") + end);
    from += embed(t + std::string("cat") + end);
    to += embed(t + std::string("dog") + end);
  }
  const auto ends = TextShift("cat", "dog", templates).endpoints(encoder, none);
  BOOST_TEST(largest_difference(ends.direction, sum / sum.norm()) < 1e-12);
  BOOST_TEST(largest_difference(ends.source, from / from.norm()) < 1e-12);
  BOOST_TEST(largest_difference(ends.target, to / to.norm()) < 1e-12);
  const auto other = unit(ends.target - ends.source);  // which it is not
  BOOST_TEST(largest_difference(ends.direction, other) > 1e-4);
}

BOOST_AUTO_TEST_CASE(with_one_template_the_direction_is_that_of_the_two_embeddings) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto ends = TextShift("cat", "dog").endpoints(encoder, none);
  const std::vector<std::string> texts{"cat", "dog"};
  const auto e = encoder.read(encoder.tokenize(texts));
  BOOST_TEST(largest_difference(ends.direction, unit(e.narrow(0, 1, 1) - e.narrow(0, 0, 1))) < 1e-12);
  BOOST_TEST(!ends.direction.requires_grad());
}

BOOST_AUTO_TEST_CASE(swapping_the_texts_turns_the_direction_around) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto there = TextShift("cat", "dog", {"a {}", "{}"}).endpoints(encoder, none);
  const auto back = TextShift("dog", "cat", {"a {}", "{}"}).endpoints(encoder, none);
  BOOST_TEST(largest_difference(there.direction, -back.direction) < 1e-14);
  BOOST_TEST(largest_difference(there.source, back.target) == 0);
}

BOOST_AUTO_TEST_CASE(keeps_its_texts_for_terms_that_make_texts_of_their_own) {
  const TextShift shift("cat", "dog", {"a {}", "{}"});
  BOOST_TEST(shift.source() == "cat");
  BOOST_TEST(shift.target() == "dog");
  BOOST_TEST(shift.templates().size() == 2U);
}

BOOST_AUTO_TEST_CASE(equal_and_empty_texts_and_no_template_are_refused) {
  BOOST_TEST(error_of([] { TextShift("cat", "cat"); }) ==
             "source and target are the same text, 'cat': there is no direction between them");
  BOOST_TEST(error_of([] { TextShift("", "cat"); }) == "the source text is empty");
  BOOST_TEST(error_of([] { TextShift("cat", ""); }) == "the target text is empty");
  BOOST_TEST(error_of([] { TextShift("cat", "dog", {}); }) == "no prompt template");
}

BOOST_AUTO_TEST_CASE(texts_with_the_same_embedding_are_refused_naming_both) {
  auto encoder = test::linear_encoder(5, 2, 1);
  encoder.text_weight[3].zero_();  // the fourth letter is not read
  const std::string expected =
      "the texts 'cats' and 'cat!' have the same embedding: there is no direction between them";
  BOOST_TEST(error_of([&] { TextShift("cats", "cat!").endpoints(encoder, none); }) == expected);
}

BOOST_AUTO_TEST_CASE(a_text_that_the_encoder_cannot_read_is_its_error) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  BOOST_TEST(error_of([&] { TextShift("cat", std::string(80, 'x')).endpoints(encoder, none); }) ==
             "the text is too long");
}

BOOST_AUTO_TEST_SUITE_END()
