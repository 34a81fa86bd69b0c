#include "nada/formats/npy.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "support/files.hpp"
#include "support/pickles.hpp"

BOOST_AUTO_TEST_SUITE(formats_npy)

using namespace nada;

namespace {

/// Returns a file of numpy.save, written by hand.
std::string npy(int major, const std::string& header, const std::string& numbers, int minor = 0) {
  const auto length = static_cast<std::uint32_t>(header.size());
  return "\x93NUMPY" + std::string{static_cast<char>(major), static_cast<char>(minor)} +
         (major == 1 ? test::raw(static_cast<std::uint16_t>(length)) : test::raw(length)) + header + numbers;
}
std::string dict(const std::string& type, const std::string& shape, const std::string& columns_first = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + columns_first + ", 'shape': " + shape + ", }";
}
template <class T>
std::string bytes_of(const std::vector<T>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T)};
}
TensorView read(const std::string& file) { return read_npy(std::as_bytes(std::span(file)), "a.npy"); }
std::string refusal(const std::string& file) {
  return error_of([&] { read(file); });
}
template <class T>
std::vector<T> numbers(const TensorView& view) {
  std::vector<T> out(view.bytes.size() / sizeof(T));
  std::memcpy(out.data(), view.bytes.data(), view.bytes.size());
  return out;
}

const std::string two = bytes_of<float>({0.5F, -2});

}  // namespace

BOOST_AUTO_TEST_CASE(what_numpy_writes_is_read_in_all_three_versions) {
  const std::vector<double> values{1.5, -3, 1e300};
  for (const int version : {1, 2, 3}) {
    const auto file = npy(version, dict("<f8", "(1, 3)") + std::string(40, ' ') + "\n", bytes_of(values));
    const auto view = read(file);
    BOOST_TEST(view.shape == (std::vector<std::int64_t>{1, 3}), boost::test_tools::per_element());
    BOOST_TEST(view.strides == (std::vector<std::int64_t>{3, 1}), boost::test_tools::per_element());
    BOOST_TEST((view.dtype == DType::f64 && view.name.empty()));
    BOOST_TEST(numbers<double>(view) == values, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(keys_may_stand_in_any_order_and_shapes_may_be_of_any_length) {
  const auto other = npy(1, "{\"shape\": (2L,), \"descr\": \"<f4\", \"fortran_order\": False}", two);
  BOOST_TEST(numbers<float>(read(other)) == (std::vector<float>{0.5F, -2}), boost::test_tools::per_element());
  BOOST_TEST(read(npy(1, dict("<f4", "()"), two.substr(0, 4))).shape.empty());
  BOOST_TEST(read(npy(1, dict("<f4", "(0, 7)"), "")).bytes.empty());
}

BOOST_AUTO_TEST_CASE(only_what_begins_as_an_array_is_one) {
  const std::string array = npy(1, dict("<f4", "(2,)"), two), short_one = "\x93NUMP";
  BOOST_TEST(is_npy(std::as_bytes(std::span(array))));
  BOOST_TEST(!is_npy(std::as_bytes(std::span(short_one))));
  BOOST_TEST(refusal("PK\3\4") == "a.npy: is no NumPy array");
}

BOOST_AUTO_TEST_CASE(other_types_and_orders_are_refused_by_name) {
  for (const std::string type : {">f4", "<i8", "|O", "<f2", "<c8"})
    BOOST_TEST(refusal(npy(1, dict(type, "(2,)"), two)) ==
               "a.npy: a NumPy array with elements of type \"" + type + "\", expected \"<f4\" or \"<f8\"");
  BOOST_TEST(refusal(npy(1, dict("<f4", "(2, 1)", "True"), two)) ==
             "a.npy: a NumPy array with its columns first (fortran_order), expected rows first");
  BOOST_TEST(refusal(npy(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", two)) ==
             "a.npy: a NumPy array of records, expected elements of type '<f4' or '<f8'");
}

BOOST_AUTO_TEST_CASE(hostile_files_end_with_one_sentence) {
  const auto whole = npy(1, dict("<f4", "(2,)"), two);
  for (std::size_t length = 6; length < whole.size(); ++length) {
    const auto sentence = refusal(whole.substr(0, length));
    BOOST_TEST(sentence.starts_with("a.npy: "), length << ": " << sentence);
  }
  BOOST_TEST(refusal(whole + "x") == "a.npy: a NumPy array of shape [2] takes 8 bytes, found 9");
  BOOST_TEST(refusal(npy(4, dict("<f4", "(2,)"), two)) ==
             "a.npy: a NumPy array of version 4.0, expected 1.0, 2.0 or 3.0");
  BOOST_TEST(refusal(npy(1, dict("<f4", "(2,)"), two, 1)) ==
             "a.npy: a NumPy array of version 1.1, expected 1.0, 2.0 or 3.0");
  BOOST_TEST(refusal(npy(1, dict("<f8", "(4611686018427387904, 4)"), two)) ==
             "a.npy: a NumPy array of the impossible shape [4611686018427387904, 4]");
  BOOST_TEST(refusal(npy(1, dict("<f4", "(-2,)"), two)).find("where a whole number >= 0 is expected") !=
             std::string::npos);
  BOOST_TEST(refusal(npy(1, dict("<f4", "(99999999999999999999,)"), two)).find("whole number") != std::string::npos);
  BOOST_TEST(refusal(npy(1, "{'descr': '<f4', 'descr': '<f4', }", two)) ==
             "a.npy: the header of a NumPy array has the key \"descr\" twice");
  BOOST_TEST(refusal(npy(1, "{'descr': '<f4', 'shape': (2,), }", two)) ==
             "a.npy: the header of a NumPy array lacks the key 'fortran_order'");
  BOOST_TEST(refusal(npy(1, "{'descr': '<f4', 'extra': 3}", two)) ==
             "a.npy: the header of a NumPy array has the unknown key \"extra\"");
  BOOST_TEST(refusal(npy(1, "__import__('os').system('true')", two)) ==
             "a.npy: the header of a NumPy array has \"__import__('os').system('true')\" where '{' is expected");
  BOOST_TEST(refusal(npy(1, dict("<f4", "(2,)") + "; x", two)) ==
             "a.npy: the header of a NumPy array has \"; x\" where the end is expected");
}

BOOST_AUTO_TEST_CASE(a_long_header_is_refused_before_it_is_read) {
  BOOST_TEST(refusal(npy(2, std::string(20'000, ' '), two)) ==
             "a.npy: a NumPy array with a header of 20000 bytes, expected at most 10000");
}

BOOST_AUTO_TEST_SUITE_END()
