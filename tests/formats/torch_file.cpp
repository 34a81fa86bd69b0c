#include "nada/formats/torch_file.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "nada/formats/file.hpp"
#include "nada/formats/model_container.hpp"
#include "nada/formats/zip.hpp"
#include "support/files.hpp"
#include "support/pickles.hpp"

BOOST_AUTO_TEST_SUITE(formats_torch_file)

using namespace nada;

namespace {

const std::string bytes = [] {  // no byte comes twice, so that a tensor in a wrong place is seen
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  return all;
}();

/// Returns a tensor whose elements are the bytes from the `from`-th on.
TensorView tensor(std::string name, DType dtype, std::vector<std::int64_t> shape, std::size_t from = 0) {
  TensorView view{std::move(name), dtype, std::move(shape), {}, {}};
  view.strides = contiguous_strides(view.shape);
  const auto size = static_cast<std::size_t>(count(view)) * size_of(dtype);
  view.bytes = test::as_bytes(std::string_view(bytes).substr(from, size));
  return view;
}

std::string text_of(std::span<const std::byte> part) { return std::string(nada::detail::as_text(part)); }

void check_same(const TensorView& read, const TensorView& written) {
  BOOST_TEST((read.dtype == written.dtype), written.name);
  BOOST_TEST(read.shape == written.shape, boost::test_tools::per_element());
  BOOST_TEST(is_contiguous(read), written.name);
  BOOST_TEST((text_of(read.bytes) == text_of(written.bytes)), written.name);
}

}  // namespace

BOOST_AUTO_TEST_CASE(dicts_and_tensors_come_back_as_they_were) {
  const TemporaryFolder folder;
  const std::vector<TensorView> weights{
      tensor("float", DType::f32, {2, 3}, 7),      tensor("half", DType::f16, {1, 5, 1}, 31),
      tensor("short float", DType::bf16, {3}, 60), tensor("double", DType::f64, {2}, 80),
      tensor("long", DType::i64, {2, 2}, 100),     tensor("byte", DType::u8, {3}, 200),
      tensor("truth", DType::boolean, {2}),        tensor("number", DType::f32, {}, 140),
      tensor("nothing", DType::f32, {0, 4}),       tensor("größe.重み", DType::i32, {2}, 150)};
  TorchDict g{.name = "g_ema", .kind = TorchDict::Kind::ordered, .entries = {}};
  for (const auto& view : weights) g.entries.emplace_back(view);
  TorchDict empty{.name = "empty", .entries = {}},
      empty_too{.name = "empty too", .kind = TorchDict::Kind::ordered, .entries = {}};
  write_torch_file(folder / "a.pt",
                   {.name = "", .entries = {g, empty, empty_too, tensor("mean", DType::f32, {4}, 20)}});

  const auto file = ModelContainer::open(folder / "a.pt");
  BOOST_TEST(file.container() == "zip pickle");
  BOOST_TEST((file.components() == std::vector<std::string>{"g_ema", "mean"}));
  BOOST_TEST(file.tensors("g_ema").size() == weights.size());
  for (const auto& view : weights) {
    bool found = false;
    for (const auto& read : file.tensors("g_ema"))
      if (read.name == view.name) check_same(read, view), found = true;
    BOOST_TEST(found, view.name);
  }
  check_same(file.tensors("mean").at(0), tensor("mean", DType::f32, {4}, 20));
  for (const auto* const name : {"empty", "empty too"}) {
    const auto* const dict = file.attribute("", name);
    BOOST_TEST_REQUIRE(dict != nullptr);
    BOOST_TEST((dict->is(Value::Kind::dict) && dict->entries() == 0));
  }
}

BOOST_AUTO_TEST_CASE(the_order_of_entries_is_kept) {
  const TemporaryFolder folder;
  TorchDict root;
  for (const auto* const name : {"c", "a", "b"}) root.entries.emplace_back(tensor(name, DType::u8, {1}));
  write_torch_file(folder / "a.pt", root);
  const auto file = ModelContainer::open(folder / "a.pt");
  std::string keys;
  for (std::size_t i = 0; i < file.root().entries(); ++i) keys += file.root().key(i).text();
  BOOST_TEST(keys == "cab");
}

BOOST_AUTO_TEST_CASE(many_tensors_and_all_widths_of_numbers) {
  const TemporaryFolder folder;
  const std::string zeros(3U << 16, '\0');
  TorchDict root;
  for (int i = 0; i < 700; ++i)
    root.entries.emplace_back(tensor(std::to_string(i), DType::u8, {i % 200}, static_cast<std::size_t>(i % 56)));
  std::vector<TensorView> wide;
  for (const std::int64_t size : {255, 256, 65535, 65536, 3 << 16}) {
    TensorView view{join("wide ", size), DType::u8, {size, 1}, {1, 1}, {}};
    view.bytes = test::as_bytes(std::string_view(zeros).substr(0, static_cast<std::size_t>(size)));
    wide.push_back(view);
    root.entries.emplace_back(view);
  }
  TensorView large{"large", DType::u8, {std::int64_t{1} << 40, 0}, {1, 1}, {}};  // a dimension past 32 bits, no element
  root.entries.emplace_back(large);
  write_torch_file(folder / "a.pt", root);
  const auto file = ModelContainer::open(folder / "a.pt");
  const auto tensors = file.tensors();
  BOOST_TEST_REQUIRE(tensors.size() == root.entries.size());
  for (const auto& read : tensors)
    for (const auto& entry : root.entries)
      if (const auto& written = std::get<TensorView>(entry); written.name == read.name) check_same(read, written);
}

BOOST_AUTO_TEST_CASE(the_archive_is_that_of_torch_save) {
  const TemporaryFolder folder;
  write_torch_file(folder / "a.pt",
                   {.name = "", .entries = {tensor("a", DType::f32, {1}), tensor("b", DType::i64, {2})}});
  auto archive = ZipArchive::open(folder / "a.pt");
  std::vector<std::string_view> names;
  for (const auto& entry : archive.entries()) {
    names.push_back(entry.name);
    BOOST_TEST(entry.data % 64 == 0U, entry.name);
    BOOST_TEST(entry.method == 0U);
  }
  BOOST_TEST((names == std::vector<std::string_view>{"archive/byteorder", "archive/data.pkl", "archive/data/0",
                                                     "archive/data/1", "archive/version"}));
  BOOST_TEST(text_of(archive.entry("archive/version")) == "3\n");
  BOOST_TEST(text_of(archive.entry("archive/byteorder")) == "little");
  const std::string_view first = "\x80\x02}(X\x01";
  BOOST_TEST(text_of(archive.entry("archive/data.pkl")).starts_with(first));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_named_and_leaves_no_file) {
  const TemporaryFolder folder;
  const auto path = folder / "a.pt";
  const auto refusal = [&](TorchDict root) {
    const auto sentence = error_of([&] { write_torch_file(path, root); });
    BOOST_TEST(!std::filesystem::exists(path));
    const auto start = join("cannot write ", path, ": ");
    BOOST_TEST(sentence.starts_with(start), sentence);
    return sentence.substr(std::min(start.size(), sentence.size()));
  };
  const auto a = tensor("a", DType::f32, {2, 3});
  BOOST_TEST(refusal({.name = "", .entries = {a, a}}) == "the entry \"a\" is there twice");
  BOOST_TEST(refusal({.name = "", .entries = {a, TorchDict{.name = "a", .entries = {}}}}) ==
             "the entry \"a\" is there twice");
  BOOST_TEST(refusal({.name = "", .entries = {tensor("\xFF", DType::u8, {1})}}) == "\"\\xFF\" is not UTF-8 text");
  auto turned = a;
  turned.strides = {1, 2};
  BOOST_TEST(refusal({.name = "", .entries = {turned}}) == "the tensor \"a\" is not contiguous");
  auto cut = a;
  cut.bytes = cut.bytes.first(20);
  BOOST_TEST(refusal({.name = "", .entries = {cut}}) == "the tensor \"a\" of F32 [2, 3] needs 24 bytes, found 20");
  auto impossible = a;
  impossible.shape = {-2, 3};
  BOOST_TEST(refusal({.name = "", .entries = {impossible}}) == "the tensor \"a\" has the impossible shape [-2, 3]");
  BOOST_TEST(error_of([&] { write_torch_file(folder / "no" / "a.pt", {}); }).find("there is no folder") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
