#include <boost/test/unit_test.hpp>

#include <filesystem>

#include "nada/formats/grid.hpp"
#include "nada/pretraining/image_set.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

using namespace nada;

BOOST_AUTO_TEST_SUITE(pretraining_image_set)

BOOST_AUTO_TEST_CASE(tables_keep_commas_and_quotes_and_refuse_ragged_rows) {
  const TemporaryFolder folder;
  write_text(folder / "t.csv", "a,b\r\n\"x, \"\"y\"\"\",2\n,\n");
  const auto rows = read_table(folder / "t.csv");
  BOOST_TEST(rows.size() == 3U);
  BOOST_TEST(rows[1][0] == "x, \"y\"");
  BOOST_TEST(rows[2][1].empty());
  write_text(folder / "t.csv", "a,b\n1\n");
  BOOST_TEST(error_of([&] { read_table(folder / "t.csv"); }).find("row 2 has 1 cells, expected 2") !=
             std::string::npos);
  write_text(folder / "t.csv", "a,b\n\"1,2\n");
  BOOST_TEST(error_of([&] { read_table(folder / "t.csv"); }).find("never closed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(reads_shards_with_captions_groups_and_texts) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "a");
  auto images = torch::arange(2 * 3 * 4 * 4, torch::kUInt8).view({2, 3, 4, 4});
  save_tensors(folder / "a/0.safetensors", {{"images", images}}, {});
  write_text(folder / "a/0.csv", "caption,group,hair\none|two,g,red hair\nthree,g,\n");
  save_tensors(folder / "b.safetensors", {{"images", images + 100}}, {});
  const auto set = ImageSet::open(folder.path());
  BOOST_TEST(set.size() == 4);
  BOOST_TEST(set.resolution() == 4);
  BOOST_TEST(set[0].captions.size() == 2U);
  BOOST_TEST(set[0].captions[1] == "two");
  BOOST_TEST(set[0].texts.at("hair") == "red hair");
  BOOST_TEST(set[1].texts.empty());
  BOOST_TEST(set.groups().at("g").size() == 2U);
  const auto seen = set.images({3, 0});
  BOOST_TEST(test::largest_difference(seen[0], (images[1] + 100).to(torch::kFloat32) / 127.5 - 1) < 1e-6);
  BOOST_TEST(test::largest_difference(seen[1], images[0].to(torch::kFloat32) / 127.5 - 1) < 1e-6);
}

BOOST_AUTO_TEST_CASE(reads_pictures_with_captions_beside_them_or_in_a_table) {
  const TemporaryFolder folder;
  const auto image = torch::full({1, 3, 8, 8}, 0.5);
  write_picture(folder / "one.png", to_pictures(image)[0]);
  write_picture(folder / "two.png", to_pictures(-image)[0]);
  write_picture(folder / "wide.png", to_pictures(torch::full({1, 3, 8, 16}, 0.25))[0]);
  write_text(folder / "one.txt", "a bright picture\nanother line\r\n");
  write_text(folder / "captions.csv", "file,caption\ntwo.png,a dark picture\n");
  const auto set = ImageSet::open(folder.path(), 8);
  BOOST_TEST(set.size() == 3);
  BOOST_TEST(set[0].captions.size() == 2U);
  BOOST_TEST(set[0].captions[1] == "another line");
  BOOST_TEST(set[1].captions.at(0) == "a dark picture");
  BOOST_TEST(set[2].captions.empty());
  BOOST_TEST(std::abs(test::number(set.images({1}).mean()) + 0.5) < 0.01);
  BOOST_TEST(std::abs(test::number(set.images({2}).mean()) - 0.25) < 0.01);
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_set_of_pictures) {
  const TemporaryFolder folder;
  BOOST_TEST(error_of([&] { ImageSet::open(folder.path()); }).find("holds no pictures") != std::string::npos);
  BOOST_TEST(error_of([&] { ImageSet::open(folder / "none"); }).find("no such folder") != std::string::npos);
  save_tensors(folder / "0.safetensors", {{"images", torch::zeros({2, 3, 4, 4}, torch::kUInt8)}}, {});
  BOOST_TEST(error_of([&] { ImageSet::open(folder.path(), 8); }).find("have 4 pixels a side, expected 8") !=
             std::string::npos);
  write_text(folder / "0.csv", "caption\nonly one\n");
  BOOST_TEST(error_of([&] { ImageSet::open(folder.path()); }).find("expected a header and 2") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
