#include <boost/test/unit_test.hpp>

#include <filesystem>

#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/pretraining/image_set.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_image_set)

using namespace nada;

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

BOOST_AUTO_TEST_CASE(a_folder_as_people_have_it) {
  // Names in capitals, folders below, hidden files, a table of a spreadsheet, captions both beside a file and in a
  // table.
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "below");
  std::filesystem::create_directories(folder / ".cache");
  const auto image = to_pictures(torch::full({1, 3, 8, 8}, 0.5))[0];
  write_picture(folder / "a.png", image);
  write_picture(folder / "a2.jpg", image);
  std::filesystem::rename(folder / "a.png", folder / "A.PNG");
  std::filesystem::rename(folder / "a2.jpg", folder / "B.JPeG");
  write_picture(folder / "below/c.png", image);
  write_picture(folder / ".cache/d.png", image);
  write_text(folder / "._A.PNG", "not a picture");
  write_text(folder / "captions.csv",
             "\xEF\xBB\xBF"
             "file,caption,mood\r\nA.PNG,one,happy\r\nB.JPeG,two,sad\r\n");
  write_text(folder / "B.txt", "\n  \nfrom the text file\n");
  write_text(folder / "below/captions.csv", "caption,file\nthree|four,c.png\n");
  const auto set = ImageSet::open(folder.path());
  BOOST_TEST(set.size() == 3);
  BOOST_TEST(set.resolution() == 8);
  BOOST_TEST(set[0].captions.at(0) == "one");
  BOOST_TEST(set[0].texts.at("mood") == "happy");
  BOOST_TEST(set[1].captions.at(0) == "from the text file");
  BOOST_TEST(set[1].texts.at("mood") == "sad");
  BOOST_TEST(set[2].captions.size() == 2U);
  BOOST_TEST(set.where(2) == (folder / "below/c.png").string());
}

BOOST_AUTO_TEST_CASE(says_where_a_picture_comes_from) {
  const TemporaryFolder folder;
  save_tensors(folder / "0.safetensors", {{"images", torch::zeros({2, 3, 8, 8}, torch::kUInt8)}}, {});
  write_picture(folder / "z.png", to_pictures(torch::zeros({1, 3, 8, 8}))[0]);
  const auto set = ImageSet::open(folder.path());
  BOOST_TEST(set.where(1) == (folder / "0.safetensors").string() + ", picture 1");
  BOOST_TEST(set.where(2) == (folder / "z.png").string());
  BOOST_TEST(error_of([&] { set.where(3); }) == "there is no picture 3 among 3");
}

BOOST_AUTO_TEST_CASE(refuses_tables_and_pictures_that_are_damaged_naming_them) {
  const TemporaryFolder folder;
  write_picture(folder / "a.png", to_pictures(torch::zeros({1, 3, 8, 8}))[0]);
  const auto refused = [&](const std::string& table) {
    write_text(folder / "captions.csv", table);
    return error_of([&] { ImageSet::open(folder.path()); });
  };
  BOOST_TEST(refused("picture,caption\na.png,x\n").find("captions.csv: has no column `file`") != std::string::npos);
  BOOST_TEST(refused("").find("is empty, expected a header with `file` and `caption`") != std::string::npos);
  BOOST_TEST(refused("file,caption\na.png,x\na.png,y\n").find("row 3 names a.png for the second time") !=
             std::string::npos);
  BOOST_TEST(refused("file,caption\na.png,x,y\n").find("row 2 has 3 cells, expected 2") != std::string::npos);
  std::filesystem::remove(folder / "captions.csv");
  write_text(folder / "b.png", "hello");
  BOOST_TEST(error_of([&] { ImageSet::open(folder.path()); }).find("b.png") != std::string::npos);
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
