#include "nada/formats/hub.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_hub)

using namespace nada;
using Names = std::set<std::string>;
using Files = std::vector<std::string>;

BOOST_AUTO_TEST_CASE(of_a_folder_the_model_comes_last_with_what_says_how_it_is_read) {
  const auto choice =
      choose_hub_files({"README.md", "config.json", "flax_model.msgpack", "merges.txt", "model.safetensors",
                        "preprocessor_config.json", "pytorch_model.bin", "tokenizer.json", "vocab.json"},
                       "");
  BOOST_REQUIRE(choice.has_value());
  BOOST_TEST(choice->path == "");
  BOOST_TEST((choice->files == Files{"config.json", "preprocessor_config.json", "merges.txt", "model.safetensors"}));
}

BOOST_AUTO_TEST_CASE(a_named_file_brings_what_lies_beside_it_and_a_text_comes_alone) {
  const Names names{"config.json",        "sub/config.json", "sub/open_clip_config.json",
                    "sub/tokenizer.json", "sub/x.bin",       "merges.txt"};
  const auto model = choose_hub_files(names, "sub/x.bin");
  BOOST_REQUIRE(model.has_value());
  BOOST_TEST(model->path == "sub/x.bin");
  BOOST_TEST(
      (model->files == Files{"sub/config.json", "sub/open_clip_config.json", "sub/tokenizer.json", "sub/x.bin"}));
  BOOST_TEST((choose_hub_files(names, "merges.txt")->files == Files{"merges.txt"}));
  BOOST_TEST(choose_hub_files(names, "sub")->path == "sub/x.bin");  // a folder with one model
  BOOST_TEST(!choose_hub_files(names, "other").has_value());
}

BOOST_AUTO_TEST_CASE(a_siglip_brings_its_vocabulary_and_what_says_how_it_is_used) {
  const auto choice = choose_hub_files({"config.json", "model.safetensors", "preprocessor_config.json", "spiece.model",
                                        "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"},
                                       "");
  BOOST_REQUIRE(choice.has_value());
  BOOST_TEST((choice->files == Files{"config.json", "preprocessor_config.json", "spiece.model", "tokenizer_config.json",
                                     "model.safetensors"}));
}

BOOST_AUTO_TEST_CASE(an_unusual_name_counts_where_it_is_the_only_model) {
  BOOST_TEST(choose_hub_files({"README.md", "zombie.safetensors", "old/zombie.pt"}, "")->path == "zombie.safetensors");
  BOOST_TEST(!choose_hub_files({"a.pkl", "b.pkl"}, "").has_value());
  BOOST_TEST(!choose_hub_files({"README.md"}, "").has_value());
  BOOST_TEST(choose_hub_files({"model.safetensors", "generator.safetensors"}, "")->files == Files{"model.safetensors"});
}

BOOST_AUTO_TEST_CASE(timms_image_tower_is_passed_over_for_the_whole_clip) {
  const Names names{"config.json", "model.safetensors", "open_clip_config.json", "open_clip_model.safetensors"};
  BOOST_TEST(choose_hub_files(names, "")->files.back() == "model.safetensors");
  BOOST_TEST(choose_hub_files(names, "", true)->files.back() == "open_clip_model.safetensors");
}

BOOST_AUTO_TEST_CASE(other_paths_stay_as_they_are) {
  BOOST_TEST(local_path("/a/b.pt") == "/a/b.pt");
  BOOST_TEST(cached_path("b.pt").value() == "b.pt");
  BOOST_TEST(named_beside("/a/b.pt", "../c.pt") == "/a/../c.pt");
  BOOST_TEST(named_beside("/a/b.pt", "hf:x/y/c.pt") == "hf:x/y/c.pt");
  BOOST_TEST(error_of([] { local_path("hf:nothing"); }).find("no slash") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
