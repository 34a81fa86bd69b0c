#include "nada/formats/tfevents.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/formats/file.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_tfevents)

using namespace nada;
namespace fs = std::filesystem;

namespace {

std::uint32_t crc_of(const std::string& bytes) { return crc32c(std::as_bytes(std::span(bytes))); }

/// A byte string of numbers.
std::string bytes_of(const std::vector<int>& numbers) {
  std::string out;
  for (const int number : numbers) out += static_cast<char>(number);
  return out;
}

/// The sizes of the records of a file, as their heads tell them.
std::vector<std::size_t> records_of(const fs::path& path) {
  const auto text = read_text(path);
  std::vector<std::size_t> out;
  for (std::size_t at = 0; at < text.size(); at += out.back()) {
    std::size_t size = 0;
    for (std::size_t i = 8; i-- > 0;) size = size << 8 | static_cast<unsigned char>(text.at(at + i));
    out.push_back(8 + 4 + size + 4);
  }
  return out;
}

using Numbers = std::vector<std::pair<std::string, float>>;

/// The file of a run of `steps` steps with a picture at each even step.
void fill(const fs::path& path, int steps, int from = 0) {
  EventFile file(path, from);
  Picture picture;
  picture.width = 3;
  picture.height = 2;
  picture.pixels.assign(3 * 2 * 3, 7);
  write_picture(path.string() + ".png", picture);
  const MappedFile png(path.string() + ".png");
  if (from == 0) file.text(0, "words", "one, two");
  for (int step = from + 1; step <= steps; ++step) {
    file.scalars(step, Numbers{{"loss", 0.5F * static_cast<float>(step)}, {"term", 2.F}});
    if (step % 2 == 0) file.image(step, "grid", png.bytes());
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_crc_gives_the_known_answers_of_rfc_3720) {
  std::vector<int> rising(32), falling(32);
  for (int i = 0; i < 32; ++i) rising[static_cast<std::size_t>(i)] = i;
  std::reverse_copy(rising.begin(), rising.end(), falling.begin());
  BOOST_TEST(crc_of(std::string(32, '\0')) == 0x8A9136AAU);
  BOOST_TEST(crc_of(std::string(32, '\xFF')) == 0x62A8AB43U);
  BOOST_TEST(crc_of(bytes_of(rising)) == 0x46DD794EU);
  BOOST_TEST(crc_of(bytes_of(falling)) == 0x113FDB5CU);
  BOOST_TEST(crc_of(bytes_of({1, 0xC0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 4, 0, 0,
                              0, 0,    0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0,    0, 0, 0, 0, 0, 0})) ==
             0xD9963A56U);
  BOOST_TEST(crc_of("123456789") == 0xE3069283U);
  BOOST_TEST(crc_of("") == 0U);
}

BOOST_AUTO_TEST_CASE(an_event_has_the_bytes_that_the_format_says) {
  const TemporaryFolder folder;
  EventFile file(folder / "events", 0);
  file.scalars(300, Numbers{{"loss", 0.5F}});
  const auto text = read_text(folder / "events");
  BOOST_TEST(text.substr(0, 12) == bytes_of({24, 0, 0, 0, 0, 0, 0, 0, 0xA3, 0x7F, 0x4B, 0x22}));  // as TensorFlow's
  BOOST_TEST(text.substr(12, 1) == "\x09");                                                       // the wall time
  BOOST_TEST(text.substr(21, 15) ==
             "\x1A\x0D"
             "brain.Event:2");
  const auto second = text.substr(12 + 24 + 4);
  BOOST_TEST(second.substr(0, 8) == bytes_of({9 + 3 + 2 + 2 + 6 + 5, 0, 0, 0, 0, 0, 0, 0}));
  BOOST_TEST(second.substr(12 + 9, 18) ==
             bytes_of({0x10, 0xAC, 2, 0x2A, 13, 0x0A, 11, 0x0A, 4, 'l', 'o', 's', 's', 0x15, 0, 0, 0, 0x3F}));
  BOOST_TEST(second.size() == 12U + 27 + 4);
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_on_keeps_the_records_up_to_its_state) {
  const TemporaryFolder folder;
  const auto path = folder / "events";
  fill(path, 6);
  const auto all = records_of(path);
  BOOST_TEST_REQUIRE(all.size() == 1U + 1 + 6 + 3);
  const auto text = read_text(path);
  {
    const EventFile file(path, 4);
    BOOST_TEST(file.last("loss") == 4);
    BOOST_TEST(file.last("grid") == 4);
    BOOST_TEST(file.last("words") == 0);
    BOOST_TEST(file.last("other") == -1);
  }
  const auto kept = read_text(path);
  BOOST_TEST(records_of(path).size() == 1U + 1 + 4 + 2);
  BOOST_TEST(text.starts_with(kept));
  fill(path, 6, 4);
  BOOST_TEST(records_of(path) == all, boost::test_tools::per_element());
  BOOST_TEST(read_text(path).starts_with(kept));
  fill(path, 2);  // a new run
  BOOST_TEST(records_of(path).size() == 1U + 1 + 2 + 1);
}

BOOST_AUTO_TEST_CASE(what_is_cut_off_or_damaged_goes_with_what_follows_it) {
  const TemporaryFolder folder;
  const auto path = folder / "events";
  fill(path, 5);
  const auto text = read_text(path);
  const auto sizes = records_of(path);
  const auto after = [&](const std::string& content) {
    write_text(path, content);
    const EventFile file(path, 9);
    return file.last("loss");
  };
  BOOST_TEST(after(text) == 5);
  for (std::size_t cut = 1; cut <= sizes.back(); ++cut) BOOST_TEST(after(text.substr(0, text.size() - cut)) == 4);
  BOOST_TEST(fs::file_size(path) == text.size() - sizes.back());
  for (std::size_t at = text.size() - sizes.back(); at < text.size(); ++at) {
    auto damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    BOOST_TEST(after(damaged) == 4);
  }
  for (const std::string& other :
       {std::string(), std::string("step,loss\n1,2\n"), text.substr(sizes[0]), text.substr(1)}) {
    BOOST_TEST(after(other) == -1);
    BOOST_TEST(records_of(path) == std::vector<std::size_t>{sizes[0]});  // begun anew
  }
  fs::remove(path);
  const EventFile missing(path, 3);
  BOOST_TEST(records_of(path) == std::vector<std::size_t>{sizes[0]});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_refused) {
  const TemporaryFolder folder;
  BOOST_TEST(error_of([&] { EventFile(folder / "none" / "events"); }) ==
             join("cannot write ", folder / "none" / "events", ": No such file or directory"));
  BOOST_TEST(error_of([&] { EventFile(folder.path()); }) == join("cannot write ", folder.path(), ": Is a directory"));
  EventFile file(folder / "events");
  BOOST_TEST(error_of([&] { file.image(1, "grid", std::as_bytes(std::span("no picture", 10))); }) ==
             join(folder / "events", ": the picture \"grid\" is no PNG file"));
}

BOOST_AUTO_TEST_SUITE_END()
