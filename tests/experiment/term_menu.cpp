#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/lpips.hpp"
#include "nada/experiment/term_menu.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture.hpp"
#include "nada/losses/any_term.hpp"
#include "nada/losses/term.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(experiment_term_menu)

using namespace nada;

namespace {

TermList::Entry read(const std::string& text) { return read_term(text, torch::kCPU); }
template <class T>
T read_as(const std::string& text) {
  return std::get<T>(read(text).term.choice());
}
std::string error(const std::string& text) {
  return error_of([&] { read(text); });
}

/// A picture of one colour.
std::filesystem::path picture(const TemporaryFolder& folder, const std::string& name, int side, std::uint8_t value) {
  Picture out{side, side, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * side * side), value), {}};
  write_picture(folder / name, out);
  return folder / name;
}

std::string lpips_network() { return NADA_SOURCE_DIR "/tests/golden/lpips/tiny.safetensors"; }
std::string face_network() { return NADA_SOURCE_DIR "/tests/golden/arcface/ir_se50_tiny.safetensors"; }

/// The names in the help text, with what stands in brackets behind each.
std::map<std::string, std::string> names_and_options() {
  std::map<std::string, std::string> out;
  std::string text = term_names_and_options();
  while (!text.empty()) {
    const auto end = std::min(text.find(", "), text.find(" ("));
    const auto name = text.substr(0, end);
    text.erase(0, end == std::string::npos ? text.size() : end);
    if (text.starts_with(" (")) {
      const auto close = text.find(')');
      out[name] = text.substr(2, close - 2);
      text.erase(0, close + 1);
    } else {
      out[name] = "";
    }
    if (text.starts_with(", ")) text.erase(0, 2);
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_name_of_the_help_text_is_read_as_the_term_of_that_name) {
  const TemporaryFolder folder;
  const std::map<std::string, std::string> needed{{"away", ",text=a dog"},
                                                  {"texture", ",pictures=" + picture(folder, "a.png", 8, 0).string()},
                                                  {"lpips", ",file=" + lpips_network()},
                                                  {"face", ",file=" + face_network()}};
  const auto names = names_and_options();
  BOOST_TEST(names.size() == std::variant_size_v<AnyTerm::Choice>);
  for (const auto& [name, options] : names) {
    const auto more = needed.count(name) ? needed.at(name) : "";
    const auto entry = read(name + "=0.25" + more);
    BOOST_TEST(entry.term.name() == name);
    BOOST_TEST(entry.weight == 0.25);
    BOOST_TEST(entry.only_encoder == -1);
  }
  BOOST_TEST(names.at("patches") == "size, count, min-length");
  BOOST_TEST(names.at("range") == "");
}

BOOST_AUTO_TEST_CASE(every_option_of_the_help_text_is_taken) {
  const TemporaryFolder folder;
  const std::map<std::string, std::string> values{
      {"min-length", "0.5"}, {"offset", "0.1"},
      {"distance", "l1"},    {"scaled", "true"},
      {"covariance", "2"},   {"size", "16"},
      {"count", "3"},        {"pictures", picture(folder, "a.png", 8, 0).string()},
      {"from", "0.1"},       {"to", "0.9"},
      {"text", "a dog"},     {"file", lpips_network()}};
  for (const auto& [name, options] : names_and_options()) {
    auto text = name + "=1";
    std::istringstream in(options);
    for (std::string option; std::getline(in >> std::ws, option, ',');)
      text += "," + option + "=" + (name == "face" ? face_network() : values.at(option));
    BOOST_TEST(error(text) == "", text);
  }
}

BOOST_AUTO_TEST_CASE(without_options_a_term_is_as_it_is_in_code) {
  BOOST_TEST(read_as<Directional>("directional=1").min_length == Directional{}.min_length);
  BOOST_TEST(read_as<Directional>("directional=1").offset_if_identical == 0);
  BOOST_TEST((read_as<Directional>("directional=1").distance == StepDistance::cosine));
  BOOST_TEST(!read_as<Global>("global=1").scaled);
  BOOST_TEST(read_as<Moment>("moment=1").covariance == Moment{}.covariance);
  BOOST_TEST(read_as<Moment>("moment=1").min_length == Moment{}.min_length);
  BOOST_TEST(read_as<PatchDirectional>("patches=1").size == PatchDirectional{}.size);
  BOOST_TEST(read_as<PatchDirectional>("patches=1").count == PatchDirectional{}.count);
  BOOST_TEST(read_as<PatchDirectional>("patches=1").parts == PatchDirectional{}.parts,
             boost::test_tools::per_element());
  BOOST_TEST(read_as<PatchSimilarity>("patch_similarity=1").count == PatchSimilarity{}.count);
  BOOST_TEST(read_as<WithinDomain>("within=1").min_length == WithinDomain{}.min_length);
}

BOOST_AUTO_TEST_CASE(options_become_the_terms_own_in_any_order) {
  const auto directional = read_as<Directional>("directional=2.5,offset=1e-6,min-length=0,distance=l2");
  BOOST_TEST(directional.min_length == 0);
  BOOST_TEST(directional.offset_if_identical == 1e-6);
  BOOST_TEST((directional.distance == StepDistance::l2));
  BOOST_TEST((read_as<Directional>("directional=1,distance=l1").distance == StepDistance::l1));
  BOOST_TEST((read_as<Directional>("directional=1,distance=cosine").distance == StepDistance::cosine));
  BOOST_TEST(read_as<Global>("global=1,scaled=true").scaled);
  BOOST_TEST(!read_as<Global>("global=1,scaled=false").scaled);
  const auto moment = read_as<Moment>("moment=1,covariance=0.25,min-length=0.125");
  BOOST_TEST(moment.covariance == 0.25);
  BOOST_TEST(moment.min_length == 0.125);
  const auto patches = read_as<PatchDirectional>("patches=0.5,count=4,size=64,min-length=0.75");
  BOOST_TEST(patches.size == 64);
  BOOST_TEST(patches.count == 4);
  BOOST_TEST(patches.min_length == 0.75);
  const auto similarity = read_as<PatchSimilarity>("patch_similarity=1,size=8,count=2");
  BOOST_TEST(similarity.size == 8);
  BOOST_TEST(similarity.count == 2);
  BOOST_TEST(read_as<WithinDomain>("within=1,min-length=0.5").min_length == 0.5);
}

BOOST_AUTO_TEST_CASE(encoder_binds_to_one_of_them) {
  BOOST_TEST(read("global=1,encoder=1").only_encoder == 1);
  BOOST_TEST(read("patches=0.5,encoder=0,size=16").only_encoder == 0);
  BOOST_TEST(error("global=1,encoder=-2") == "option term global, encoder: expected 0 or more, found -2");
  BOOST_TEST(error("global=1,encoder=x") == "option term global, encoder: expected a whole number, found 'x'");
}

BOOST_AUTO_TEST_CASE(texture_reads_pictures_of_a_file_or_a_folder) {
  const TemporaryFolder folder;
  const auto dark = picture(folder, "a.png", 8, 0);
  picture(folder, "b.png", 8, 255);
  const auto one = read_as<Texture>("texture=0.01,pictures=" + dark.string());
  BOOST_TEST((one.pictures.sizes() == std::vector<std::int64_t>{1, 3, 8, 8}));
  BOOST_TEST(one.pictures.max().item<double>() == -1);
  const auto both = read_as<Texture>("texture=0.01,encoder=0,pictures=" + folder.path().string());
  BOOST_TEST((both.pictures.sizes() == std::vector<std::int64_t>{2, 3, 8, 8}));
  BOOST_TEST(both.pictures[1].min().item<double>() == 1);
  BOOST_TEST(error("texture=1") == "option term: texture needs pictures=FILE");
  BOOST_TEST(error("texture=1,pictures=") == "option term: texture needs pictures=FILE");
  const auto missing = (folder / "missing.png").string();
  BOOST_TEST(error("texture=1,pictures=" + missing).find(missing) == 0U);
}

BOOST_AUTO_TEST_CASE(lpips_loads_a_network_from_its_file_alone) {
  const TemporaryFolder folder;
  const auto term = read_as<LpipsAnchor<AnyFeatureExtractor>>("lpips=1,file=" + lpips_network());
  const auto images = torch::full({2, 3, 16, 16}, 0.5);
  BOOST_TEST(test::largest_difference(term.features(images), Lpips::load(lpips_network())(images)) == 0);
  BOOST_TEST(error("lpips=1") == "option term: lpips needs file=FILE");
  const auto missing = (folder / "missing.pt").string();
  BOOST_TEST(error("lpips=1,file=" + missing).find(missing) != std::string::npos);
  BOOST_TEST(error("lpips=1,file=" + face_network()) ==
             face_network() +
                 " is an ArcFace network, expected an LPIPS network with VGG16 (vgg.pth of "
                 "richzhang/PerceptualSimilarity)");
}

BOOST_AUTO_TEST_CASE(names_and_options_that_there_are_not_are_refused_with_those_there_are) {
  BOOST_TEST(error("globe=1") == "option term: there is no term 'globe'; there are " + term_names_and_options());
  BOOST_TEST(error("global=1,size=3") == "option term: global has no option 'size'; there are encoder, scaled");
  BOOST_TEST(error("patches=1,sise=3") ==
             "option term: patches has no option 'sise'; there are count, encoder, min-length, size");
}

BOOST_AUTO_TEST_CASE(other_forms_are_refused) {
  const auto form = [](const std::string& text) {
    return error(text) == "option term: expected NAME=WEIGHT[,option=value...], found '" + text + "'";
  };
  for (const auto* text : {"", "global", "=1", "global=1,scaled", "global=1,", "global=1,=true", ",global=1"})
    BOOST_TEST(form(text), text);
  BOOST_TEST(error("global=") == "option term global: expected a number, found ''");
  BOOST_TEST(error("global=1x") == "option term global: expected a number, found '1x'");
  BOOST_TEST(error("global=1,scaled=yes") == "option term global, scaled: expected true or false, found 'yes'");
  BOOST_TEST(error("directional=1,distance=l3") ==
             "option term directional, distance: expected cosine, l1 or l2, found 'l3'");
  BOOST_TEST(error("patches=1,size=3.5") == "option term patches, size: expected a whole number, found '3.5'");
  BOOST_TEST(error("global=1,scaled=true,scaled=false") == "option term global: scaled was given twice");
}

BOOST_AUTO_TEST_SUITE_END()
