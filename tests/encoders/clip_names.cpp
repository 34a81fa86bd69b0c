#include <boost/test/unit_test.hpp>

#include <string>

#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/clip_names.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/random_clip.hpp"

BOOST_AUTO_TEST_SUITE(encoders_clip_names)

using namespace nada;
using test::same_bits;

namespace {

TensorMap vision_transformer() { return test::random_vit_clip(0, torch::kFloat32); }
void require_same(const TensorMap& a, const TensorMap& b) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  for (const auto& [name, value] : b) {
    BOOST_TEST_REQUIRE(a.count(name) == 1, name);
    BOOST_TEST(same_bits(a.at(name), value), name);
  }
}
const std::string config =
    R"({"vision_config": {"hidden_act": "gelu", "num_attention_heads": 2, "num_hidden_layers": 2},
                               "text_config": {"hidden_act": "gelu", "num_attention_heads": 2, "num_hidden_layers": 2}})";

}  // namespace

BOOST_AUTO_TEST_CASE(hugging_faces_names_and_back_keep_every_bit) {
  const auto ours = vision_transformer();
  const auto theirs = clip_to_huggingface(ours, "e");
  require_same(clip_from_huggingface(theirs, "e"), ours);
  // What the layout of CLIPModel says: projections transposed, queries first.
  BOOST_TEST(same_bits(theirs.at("visual_projection.weight"), ours.at("visual.proj").t().contiguous()));
  const auto& packed = ours.at("transformer.resblocks.0.attn.in_proj_weight");
  const auto width = packed.size(1);
  BOOST_TEST(same_bits(theirs.at("text_model.encoder.layers.0.self_attn.v_proj.weight"),
                       packed.narrow(0, 2 * width, width).contiguous()));
}

BOOST_AUTO_TEST_CASE(tensors_without_a_place_are_named) {
  auto theirs = clip_to_huggingface(vision_transformer(), "e");
  theirs["vision_model.embeddings.position_ids"] = torch::zeros({1, 5}, torch::kInt64);  // carries nothing
  clip_from_huggingface(theirs, "e");
  theirs["text_model.extra"] = torch::ones({1});
  BOOST_TEST(error_of([&] { clip_from_huggingface(theirs, "e"); }) ==
             "e: tensor text_model.extra has no place in a CLIP with Hugging Face's names");
  theirs.erase("logit_scale");
  BOOST_TEST(error_of([&] { clip_from_huggingface(theirs, "e"); }) == "e: tensor logit_scale is missing");
  const auto resnet = clip_from_openai(test::random_resnet_clip(0, torch::kFloat32));
  BOOST_TEST(error_of([&] { clip_to_huggingface(resnet, "e"); }).find("only vision transformers") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_folder_of_hugging_face_with_its_configuration_and_tokenizer) {
  const TemporaryFolder folder;
  save_tensors(folder / "model.safetensors", clip_to_huggingface(vision_transformer(), "e"), {});
  write_text(folder / "config.json", config);
  write_text(folder / "tokenizer.json",
             R"({"model": {"merges": ["t h", ["th", "e</w>"], "c a", "ca t</w>", "' s</w>"]}})");
  const auto clip = load_clip(folder.path());
  auto settings = test::small_clip_settings(false);
  settings.gelu = Gelu::erf;
  const auto direct = make_clip(vision_transformer(), "e", settings);
  const auto images = test::random({2, 3, 8, 8}, 3).to(torch::kFloat32);
  BOOST_TEST(same_bits(clip.see(images).unit, direct.see(images).unit));
  const std::vector<std::string> texts{"the cat"};
  BOOST_TEST(same_bits(clip.read(clip.tokenize(texts)), direct.read(direct.tokenize(texts))));
}

BOOST_AUTO_TEST_CASE(a_separate_text_tower_and_wrappers_of_openclip) {
  const TemporaryFolder folder;
  TensorMap theirs;
  for (const auto& [name, value] : vision_transformer())
    theirs["module." + (name.starts_with("visual.") || name == "logit_scale" ? name : "text." + name)] = value;
  save_tensors(folder / "open_clip_model.safetensors", theirs, {});
  const auto file = ModelFile::open(folder.path());
  BOOST_TEST((file.kind() == FileKind::openclip_encoder));
  const auto [tensors, settings] = read_clip(file);
  require_same(tensors, vision_transformer());
  BOOST_TEST((settings.gelu == Gelu::erf));  // OpenCLIP's own, unless it says otherwise
  write_text(folder / "open_clip_config.json",
             R"({"model_cfg": {"quick_gelu": true, "vision_cfg": {"width": 160, "head_width": 80, "layers": 2},
                 "text_cfg": {"heads": 3, "layers": 2}},
                 "preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "std": [1, 2, 3]}})");
  const auto said = read_clip(file).second;
  BOOST_TEST((said.gelu == Gelu::quick));
  BOOST_TEST(said.image_heads == 2);
  BOOST_TEST(said.text_heads == 3);
  BOOST_TEST(said.preprocessing.mean[1] == 0.2);
  BOOST_TEST(said.preprocessing.deviation[2] == 3.0);
}

BOOST_AUTO_TEST_CASE(a_damaged_configuration_is_an_error_that_names_it) {
  const TemporaryFolder folder;
  save_tensors(folder / "model.safetensors", clip_to_huggingface(vision_transformer(), "e"), {});
  const auto error_with = [&](const std::string& text) {
    write_text(folder / "config.json", text);
    return error_of([&] { load_clip(folder.path()); });
  };
  const auto path = (folder / "config.json").string();
  BOOST_TEST(error_with("{") == path + ": is not JSON, expected the configuration of a CLIP");
  BOOST_TEST(error_with(R"({"vision_config": {"hidden_act": "relu"}})") ==
             path + ": vision_config.hidden_act is \"relu\", expected quick_gelu or gelu");
  BOOST_TEST(error_with(R"({"vision_config": {"num_attention_heads": 0}})") ==
             path + ": vision_config.num_attention_heads is 0, expected a number > 0");
}

BOOST_AUTO_TEST_SUITE_END()
