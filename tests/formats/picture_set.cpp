#include <boost/test/unit_test.hpp>

#include "nada/formats/canvas.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture_set.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(formats_picture_set)

using namespace nada;

BOOST_AUTO_TEST_CASE(images_and_pictures_are_each_others_inverse) {
  const auto images = to_images({make_canvas(3, 2, {0, 255, 51})});
  BOOST_TEST(images.sizes() == (std::vector<std::int64_t>{1, 3, 2, 3}));
  BOOST_TEST(images[0][0][0][0].item<float>() == -1.F);
  BOOST_TEST(images[0][1][1][2].item<float>() == 1.F);
  BOOST_TEST(to_pictures(images)[0].pixels == make_canvas(3, 2, {0, 255, 51}).pixels, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_folder_is_read_by_name_and_other_files_are_left_alone) {
  const TemporaryFolder folder;
  write_picture(folder / "b.png", make_canvas(2, 2, {255, 255, 255}));
  write_picture(folder / "a.png", make_canvas(2, 2, {0, 0, 0}));
  write_text(folder / "notes.txt", "no picture");
  const auto images = read_picture_set(folder.path());
  BOOST_TEST(images.size(0) == 2);
  BOOST_TEST(images[0].max().item<float>() == -1.F);
  BOOST_TEST(images[1].min().item<float>() == 1.F);
}

BOOST_AUTO_TEST_CASE(a_sheet_is_cut_into_its_tiles_row_by_row) {
  const TemporaryFolder folder;
  auto sheet = make_canvas(4, 4, {0, 0, 0});
  paste(sheet, make_canvas(2, 2, {255, 0, 0}), 2, 0);
  paste(sheet, make_canvas(2, 2, {0, 255, 0}), 0, 2);
  write_picture(folder / "sheet.png", sheet);
  const auto tiles = read_picture_set(folder / "sheet.png", 0, 2);
  BOOST_TEST(tiles.size(0) == 4);
  BOOST_TEST(tiles[1][0].min().item<float>() == 1.F);
  BOOST_TEST(tiles[2][1].min().item<float>() == 1.F);
  BOOST_TEST(tiles[3].max().item<float>() == -1.F);
  BOOST_TEST(read_picture_set(folder / "sheet.png", 8, 2).size(3) == 8);
  BOOST_TEST(error_of([&] { read_picture_set(folder / "sheet.png", 0, 3); }).find("tiles of 3 pixels do not fill") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(says_what_is_wrong) {
  const TemporaryFolder folder;
  BOOST_TEST(error_of([&] { read_picture_set(folder.path()); }).find("holds no .png") != std::string::npos);
  BOOST_TEST(error_of([&] { read_picture_set(folder / "none.png"); }).find("none.png") != std::string::npos);
  write_picture(folder / "a.png", make_canvas(2, 2));
  write_picture(folder / "b.png", make_canvas(3, 2));
  BOOST_TEST(error_of([&] { read_picture_set(folder.path()); }).find("one size") != std::string::npos);
  BOOST_TEST(read_picture_set(folder.path(), 2).size(0) == 2);
}

BOOST_AUTO_TEST_SUITE_END()
