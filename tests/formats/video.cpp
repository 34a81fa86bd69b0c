#include <boost/test/unit_test.hpp>

#include <filesystem>

#include "nada/core/error.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/video.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_video)

using namespace nada;

namespace {

Picture grey(int width, int height, std::uint8_t value) {
  Picture out{width, height, {}, {}};
  out.pixels.assign(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height), value);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_folder_gets_numbered_pngs_with_the_text) {
  const TemporaryFolder folder;
  FilmWriter film(folder / "frames", 25, {{"nada:options", "seed = 1"}});
  for (const std::uint8_t value : {10, 20, 30}) film.add(grey(4, 2, value));
  film.finish();
  BOOST_TEST(read_picture(folder / "frames" / "000002.png").pixels.front() == 30);
  BOOST_TEST(read_picture(folder / "frames" / "000000.png").text.at("nada:options") == "seed = 1");
  BOOST_TEST(error_of([&] { FilmWriter(folder / "frames", 25); }).find("is not empty, expected a new folder") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(frames_have_one_size_and_a_film_has_frames) {
  const TemporaryFolder folder;
  FilmWriter film(folder / "frames", 25);
  BOOST_TEST(error_of([&] { film.finish(); }) == "a film needs at least one frame");
  film.add(grey(4, 2, 1));
  BOOST_TEST(error_of([&] { film.add(grey(2, 4, 1)); }) == "frames of 2x4 and 4x2 pixels in one film");
  BOOST_TEST(error_of([&] { FilmWriter(folder / "x", 0); }) == "expected 1 to 240 frames a second, found 0");
}

BOOST_AUTO_TEST_CASE(a_film_that_was_not_finished_leaves_nothing) {
  const TemporaryFolder folder;
  for (const char* name : {"film.mp4", "film.gif"}) {
    try {
      FilmWriter film(folder / name, 10);
      film.add(grey(32, 32, 100));
    } catch (const Error& error) {  // where there is no ffmpeg
      BOOST_TEST(std::string(error.what()).find("Debian's package ffmpeg") != std::string::npos);
    }
  }
  BOOST_TEST(std::filesystem::is_empty(folder.path()));
}

BOOST_AUTO_TEST_SUITE_END()
