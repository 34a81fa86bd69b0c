#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/inception.hpp"
#include "nada/encoders/inception_stem.hpp"
#include "nada/experiment/evaluation.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/picture_set.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/metrics/frechet.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/metrics/sifid.hpp"
#include "support/files.hpp"
#include "support/small_hed.hpp"
#include "support/small_inception.hpp"

BOOST_AUTO_TEST_SUITE(experiment_evaluation)

using namespace nada;

namespace {

const auto avatars = std::filesystem::path(NADA_SOURCE_DIR) / "configs/avatars";

/// Returns the row of a table of one row, by column.
std::map<std::string, std::string> row_of(const std::filesystem::path& csv) {
  std::istringstream lines(read_text(csv));
  std::string names, values, name, value;
  std::getline(lines, names);
  std::getline(lines, values);
  std::istringstream columns(names), cells(values);
  std::map<std::string, std::string> out;
  while (std::getline(columns, name, ',')) {
    value.clear();
    std::getline(cells, value, ',');
    out[name] = value;
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_inception_network_adds_the_columns_of_papers) {
  const TemporaryFolder folder;
  save_tensors(folder / "inception.safetensors", test::small_inception(), {});
  EvaluationOptions o;
  o.generators = {avatars / "generator_64.safetensors"};
  o.inception = folder / "inception.safetensors";
  o.real = avatars / "targets/zombie.png";
  o.tile = 64;
  o.count = 24;
  o.seed = 5;
  std::map<std::string, double> fid;
  for (const auto* way : {"torch", "clean"}) {
    o.resize = way;
    o.out = folder / way;
    BOOST_TEST(evaluate(o, metric_list()) == 0);
    auto row = row_of(folder / (std::string(way) + ".csv"));
    for (const auto* name : {"FID", "FID_low", "FID_high", "KID", "KID_low", "IS", "IS_low"})
      BOOST_TEST(!row[name].empty(), name);
    fid[way] = std::stod(row["FID"]);
    BOOST_TEST(std::stod(row["IS"]) >= 1);
  }
  BOOST_TEST(std::abs(fid["torch"] - fid["clean"]) > 1e-4 * fid["torch"]);
  // the same of pictures in 8 bits, step by step
  const torch::NoGradGuard no_grad;
  const auto network = Inception::load(o.inception);
  const auto samples = render_samples(load_generator(o.generators[0], {torch::kCPU, torch::kFloat32}), 0, 24, 5);
  const auto bytes = ((samples.clamp(-1, 1) + 1) * 127.5).round().to(torch::kUInt8);
  const auto pooled = network(bytes.to(torch::kFloat32) / 127.5 - 1);
  const auto truth = frechet_distance(pooled, network(read_picture_set(o.real, 0, 64)));
  BOOST_TEST(std::abs(fid["torch"] - truth) < 1e-3 * truth);
}

BOOST_AUTO_TEST_CASE(single_pictures_and_edges_add_their_columns_and_what_is_left_out_is_told) {
  const TemporaryFolder folder;
  save_tensors(folder / "inception.safetensors", test::small_inception(), {});
  save_tensors(folder / "hed.safetensors", test::small_hed(), {});
  EvaluationOptions o;
  o.generators = {avatars / "generator_64.safetensors"};
  o.inception = o.sifid = folder / "inception.safetensors";
  o.hed = folder / "hed.safetensors";
  o.tile = 64;
  o.count = 12;
  const auto run = [&](const char* name) {
    std::ostringstream told;
    auto* const before = std::cerr.rdbuf(told.rdbuf());
    o.out = folder / name;
    const int code = evaluate(o, metric_list());
    std::cerr.rdbuf(before);
    BOOST_TEST(code == 0);
    return told.str();
  };
  const auto alone = run("alone");
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  BOOST_TEST(has(alone, "FID, KID and SIFID for want of real pictures (--real)"), alone);
  BOOST_TEST(has(alone, "for want of a source generator (--base)"), alone);
  BOOST_TEST(has(alone, "SCS"), alone);
  BOOST_TEST(row_of(folder / "alone.csv").count("SIFID") == 0U);

  o.real = avatars / "targets/zombie.png";
  o.base = o.generators[0];
  const auto whole = run("whole");
  BOOST_TEST((!has(whole, "--real") && !has(whole, "--base") && has(whole, "--twins")), whole);
  auto row = row_of(folder / "whole.csv");
  BOOST_TEST(row["SCS"] == "1");  // the source itself
  BOOST_TEST(std::stod(row["SIFID"]) > 0);
  // the first twelve tiles, one for each sample
  const torch::NoGradGuard no_grad;
  const auto stem = InceptionStem::load(o.sifid);
  const auto samples = render_samples(load_generator(o.generators[0], {torch::kCPU, torch::kFloat32}), 0, 12, o.seed);
  const auto own = internal_gaussians(stem(in_8_bits(samples)));
  const auto reals = internal_gaussians(stem(read_picture_set(o.real, 0, 64).narrow(0, 0, 12)));
  double sum = 0;
  for (std::size_t n = 0; n < own.size(); ++n) sum += frechet_distance(own[n], reals[n]) / 12;
  BOOST_TEST(std::abs(std::stod(row["SIFID"]) - sum) < 1e-3 * sum);

  o.resize = "clean";
  o.inception.clear();
  BOOST_TEST(error_of([&] { evaluate(o, metric_list()); }) == "--resize is that of --inception, which is not given");
}

BOOST_AUTO_TEST_SUITE_END()
