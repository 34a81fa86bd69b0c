#include "nada/formats/safetensors.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_safetensors)

using namespace nada;

namespace {

// A file from its header and data, by the format's description and not by our writer.
std::string file_of(const std::string& header, const std::string& data = {}) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return bytes + header + data;
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":[)" + shape + R"(],"data_offsets":[)" + offsets + "]}";
}

// The error of opening a file of these bytes, without the path at its start.
std::string refusal(const std::string& bytes) {
  const TemporaryFolder folder;
  const auto path = folder / "x";
  write_text(path, bytes);
  const auto message = error_of([&] { Safetensors::open(path); });
  if (message.empty()) return message;
  BOOST_TEST(message.starts_with(path.string() + ": "), message);
  BOOST_TEST(message.find('\n') == std::string::npos);
  return message.substr(path.string().size() + 2);
}
std::string refusal_of_header(const std::string& header, std::size_t data = 0) {
  return refusal(file_of(header, std::string(data, '\0')));
}

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const std::string small_header = "{\"__metadata__\":{\"nada.kind\":\"delta\"}," + entry("b", "F32", "2,1", "0,8") +
                                 "," + entry("a", "U8", "3", "8,11") + "}  ";
const std::string small_file = file_of(small_header, std::string("\x00\x00\x80\x3F\x00\x00\x00\xC0\x01\x02\x03", 11));

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_made_by_hand_is_read) {
  const TemporaryFolder folder;
  write_text(folder / "x", small_file);
  const auto file = Safetensors::open(folder / "x");
  BOOST_TEST((file.metadata() == Metadata{{"nada.kind", "delta"}}));
  BOOST_TEST(file.path() == folder / "x");
  BOOST_REQUIRE(file.tensors().size() == 2U);
  const auto& a = file.tensors()[0];
  const auto& b = file.tensors()[1];
  BOOST_TEST(a.name == "a");
  BOOST_TEST((a.dtype == DType::u8 && a.shape == std::vector<std::int64_t>{3}));
  BOOST_TEST(text_of(a.bytes) == "\x01\x02\x03");
  BOOST_TEST(b.name == "b");
  BOOST_TEST((b.dtype == DType::f32 && b.shape == std::vector<std::int64_t>{2, 1}));
  BOOST_TEST((b.strides == std::vector<std::int64_t>{1, 1}));
  float values[2];
  std::memcpy(values, b.bytes.data(), sizeof values);
  BOOST_TEST(values[0] == 1.0F);
  BOOST_TEST(values[1] == -2.0F);
  BOOST_TEST(count(b) == 2);
  BOOST_TEST(file.find("a") == &a);
  BOOST_TEST(file.find("") == nullptr);
  BOOST_TEST(file.find("aa") == nullptr);
  BOOST_TEST(file.find("c") == nullptr);
  BOOST_TEST(&file.at("b") == &b);
  BOOST_TEST(error_of([&] { file.at("c"); }) == (folder / "x").string() + ": has no tensor \"c\"");
}

BOOST_AUTO_TEST_CASE(views_live_as_long_as_a_copy_or_the_mapping) {
  const TemporaryFolder folder;
  write_text(folder / "x", small_file);
  auto file = std::make_unique<Safetensors>(Safetensors::open(folder / "x"));
  const auto copy = std::make_unique<Safetensors>(*file);
  const auto view = file->at("a");
  const auto mapping = copy->mapping();
  file.reset();
  BOOST_TEST(text_of(copy->at("a").bytes) == "\x01\x02\x03");
  std::filesystem::remove(folder / "x");
  BOOST_TEST(text_of(view.bytes) == "\x01\x02\x03");
}

BOOST_AUTO_TEST_CASE(every_type_has_the_size_and_name_of_the_format) {
  const std::vector<std::pair<std::string, std::size_t>> expected{{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2},
                                                                  {"I64", 8}, {"I32", 4}, {"I16", 2}, {"I8", 1},
                                                                  {"U8", 1},  {"BOOL", 1}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto dtype = static_cast<DType>(i);
    BOOST_TEST(name_of(dtype) == expected[i].first);
    BOOST_TEST(size_of(dtype) == expected[i].second);
    const auto size = std::to_string(3 * expected[i].second);
    BOOST_TEST(refusal_of_header("{" + entry("x", expected[i].first, "3", "0," + size) + "}", 3 * expected[i].second) ==
               "");
  }
  BOOST_TEST((static_cast<DType>(9) == DType::boolean));
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back) {
  const TemporaryFolder folder;
  const std::vector<double> doubles{1.5, -2.5};
  const std::vector<float> floats{1, 2, 3, 4, 5, 6};
  const std::vector<std::uint8_t> octets{7, 8, 9};
  const std::vector<std::uint16_t> halves{0x3C00};
  const std::vector<TensorView> tensors{
      {"octets", DType::u8, {3}, {1}, bytes_of(octets)},
      {"floats", DType::f32, {2, 3}, {3, 1}, bytes_of(floats)},
      {"scalar", DType::f16, {}, {}, bytes_of(halves)},
      {"empty", DType::f32, {0, 4}, {4, 1}, {}},
      {"doubles \"\xC3\xA9\"\n",
       DType::f64,
       {1, 2},
       {77, 1},
       bytes_of(doubles)},  // a stride over one element says nothing
  };
  const Metadata metadata{{"nada.kind", "delta"}, {"\xC3\xA9", "line\nline \"\\"}};
  save_safetensors(folder / "x", tensors, metadata);
  const auto file = Safetensors::open(folder / "x");
  BOOST_TEST((file.metadata() == metadata));
  BOOST_REQUIRE(file.tensors().size() == tensors.size());
  for (const auto& tensor : tensors) {
    const auto& found = file.at(tensor.name);
    BOOST_TEST((found.dtype == tensor.dtype && found.shape == tensor.shape));
    BOOST_TEST((found.strides == contiguous_strides(tensor.shape)));
    BOOST_TEST(is_contiguous(found));
    BOOST_TEST(text_of(found.bytes) == text_of(tensor.bytes));
    if (!found.bytes.empty())
      BOOST_TEST(reinterpret_cast<std::uintptr_t>(found.bytes.data()) % size_of(found.dtype) == 0U);  // widest first
  }
  BOOST_TEST((file.at("floats").strides == std::vector<std::int64_t>{3, 1}));
}

BOOST_AUTO_TEST_CASE(the_bytes_are_those_of_the_format_and_do_not_depend_on_the_order_given) {
  const TemporaryFolder folder;
  const std::vector<std::uint8_t> octets{'x', 'y'};
  const std::vector<std::int16_t> shorts{0x6261};
  const TensorView a{"a", DType::u8, {2}, {1}, bytes_of(octets)}, b{"b", DType::i16, {1}, {1}, bytes_of(shorts)};
  save_safetensors(folder / "1", std::vector{a, b}, {{"k", "v"}});
  save_safetensors(folder / "2", std::vector{b, a}, {{"k", "v"}});
  auto header =
      R"({"__metadata__":{"k":"v"},)" + entry("b", "I16", "1", "0,2") + "," + entry("a", "U8", "2", "2,4") + "}";
  while (header.size() % 8 != 0) header += ' ';
  BOOST_TEST(read_text(folder / "1") == file_of(header, "abxy"));
  BOOST_TEST(read_text(folder / "2") == read_text(folder / "1"));
  save_safetensors(folder / "3", {}, {});
  BOOST_TEST(read_text(folder / "3") == file_of("{}      "));
  BOOST_TEST(Safetensors::open(folder / "3").tensors().empty());
}

BOOST_AUTO_TEST_CASE(a_file_cut_anywhere_is_an_error) {
  BOOST_TEST(refusal(small_file) == "");
  for (std::size_t size = 0; size < small_file.size(); ++size)
    BOOST_TEST(refusal(small_file.substr(0, size)) != "", "cut to " << size << " bytes");
  // Also where the announced header length is right for what is left.
  for (std::size_t size = 0; size < small_header.size() - 2; ++size)
    BOOST_TEST(refusal(file_of(small_header.substr(0, size), "data")) != "", "header cut to " << size << " bytes");
  BOOST_TEST(refusal(small_file.substr(0, 5)) == "is not a safetensors file: expected at least 8 bytes, found 5");
  BOOST_TEST(refusal(small_file.substr(0, small_file.size() - 1)) ==
             "the tensor \"a\" ends at byte 11 of the data, of which the file has 10 bytes: it is cut off");
  BOOST_TEST(refusal(small_file.substr(0, small_file.size() - 3)).starts_with("the tensor \"a\" ends at byte 11"));
}

BOOST_AUTO_TEST_CASE(a_file_with_any_byte_changed_is_read_or_refused) {
  const TemporaryFolder folder;
  for (std::size_t at = 0; at < 8 + small_header.size(); ++at)
    for (const int change : {1, 0x20, 0x80, 0xFF}) {
      auto bytes = small_file;
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      write_text(folder / "x", bytes);
      error_of([&] { Safetensors::open(folder / "x"); });  // no other exception, no crash
    }
}

BOOST_AUTO_TEST_CASE(a_header_length_beyond_the_file_is_refused) {
  BOOST_TEST(
      refusal("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}") ==
      "is cut off or not a safetensors file: a header of 18446744073709551615 bytes is announced and 2 bytes follow");
  BOOST_TEST(refusal(std::string("\3\0\0\0\0\0\0\0{}", 10)).find("a header of 3 bytes is announced and 2") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_header_above_the_limit_of_the_format_is_refused) {
  const TemporaryFolder folder;
  write_text(folder / "x", std::string("\1\xE1\xF5\5\0\0\0\0{}", 10));  // 100'000'001
  std::filesystem::resize_file(folder / "x", 100'000'009);              // holes take no room
  BOOST_TEST(error_of([&] {
               Safetensors::open(folder / "x");
             }).ends_with("the header has 100000001 bytes, expected at most 100000000"));
}

BOOST_AUTO_TEST_CASE(what_is_not_a_json_object_of_tensors_is_refused) {
  BOOST_TEST(refusal_of_header("") == "is not a safetensors file: the header does not start with {");
  BOOST_TEST(refusal_of_header("[]") == "is not a safetensors file: the header does not start with {");
  BOOST_TEST(refusal_of_header("{]").starts_with("the header is not JSON from its byte 2"));
  BOOST_TEST(refusal_of_header("{} x").starts_with("the header is not JSON from its byte 4"));
  BOOST_TEST(refusal_of_header("{\"a\":1e999}").starts_with("the header is not JSON"));
  BOOST_TEST(refusal_of_header(std::string("{}\0\0", 4)) == "the header is not UTF-8 text");
  BOOST_TEST(refusal_of_header("{\"\xFF\":1}") == "the header is not UTF-8 text");
  BOOST_TEST(refusal_of_header("{\"a\":1}") == "the header's entry \"a\" must be an object, found a number");
  BOOST_TEST(refusal_of_header("{\"a\":[1]}") == "the header's entry \"a\" must be an object, found an array");
  BOOST_TEST(refusal_of_header("{\"a\":null}") == "the header's entry \"a\" must be an object, found null");
  BOOST_TEST(refusal_of_header("{\"__metadata__\":null}") == "");  // as absent
  BOOST_TEST(refusal_of_header("{\"a\":\"b\"}") == "the header's entry \"a\" must be an object, found a string");
  BOOST_TEST(refusal_of_header("{\"__metadata__\":{\"a\":1}}") ==
             "the metadata \"a\" must be a string, found a number");
  BOOST_TEST(refusal_of_header("{\"__metadata__\":{\"a\":{}}}") ==
             "the metadata \"a\" must be a string, found an object");
  BOOST_TEST(refusal_of_header("{\"__metadata__\":3}").find("must be an object") != std::string::npos);
  std::string deep = "{\"a\":";
  for (int i = 0; i < 1'000'000; ++i) deep += "{\"a\":";
  BOOST_TEST(refusal_of_header(deep) == "the tensor \"a\" has the unknown field \"a\"");
  BOOST_TEST(refusal_of_header("{\"a\":" + std::string(1'000'000, '[')).find("found an array") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_tensor_with_wrong_fields_is_refused) {
  const auto of = [](const std::string& fields) { return refusal_of_header("{\"t\":{" + fields + "}}", 4); };
  const std::string dtype = R"("dtype":"F32")", shape = R"("shape":[1])", offsets = R"("data_offsets":[0,4])";
  BOOST_TEST(of(shape + "," + offsets + "," + dtype) == "");
  BOOST_TEST(of(shape + "," + offsets) == "the tensor \"t\" has no dtype");
  BOOST_TEST(of(dtype + "," + offsets) == "the tensor \"t\" has no shape");
  BOOST_TEST(of(dtype + "," + shape) == "the tensor \"t\" has no data_offsets");
  BOOST_TEST(of(dtype + "," + dtype) == "the tensor \"t\" has the field dtype twice");
  BOOST_TEST(of(shape + "," + shape) == "the tensor \"t\" has the field shape twice");
  BOOST_TEST(of(R"("type":1)") == "the tensor \"t\" has the unknown field \"type\"");
  BOOST_TEST(
      of(R"("dtype":"F8_E4M3")") ==
      "the tensor \"t\" has the dtype \"F8_E4M3\", expected one of F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL");
  BOOST_TEST(of(R"("dtype":3)") == "the tensor \"t\" must have a string as its dtype, found a number");
  BOOST_TEST(of(R"("shape":"1")") == "the tensor \"t\" must have an array of numbers as its shape, found a string");
  BOOST_TEST(of(R"("shape":[-1])") == "the tensor \"t\" has a shape with a negative number in it");
  BOOST_TEST(of(R"("shape":[1.5])").find("a number that is not a whole one") != std::string::npos);
  BOOST_TEST(of(R"("shape":[[1]])") == "the tensor \"t\" has a shape with an array in it");
  BOOST_TEST(of(R"("shape":[9223372036854775808])") ==
             "the tensor \"t\" has the impossible dimension 9223372036854775808");
  BOOST_TEST(of(R"("data_offsets":[0])") == "the tensor \"t\" has fewer than two data_offsets");
  BOOST_TEST(of(R"("data_offsets":[0,4,8])") == "the tensor \"t\" has more than two data_offsets");
  BOOST_TEST(of(R"("data_offsets":[0,true])") == "the tensor \"t\" has data_offsets with a boolean in them");
  std::string many = "1";
  for (int i = 0; i < 64; ++i) many += ",1";
  BOOST_TEST(of("\"shape\":[" + many + "]") == "the tensor \"t\" has more than 64 dimensions");
}

BOOST_AUTO_TEST_CASE(names_in_errors_are_short_and_on_one_line) {
  BOOST_TEST(refusal_of_header("{\"a\x7F\\n\":{\"type\":1}}") ==
             "the tensor \"a\\x7F\\x0A\" has the unknown field \"type\"");
  const auto lengthy = "\"" + std::string(5000, 'x') + "\"";
  for (const auto& header : {"{" + lengthy + ":1}", "{" + lengthy + ":{\"dtype\":1}}", "{\"a\":{" + lengthy + ":1}}",
                             "{\"a\":{\"dtype\":" + lengthy + "}}", "{\"__metadata__\":{" + lengthy + ":1}}"})
    BOOST_TEST(refusal_of_header(header).size() < 300U);
}

BOOST_AUTO_TEST_CASE(places_that_do_not_fit_are_refused) {
  const auto of = [](const std::string& entries, std::size_t data) {
    return refusal_of_header("{" + entries + "}", data);
  };
  BOOST_TEST(of(entry("a", "F32", "2", "0,4"), 4) == "the tensor \"a\" of F32 [2] needs 8 bytes, found 4");
  BOOST_TEST(of(entry("a", "F32", "", "0,0"), 0) == "the tensor \"a\" of F32 [] needs 4 bytes, found 0");
  BOOST_TEST(of(entry("a", "U8", "1", "2,1"), 2) == "the tensor \"a\" ends at byte 1, before its start at byte 2");
  BOOST_TEST(of(entry("a", "U8", "4", "0,4") + "," + entry("b", "U8", "4", "2,6"), 6) ==
             "the tensor \"b\" overlaps \"a\"");
  BOOST_TEST(of(entry("a", "U8", "4", "0,4") + "," + entry("b", "U8", "4", "0,4"), 4).find("overlaps") !=
             std::string::npos);
  BOOST_TEST(of(entry("a", "U8", "4", "0,4") + "," + entry("b", "U8", "0", "2,2"), 4).find("overlaps") !=
             std::string::npos);
  BOOST_TEST(of(entry("a", "U8", "2", "0,2") + "," + entry("b", "U8", "2", "4,6"), 6) ==
             "nothing is said about the bytes 2 to 4 of the data, before the tensor \"b\"");
  BOOST_TEST(of(entry("a", "U8", "2", "1,3"), 3).starts_with("nothing is said about the bytes 0 to 1"));
  BOOST_TEST(of(entry("a", "U8", "2", "0,2"), 3) == "expected 2 bytes of data, found 3");
  BOOST_TEST(of("", 1) == "expected 0 bytes of data, found 1");
  BOOST_TEST(of(entry("a", "U8", "1", "18446744073709551615,18446744073709551615"), 1).find("it is cut off") !=
             std::string::npos);
  BOOST_TEST(of(entry("a", "U8", "1", "0,18446744073709551615"), 1).find("it is cut off") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(shapes_that_overflow_are_refused) {
  for (const auto* const shape : {"4294967296,4294967296", "4611686018427387904,4", "9223372036854775807",
                                  "4294967296,2147483648", "0,4294967296,4294967296", "4294967296,4294967296,0"})
    BOOST_TEST(refusal_of_header("{" + entry("a", "F32", shape, "0,0") + "}").find("the impossible shape") !=
                   std::string::npos,
               shape);
  BOOST_TEST(refusal_of_header("{" + entry("a", "F32", "0,1000000", "0,0") + "}") == "");
}

BOOST_AUTO_TEST_CASE(a_name_that_comes_twice_is_refused) {
  BOOST_TEST(refusal_of_header("{" + entry("a", "U8", "1", "0,1") + "," + entry("a", "U8", "1", "1,2") + "}", 2) ==
             "has the tensor \"a\" twice");
  BOOST_TEST(refusal_of_header("{" + entry("a", "U8", "1", "0,1") + "," + entry("\\u0061", "U8", "1", "1,2") + "}",
                               2) == "has the tensor \"a\" twice");
  BOOST_TEST(refusal_of_header(R"({"__metadata__":{"k":"1","k":"2"}})") == "the metadata has \"k\" twice");
  BOOST_TEST(refusal_of_header(R"({"__metadata__":{},"__metadata__":{}})") == "the header has __metadata__ twice");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_refused_before_anything_is_written) {
  const TemporaryFolder folder;
  const std::vector<float> floats{1, 2, 3, 4};
  const auto start = "cannot write " + (folder / "x").string() + ": ";
  const auto of = [&](std::vector<TensorView> tensors, const Metadata& metadata = {}) {
    const auto message = error_of([&] { save_safetensors(folder / "x", tensors, metadata); });
    BOOST_TEST(message.starts_with(start), message);
    return message.substr(std::min(message.size(), start.size()));
  };
  const TensorView good{"a", DType::f32, {2, 2}, {2, 1}, bytes_of(floats)};
  const auto changed = [&](auto change) {
    auto tensor = good;
    change(tensor);
    return std::vector{tensor};
  };
  BOOST_TEST(of({good, good}) == "the tensor \"a\" is there twice");
  BOOST_TEST(of(changed([](auto& t) { t.strides = {1, 2}; })) == "the tensor \"a\" is not contiguous");
  BOOST_TEST(of(changed([](auto& t) { t.strides = {1}; })) == "the tensor \"a\" is not contiguous");
  BOOST_TEST(of(changed([](auto& t) {
               t.shape = {2, 3}, t.strides = {3, 1};
             })) == "the tensor \"a\" of F32 [2, 3] needs 24 bytes, found 16");
  BOOST_TEST(of(changed([](auto& t) { t.shape = {-2, -2}; })) == "the tensor \"a\" has the impossible shape [-2, -2]");
  BOOST_TEST(of(changed([](auto& t) { t.name = "__metadata__"; })).ends_with("has a name that the format reserves"));
  BOOST_TEST(of(changed([](auto& t) { t.name = "\xFF"; })) == "\"\\xFF\" is not UTF-8 text");
  BOOST_TEST(of({good}, {{"k", "\xFF"}}) == "\"\\xFF\" is not UTF-8 text");
  BOOST_TEST(!std::filesystem::exists(folder / "x"));
}

BOOST_AUTO_TEST_SUITE_END()
