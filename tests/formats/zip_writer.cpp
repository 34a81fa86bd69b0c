#include "nada/formats/zip_writer.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include "nada/formats/file.hpp"
#include "nada/formats/zip.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_zip_writer)

using namespace nada;

namespace {

void write(const std::filesystem::path& path, int entries) {
  ZipWriter archive(path);
  for (int i = 0; i < entries; ++i) archive.add(join("folder/", i), std::string(static_cast<std::size_t>(i), 'x'));
  archive.finish();
}

}  // namespace

BOOST_AUTO_TEST_CASE(entries_are_read_back_from_multiples_of_64_bytes) {
  const TemporaryFolder folder;
  const auto path = folder / "a.zip";
  write(path, 200);
  auto archive = ZipArchive::open(path);
  BOOST_TEST_REQUIRE(archive.entries().size() == 200U);
  for (int i = 0; i < 200; ++i) {
    const auto name = join("folder/", i);
    const auto content = archive.entry(name);  // checks the CRC
    BOOST_TEST(nada::detail::as_text(content) == std::string(static_cast<std::size_t>(i), 'x'), name);
    BOOST_TEST(archive.find(name)->data % ZipWriter::alignment == 0U, name);
  }
  const auto first = read_text(path);
  write(path, 200);
  BOOST_TEST((read_text(path) == first));
}

BOOST_AUTO_TEST_CASE(an_archive_may_be_empty) {
  const TemporaryFolder folder;
  write(folder / "a.zip", 0);
  BOOST_TEST(ZipArchive::open(folder / "a.zip").entries().empty());
}

BOOST_AUTO_TEST_CASE(an_archive_that_is_not_finished_leaves_the_file_as_it_was) {
  const TemporaryFolder folder;
  const auto path = folder / "a.zip";
  write_text(path, "before");
  {
    ZipWriter archive(path);
    archive.add("a", "content");
  }
  BOOST_TEST(read_text(path) == "before");
  BOOST_TEST(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

BOOST_AUTO_TEST_CASE(four_gibibytes_are_refused) {
  const TemporaryFolder folder;
  write_text(folder / "zeros", "");
  std::filesystem::resize_file(folder / "zeros", 0xFFFFFFFF);  // without blocks on the disk
  const MappedFile zeros(folder / "zeros");
  ZipWriter archive(folder / "a.zip");
  BOOST_TEST(error_of([&] { archive.add("a", zeros.bytes()); }) ==
             join("cannot write ", folder / "a.zip", ": an archive holds less than 4 GiB in fewer than 65535 entries"));
}

BOOST_AUTO_TEST_CASE(a_name_is_needed) {
  const TemporaryFolder folder;
  ZipWriter archive(folder / "a.zip");
  BOOST_TEST(error_of([&] { archive.add("", "content"); }) ==
             join("cannot write ", folder / "a.zip", ": an entry has a name of 0 bytes, expected 1 to 1000"));
}

BOOST_AUTO_TEST_SUITE_END()
