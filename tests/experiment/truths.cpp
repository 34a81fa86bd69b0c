#include <boost/test/unit_test.hpp>

#include "nada/experiment/embedded.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/experiment/truths.hpp"
#include "nada/formats/canvas.hpp"
#include "nada/formats/images.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/load.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(experiment_truths)

using namespace nada;

BOOST_AUTO_TEST_CASE(truths_of_a_folder_follow_their_numbers_and_those_of_a_sheet_its_rows) {
  const TemporaryFolder folder;
  write_picture(folder / "000001.png", make_canvas(4, 4, {255, 255, 255}));
  write_picture(folder / "000000.png", make_canvas(4, 4, {0, 0, 0}));
  const auto truths = read_truths(folder.path(), 4);
  BOOST_TEST(truths[0].max().item<float>() == -1.F);
  BOOST_TEST(truths[1].min().item<float>() == 1.F);

  write_picture(folder / "sheet.png", make_canvas(8, 4, {255, 255, 255}));
  BOOST_TEST(read_truths(folder / "sheet.png", 4).size(0) == 2);
  BOOST_TEST(error_of([&] { read_truths(folder / "sheet.png", 3); }).find("tiles of 3 pixels do not fill") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_gap_another_size_and_a_single_truth_are_refused) {
  const TemporaryFolder folder;
  write_picture(folder / "000000.png", make_canvas(4, 4, {0, 0, 0}));
  BOOST_TEST(error_of([&] { read_truths(folder.path(), 4); }).find("holds one picture") != std::string::npos);
  write_picture(folder / "000002.png", make_canvas(4, 4, {0, 0, 0}));
  BOOST_TEST(error_of([&] { read_truths(folder.path(), 4); }).find("expected a file 000001.png") != std::string::npos);
  std::filesystem::rename(folder / "000002.png", folder / "000001.png");
  BOOST_TEST(error_of([&] { read_truths(folder.path(), 8); }).find("4 x 4 pixels, the samples 8 a side") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(codes_of_a_folder_come_by_name_and_those_with_noise_maps_are_refused) {
  const AnyGenerator generator(load_stylegan2(embedded_generator()));
  const auto d = generator.mean_style().size(0), l = generator.style_count();
  const TemporaryFolder folder;
  const auto save = [&](const std::string& name, double value, std::vector<Tensor> noise = {}) {
    std::filesystem::create_directories((folder / name).parent_path());
    save_inversion(folder / name, {torch::full({1, l, d}, value), std::move(noise)}, generator, embedded_generator());
  };
  save("b.safetensors", 2);
  save("a/codes.safetensors", 1);
  const auto codes = read_codes(folder.path(), generator);
  BOOST_TEST(codes.sizes() == (std::vector<std::int64_t>{2, l, d}));
  BOOST_TEST(codes[0].max().item<float>() == 1.F);
  BOOST_TEST(codes[1].min().item<float>() == 2.F);
  BOOST_TEST(read_codes(folder / "b.safetensors", generator).size(0) == 1);

  save("c.safetensors", 3, {torch::zeros({4, 4})});
  BOOST_TEST(error_of([&] { read_codes(folder.path(), generator); }).find("noise maps of their own") !=
             std::string::npos);
  const TemporaryFolder empty;
  BOOST_TEST(error_of([&] { read_codes(empty.path(), generator); }).find("holds neither") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
