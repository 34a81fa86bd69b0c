#include "nada/editing/direction_file.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "nada/formats/file.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/pickles.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(editing_direction_file)

using namespace nada;
namespace pickle = nada::test::pickle;

namespace {

std::string floats(const std::vector<float>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)};
}

/// Returns a file of numpy.save with float32 numbers.
std::string npy(const std::string& shape, const std::vector<float>& numbers) {
  const auto header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }\n";
  return "\x93NUMPY" + std::string("\1\0", 2) + test::raw(static_cast<std::uint16_t>(header.size())) + header +
         floats(numbers);
}

/// Returns a file of torch.save that holds one tensor of six numbers, or a dict of it `times` times.
std::string torch_file(std::vector<std::int64_t> shape, int times = 0) {
  const auto strides = contiguous_strides(shape);
  const auto tensor = pickle::tensor(pickle::storage("FloatStorage", "0", 6), 0, std::move(shape), strides);
  std::string content = tensor;
  if (times == 1) content = pickle::dict(pickle::text("a"), tensor);
  if (times == 2) content = pickle::dict(pickle::text("a"), tensor, pickle::text("b"), tensor);
  return test::zip_archive({{.name = "archive/data.pkl", .content = pickle::whole(content)},
                            {.name = "archive/data/0", .content = floats({1, 2, 3, 4, 5, 6})}});
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_direction_comes_back_as_it_was_written_in_every_space) {
  const TemporaryFolder folder;
  const auto path = folder / "d.safetensors";
  const auto five = test::random({5}, 1).to(torch::kFloat32), rows = test::random({6, 5}, 2).to(torch::kFloat32);
  save_direction(path, {.name = "smiling",
                        .styles = five,
                        .method = "closed-form factorization",
                        .found_in = "sefa:3",
                        .base_hash = "abc"});
  auto found = load_direction(path);
  BOOST_TEST((found.name == "smiling" && found.space == EditSpace::w && found.found_in == "sefa:3" &&
              found.method == "closed-form factorization" && found.base_hash == "abc"));
  BOOST_TEST(test::same_bits(found.styles, five));
  save_direction(path, {.name = "b", .space = EditSpace::w_plus, .styles = rows});
  found = load_direction(path);
  BOOST_TEST((found.space == EditSpace::w_plus && found.base_hash.empty()));
  BOOST_TEST(test::same_bits(found.styles, rows));
  save_direction(path, {.name = "c", .space = EditSpace::style, .offsets = {{"conv.4.0", five}, {"conv.8.1", five}}});
  found = load_direction(path);
  BOOST_TEST((found.space == EditSpace::style && found.offsets.size() == 2 && !found.styles.defined()));
  BOOST_TEST(test::same_bits(found.offsets.at("conv.8.1"), five));
}

BOOST_AUTO_TEST_CASE(boundaries_of_numpy_are_directions_in_w) {
  const TemporaryFolder folder;
  const auto path = folder / "smile.npy";
  write_text(path, npy("(1, 3)", {1, 2, -3}));
  const auto found = load_direction(path);
  BOOST_TEST((found.space == EditSpace::w && found.name == "smile" && found.found_in == "smile.npy"));
  BOOST_TEST(test::same_bits(found.styles, torch::tensor({1.0F, 2.0F, -3.0F})));
  write_text(path, npy("(2, 2)", {1, 2, 3, 4}));
  BOOST_TEST((load_direction(path).space == EditSpace::w_plus));
}

BOOST_AUTO_TEST_CASE(a_file_of_torch_save_with_one_tensor_is_a_direction) {
  const TemporaryFolder folder;
  const auto path = folder / "age.pt";
  for (const int times : {0, 1}) {
    write_text(path, torch_file({1, 6}, times));
    const auto found = load_direction(path);
    BOOST_TEST((found.space == EditSpace::w && found.name == "age"));
    BOOST_TEST(test::same_bits(found.styles, torch::arange(1, 7).to(torch::kFloat32)));
  }
  write_text(path, torch_file({1, 2, 3}));
  const auto found = load_direction(path);
  BOOST_TEST((found.space == EditSpace::w_plus));
  BOOST_TEST(test::same_bits(found.styles, torch::arange(1, 7).to(torch::kFloat32).view({2, 3})));
}

BOOST_AUTO_TEST_CASE(other_files_end_with_one_sentence_that_names_them) {
  const TemporaryFolder folder;
  const auto path = folder / "d";
  const auto refusal = [&](const std::string& content) {
    write_text(path, content);
    const auto sentence = error_of([&] { load_direction(path); });
    BOOST_TEST(sentence.starts_with(path.string()), sentence);
    return sentence.substr(std::min(path.string().size(), sentence.size()));
  };
  BOOST_TEST(refusal(torch_file({6}, 2)) == ": holds 2 tensors, expected one, the direction");
  BOOST_TEST(refusal(npy("(2, 2, 1)", {1, 2, 3, 4})) ==
             ": a direction of shape [2, 2, 1], expected [D] or [1, D] of W, or [L, D] of W+");
  BOOST_TEST(refusal(npy("()", {1})).starts_with(": a direction of shape []"));
  BOOST_TEST(refusal(npy("(2,)", {1, NAN})).find("NaN") != std::string::npos);
  BOOST_TEST(refusal(npy("(2,)", {0, 0})) == ": a direction of zeros alone moves nothing");
  BOOST_TEST(refusal("some text").starts_with(": is no model file that is known here"));
  save_tensors(path, {{"codes", torch::ones({1, 2, 3})}}, {{"nada.kind", "codes"}, {"nada.format", "1"}});
  BOOST_TEST(error_of([&] { load_direction(path); }) ==
             path.string() + " is w+ codes, expected a direction of an edit");
  const Metadata words{{"nada.kind", "direction"}, {"nada.format", "1"}, {"nada.space", "z"}};
  save_tensors(path, {{"direction", torch::ones({3})}}, words);
  BOOST_TEST(error_of([&] { load_direction(path); }) ==
             path.string() + ": a direction in the space \"z\", expected w, w+ or style");
  save_tensors(path, {{"other", torch::ones({3})}},
               {{"nada.kind", "direction"}, {"nada.format", "1"}, {"nada.space", "w"}});
  BOOST_TEST(error_of([&] { load_direction(path); }) ==
             path.string() + ": the tensor \"other\" has no place in a direction in w");
}

BOOST_AUTO_TEST_SUITE_END()
