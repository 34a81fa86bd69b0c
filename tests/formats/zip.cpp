#include "nada/formats/zip.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include "nada/formats/file.hpp"
#include "support/files.hpp"
#include "support/pickles.hpp"

BOOST_AUTO_TEST_SUITE(formats_zip)

using namespace nada;
using namespace nada::test;

namespace {

std::string content(ZipArchive& archive, std::string_view name) {
  return std::string(nada::detail::as_text(archive.entry(name)));
}

std::string error_in(std::string_view bytes, std::string_view entry = "") {
  return error_of([&] {
    ZipArchive archive(as_bytes(bytes), "a.zip");
    if (!entry.empty()) archive.entry(entry);
  });
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

BOOST_AUTO_TEST_CASE(entries_come_back_as_they_were) {
  const std::string text(100'000, 'x');
  for (const bool wide : {false, true}) {
    const auto bytes = zip_archive({{.name = "b/stored", .content = "abc"},
                                    {.name = "a/packed", .content = text, .deflated = true},
                                    {.name = "empty", .content = ""},
                                    {.name = "packed empty", .content = "", .deflated = true}},
                                   wide);
    ZipArchive archive(as_bytes(bytes), "a.zip");
    BOOST_TEST_REQUIRE(archive.entries().size() == 4U);
    BOOST_TEST(archive.entries()[0].name == "a/packed");
    BOOST_TEST(content(archive, "b/stored") == "abc");
    BOOST_TEST((content(archive, "a/packed") == text));
    BOOST_TEST(content(archive, "empty").empty());
    BOOST_TEST(content(archive, "packed empty").empty());
    BOOST_TEST((archive.entry("b/stored").data() == as_bytes(bytes).data() + bytes.find("abc")));  // not copied
    BOOST_TEST((archive.entry("a/packed").data() == archive.entry("a/packed").data()));            // unpacked once
  }
}

BOOST_AUTO_TEST_CASE(what_was_read_survives_a_move) {
  const TemporaryFolder folder;
  write_text(folder / "a.zip", zip_archive({{.name = "p", .content = "abcabcabc", .deflated = true}}));
  auto archive = ZipArchive::open(folder / "a.zip");
  const auto bytes = archive.entry("p");
  const auto moved = std::move(archive);
  BOOST_TEST(nada::detail::as_text(bytes) == "abcabcabc");
}

BOOST_AUTO_TEST_CASE(every_truncation_is_an_error) {
  const auto bytes =
      zip_archive({{.name = "a", .content = "abc"}, {.name = "b", .content = "abcabc", .deflated = true}});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    BOOST_TEST(!error_in(std::string_view(bytes).substr(0, size)).empty());
}

BOOST_AUTO_TEST_CASE(damage_is_named) {
  BOOST_TEST(error_in(zip_archive({{.name = "a", .content = "abc", .crc_lie = 1}}), "a")
                 .starts_with("a.zip: the entry \"a\" is damaged: its CRC is "));
  BOOST_TEST(error_in(zip_archive({{.name = "a", .content = "abc"}}), "b") == "a.zip: has no entry \"b\"");
  BOOST_TEST(error_in(zip_archive({{.name = "a", .content = "1"}, {.name = "a", .content = "2"}})) ==
             "a.zip: has the entry \"a\" twice");
  BOOST_TEST(error_in(zip_archive({{.name = "a", .content = "abc", .size_lie = 4}}), "a") ==
             "a.zip: the entry \"a\" is stored in 3 bytes and said to have 4");
  for (const std::int64_t size : {0, 5, 7, 4000})
    BOOST_TEST(
        contains(error_in(zip_archive({{.name = "a", .content = "abcabc", .deflated = true, .size_lie = size}}), "a"),
                 "is damaged: it "));
  BOOST_TEST(error_in("") == "a.zip: is cut off or not a zip archive: no directory was found at its end");
}

BOOST_AUTO_TEST_CASE(a_bomb_is_not_unpacked) {
  const std::string zeros(std::size_t{40} << 20, '\0');
  BOOST_TEST(error_in(zip_archive({{.name = "a", .content = zeros, .deflated = true}}), "a") ==
             "a.zip: the entry \"a\" would take 41943040 bytes, more than an archive of this size is allowed");
  // Two that are small enough alone.
  const std::string half = zeros.substr(zeros.size() / 2);
  const auto two =
      zip_archive({{.name = "a", .content = half, .deflated = true}, {.name = "b", .content = half, .deflated = true}});
  ZipArchive archive(as_bytes(two), "a.zip");
  BOOST_TEST(archive.entry("a").size() == half.size());
  BOOST_TEST(contains(error_of([&] { archive.entry("b"); }), "more than an archive of this size is allowed"));
  BOOST_TEST(contains(
      error_in(zip_archive({{.name = "a", .content = "abc", .deflated = true, .size_lie = 1'000'000'000}}), "a"),
      "cannot grow from 5 to 1000000000 bytes"));
}

BOOST_AUTO_TEST_CASE(places_are_checked) {
  const auto good = zip_archive({{.name = "a", .content = "abc"}, {.name = "b", .content = "abc"}});
  const auto directory = good.find("PK\1\2"), second = good.find("PK\1\2", directory + 4);
  const auto with = [&](std::size_t at, std::string_view change) {
    auto bytes = good;
    return bytes.replace(at, change.size(), change);
  };
  BOOST_TEST(contains(error_in(with(directory + 42, raw(1'000'000U))), "should start at byte 1000000, beyond"));
  BOOST_TEST(contains(error_in(with(directory + 42, raw(1U))), "has no header at byte 1"));
  BOOST_TEST(contains(error_in(with(second + 42, raw(0U))), "overlaps"));
  BOOST_TEST(contains(error_in(with(directory + 20, raw(1'000'000U))), "beyond the archive's data"));
  BOOST_TEST(contains(error_in(with(directory + 20, raw(10U))), "overlaps"));
  BOOST_TEST(contains(error_in(with(directory + 46, "x")), "calls itself \"a\""));
  BOOST_TEST(contains(error_in(with(directory + 20, raw(0xFFFFFFFFU))), "lacks its 64-bit sizes"));
  BOOST_TEST(contains(error_in(with(directory + 10, raw(std::uint16_t{12})), "a"), "is packed with method 12"));
  BOOST_TEST(contains(error_in(with(directory + 8, raw(std::uint16_t{1})), "a"), "is encrypted"));
  BOOST_TEST(contains(error_in(with(good.size() - 12, raw(std::uint16_t{9}))), "split archive"));
  BOOST_TEST(contains(error_in(with(good.size() - 14, raw(std::uint32_t{0xFFFFFFFF}))), "cannot hold 65535 entries"));
  BOOST_TEST(contains(error_in(with(good.size() - 6, raw(0x7FFFFFFFU))), "should start at byte 2147483647"));
}

BOOST_AUTO_TEST_CASE(no_changed_byte_does_harm) {
  const auto good =
      zip_archive({{.name = "a", .content = "abc"}, {.name = "b", .content = "abcabcabc", .deflated = true}}, true);
  int refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at)
    for (const unsigned char change : {0x01, 0x80, 0xFF}) {
      auto bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      refused += !error_of([&] {
                    ZipArchive archive(as_bytes(bytes), "a.zip");
                    for (const auto& entry : archive.entries()) archive.entry(entry.name);
                  }).empty();
    }
  BOOST_TEST(refused > 300);
}

BOOST_AUTO_TEST_SUITE_END()
