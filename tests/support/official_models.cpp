#include "support/official_models.hpp"

#include <boost/test/unit_test.hpp>

#include "nada/generators/rosinality.hpp"

using namespace nada;
using namespace nada::test;

namespace {

std::int64_t in_all(const OfficialModel& model) {
  return count_numbers(model, [](const std::string&) { return true; });
}
/// What OpenAI's models count: parameters, without the statistics of batch norms.
std::int64_t parameters(std::string_view name) {
  return count_numbers(official_model(name), [](const std::string& tensor) {
    return !tensor.ends_with("running_mean") && !tensor.ends_with("running_var");
  });
}
/// Counts by native name, so that the table of rosinality's names is held to the numbers too.
std::int64_t generator(int resolution, auto&& counts) {
  return count_numbers(config_f(resolution), [&](const std::string& tensor) {
    const auto name = from_rosinality(tensor);
    return name && counts(name->native);
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(support_official_models)

BOOST_AUTO_TEST_CASE(config_f_at_1024_has_the_known_numbers_of_parameters) {
  const auto has = [](const std::string& name, std::string_view part) { return name.find(part) != name.npos; };
  BOOST_TEST(generator(1024, [&](const std::string& n) { return n != "mean_style" && !n.starts_with("noise."); }) ==
             30370060);
  BOOST_TEST(generator(1024, [&](const std::string& n) {
               return n.starts_with("conv.") && n.ends_with(".weight") && !has(n, "affine");
             }) == 23583744);
  BOOST_TEST(generator(1024, [&](const std::string& n) { return has(n, ".affine."); }) == 4662144);
  BOOST_TEST(generator(1024, [&](const std::string& n) { return n.starts_with("mapping."); }) == 2101248);
  BOOST_TEST(generator(1024, [&](const std::string& n) {
               return n.starts_with("conv.") && n.ends_with("affine.bias");
             }) == 6048);  // input channels
}

BOOST_AUTO_TEST_CASE(every_tensor_of_config_f_has_a_native_name) {
  for (const int resolution : {256, 512, 1024})
    BOOST_TEST(generator(resolution, [](const std::string& n) { return !n.empty(); }) == in_all(config_f(resolution)));
}

BOOST_AUTO_TEST_CASE(clips_have_the_numbers_of_parameters_that_their_users_report) {
  BOOST_TEST(parameters("ViT-B-32") == 151277313);
  BOOST_TEST(parameters("ViT-B-16") == 149620737);
  BOOST_TEST(parameters("ViT-L-14") == 427616513);
  BOOST_TEST(parameters("RN50") == 102007137);
  BOOST_TEST(parameters("RN101") == 119688033);
  BOOST_TEST(parameters("RN50x4") == 178300601);
  BOOST_TEST(in_all(official_model("RN50")) == 102060385);
}

BOOST_AUTO_TEST_SUITE_END()
