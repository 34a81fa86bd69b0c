#include "nada/encoders/siglip.hpp"

#include <boost/test/unit_test.hpp>

#include <torch/autograd.h>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/siglip_config.hpp"
#include "nada/encoders/siglip_names.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(encoders_siglip)

using namespace nada;
using nlohmann::json;
using test::largest_difference;
using test::random;
using test::same_bits;

namespace {

static_assert(TextImageEncoder<Siglip> && TextImageEncoder<AnyClip>);

const std::filesystem::path golden = NADA_SOURCE_DIR "/tests/golden/siglip";
const std::filesystem::path pieces = NADA_SOURCE_DIR "/tests/golden/pieces";
constexpr auto no_tap = [](const std::string&, const Tensor&) {};

TensorMap load(const std::filesystem::path& path) { return to_tensors(Safetensors::open(path)); }
TensorMap truth() { return load(golden / "io.safetensors"); }
double error_of_scale(const Tensor& found, const Tensor& expected) {
  return largest_difference(found.to(torch::kFloat64), expected) / expected.abs().max().item<double>();
}
json config() { return json::parse(read_text(golden / "config.json")); }

/// A folder with the golden SigLIP, whose files a test may change.
struct SiglipFolder {
  TemporaryFolder folder;
  SiglipFolder() {
    for (const char* name : {"config.json", "model.safetensors"}) std::filesystem::copy(golden / name, folder / name);
  }
  std::string error() const {
    const auto text = error_of([&] { load_clip(folder.path()); });
    const auto at = text.find(folder.path().string());
    return at == 0 ? text.substr(folder.path().string().size() + 1) : text;
  }
};
std::string error_with(const char* pointer, json value) {
  const SiglipFolder own;
  auto changed = config();
  changed[json::json_pointer(pointer)] = std::move(value);
  write_text(own.folder / "config.json", changed.dump());
  return own.error();
}

/// The golden tensors by OpenCLIP's names.
TensorMap by_openclips_names() {
  TensorMap out;
  auto all = load(golden / "model.safetensors");
  const auto take = [&](const std::string& name) {
    BOOST_TEST_REQUIRE(all.count(name) == 1, name);
    return all.at(name);
  };
  const auto both = [&](const std::string& theirs, const std::string& ours) {
    for (const char* suffix : {".weight", ".bias"}) out[theirs + suffix] = take(ours + suffix);
  };
  const std::string vision = "vision_model.", trunk = "visual.trunk.", text = "text_model.";
  both(trunk + "patch_embed.proj", vision + "embeddings.patch_embedding");
  out[trunk + "pos_embed"] = take(vision + "embeddings.position_embedding.weight").unsqueeze(0);
  both(trunk + "norm", vision + "post_layernorm");
  out[trunk + "attn_pool.latent"] = take(vision + "head.probe");
  for (const std::string suffix : {"weight", "bias"}) {
    const auto parts = take(vision + "head.attention.in_proj_" + suffix).chunk(3);
    out[trunk + "attn_pool.q." + suffix] = parts[0];
    out[trunk + "attn_pool.kv." + suffix] = torch::cat({parts[1], parts[2]});
  }
  both(trunk + "attn_pool.proj", vision + "head.attention.out_proj");
  both(trunk + "attn_pool.norm", vision + "head.layernorm");
  for (const std::string layer : {"fc1", "fc2"}) both(trunk + "attn_pool.mlp." + layer, vision + "head.mlp." + layer);
  out["text.token_embedding.weight"] = take(text + "embeddings.token_embedding.weight");
  out["text.positional_embedding"] = take(text + "embeddings.position_embedding.weight");
  both("text.ln_final", text + "final_layer_norm");
  both("text.text_projection", text + "head");
  for (const bool image : {true, false})
    for (int k = 0; k < 2; ++k) {
      const auto theirs = join(image ? trunk + "blocks." : "text.transformer.resblocks.", k, "."),
                 ours = join(image ? vision : text, "encoder.layers.", k, ".");
      both(theirs + (image ? "norm1" : "ln_1"), ours + "layer_norm1");
      both(theirs + (image ? "norm2" : "ln_2"), ours + "layer_norm2");
      both(theirs + (image ? "attn.proj" : "attn.out_proj"), ours + "self_attn.out_proj");
      both(theirs + (image ? "mlp.fc1" : "mlp.c_fc"), ours + "mlp.fc1");
      both(theirs + (image ? "mlp.fc2" : "mlp.c_proj"), ours + "mlp.fc2");
      for (const std::string suffix : {"weight", "bias"}) {
        std::vector<Tensor> qkv;
        for (const char* part : {"q", "k", "v"}) qkv.push_back(take(join(ours, "self_attn.", part, "_proj.", suffix)));
        out[theirs + (image ? "attn.qkv." : "attn.in_proj_") + suffix] = torch::cat(qkv);
      }
    }
  for (const char* name : {"logit_scale", "logit_bias"}) out[name] = take(name).reshape({});
  return out;
}
json openclip() {
  return {{"model_cfg",
           {{"embed_dim", 8},
            {"init_logit_bias", -10},
            {"custom_text", true},
            {"vision_cfg",
             {{"image_size", 11},
              {"timm_model_name", "vit_base_patch16_siglip_224"},
              {"timm_model_pretrained", false},
              {"timm_pool", "map"},
              {"timm_proj", "none"}}},
            {"text_cfg",
             {{"context_length", 9},
              {"vocab_size", 40},
              {"hf_tokenizer_name", "timm/ViT-B-16-SigLIP"},
              {"tokenizer_kwargs", {{"clean", "canonicalize"}}},
              {"width", 8},
              {"heads", 4},
              {"layers", 2},
              {"no_causal_mask", true},
              {"proj_bias", true},
              {"pool_type", "last"},
              {"norm_kwargs", {{"eps", 1e-6}}},
              {"act_kwargs", {{"approximate", "tanh"}}}}}}},
          {"preprocess_cfg",
           {{"mean", {0.5, 0.5, 0.5}},
            {"std", {0.5, 0.5, 0.5}},
            {"interpolation", "bilinear"},
            {"resize_mode", "squash"}}}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(embeddings_logits_and_gradient_are_transformers) {
  const auto io = truth();
  for (const auto type : {torch::kFloat64, torch::kFloat32}) {
    const double within = type == torch::kFloat64 ? 1e-10 : 1e-5;
    const auto clip = load_clip(golden, {}, torch::kCPU, type);
    auto image = io.at("image").to(type).requires_grad_(true);
    const auto seen = clip.visit([&](const auto& c) { return c.see_normalized(image, {.tokens = true}, no_tap); });
    const auto read = clip.read_raw(io.at("tokens"));
    BOOST_TEST(error_of_scale(seen.raw.detach(), io.at("image_features")) < within);
    BOOST_TEST(error_of_scale(seen.tokens.detach().narrow(0, 0, 1), io.at("patches")) < within);
    BOOST_TEST(error_of_scale(read, io.at("text_features")) < within);
    const auto logits = clip.score_scale() * seen.unit.detach().matmul(unit(read).t()) + clip.score_bias();
    BOOST_TEST(error_of_scale(logits, io.at("logits")) < within);
    BOOST_TEST(same_bits(clip.read(io.at("tokens")), unit(read)));
    const auto sum = (seen.raw * io.at("probe").to(type)).sum();
    const auto gradient = torch::autograd::grad({sum}, {image})[0].narrow(0, 0, 1);
    BOOST_TEST(error_of_scale(gradient, io.at("image_grad")) < within);
  }
}

BOOST_AUTO_TEST_CASE(a_folder_says_sizes_scale_and_bias) {
  const auto clip = load_clip(golden);
  BOOST_TEST(clip.width() == 8);
  BOOST_TEST(clip.resolution() == 11);
  BOOST_TEST(clip.score_scale() == std::exp(2.25), boost::test_tools::tolerance(1e-6));
  BOOST_TEST(clip.score_bias() == -3.5);
  BOOST_TEST(clip.dense_levels().empty());
  BOOST_TEST((clip.step_head() == nullptr));
  BOOST_TEST(error_of([&] {
               clip.see_dense(random({1, 3, 11, 11}, 1));
             }) == "a SigLIP vision transformer has no dense features; a modified residual network has");
  const std::vector<std::string> texts{"a cat"};
  BOOST_TEST(error_of([&] { clip.tokenize(texts); }).find("holds no vocabulary: give one with --vocabulary") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(images_are_squashed_to_the_towers_size) {
  const auto clip = load_clip(golden, {}, torch::kCPU, torch::kFloat64);
  const auto wide = random({1, 3, 22, 33}, 2);
  const auto squashed =
      at::_upsample_bicubic2d_aa(wide, {11, 11}, false);  // mean and deviation 0.5 leave [-1, 1] as it is
  const auto direct = clip.visit([&](const auto& c) { return c.see_normalized(squashed, {}, no_tap); });
  BOOST_TEST(largest_difference(clip.see(wide).raw, direct.raw) < 1e-12);
  const SiglipFolder own;
  write_text(own.folder / "preprocessor_config.json", json{{"resample", 2},
                                                           {"image_mean", {0.25, 0.25, 0.25}},
                                                           {"image_std", {0.5, 0.5, 0.5}},
                                                           {"do_center_crop", nullptr},
                                                           {"size", {{"height", 11}, {"width", 11}}}}
                                                          .dump());
  const auto bilinear = load_clip(own.folder.path(), {}, torch::kCPU, torch::kFloat64);
  const auto small = at::_upsample_bilinear2d_aa(wide, {11, 11}, false) + 0.5;
  const auto expected = bilinear.visit([&](const auto& c) { return c.see_normalized(small, {}, no_tap); });
  BOOST_TEST(largest_difference(bilinear.see(wide).raw, expected.raw) < 1e-12);
  const auto error = [&](const json& images) {
    write_text(own.folder / "preprocessor_config.json", images.dump());
    return own.error();
  };
  BOOST_TEST(error({{"resample", 1}}) ==
             "preprocessor_config.json: resample is 1, expected 2 (bilinear) or 3 (bicubic)");
  BOOST_TEST(error({{"do_center_crop", true}}).starts_with("preprocessor_config.json: do_center_crop is true"));
  BOOST_TEST(error({{"size", {{"height", 16}, {"width", 11}}}}).starts_with("preprocessor_config.json: size is "));
}

BOOST_AUTO_TEST_CASE(keys_of_its_configuration_are_honoured_or_refused_by_name) {
  BOOST_TEST(error_with("/text_config/projection_size", 8) == "");
  BOOST_TEST(
      error_with("/text_config/window", 3).starts_with("config.json: text_config.window is 3, and is not known"));
  BOOST_TEST(error_with("/window", 3).starts_with("config.json: window is 3, and is not known"));
  BOOST_TEST(error_with("/vision_config/layer_norm_eps", 1e-5)
                 .starts_with("config.json: vision_config.layer_norm_eps is 1e-05, expected 1e-06"));
  BOOST_TEST(error_with("/vision_config/vision_use_head", false)
                 .starts_with("config.json: vision_config.vision_use_head is false"));
  BOOST_TEST(error_with("/text_config/hidden_act", "gelu_new") ==
             "config.json: text_config.hidden_act is \"gelu_new\", expected gelu_pytorch_tanh, gelu or quick_gelu");
  BOOST_TEST(error_with("/vision_config/image_size", 16) ==
             "model.safetensors: images of 16 px in patches of 4 px are not the grid of 2 x 2 positions that it has");
  BOOST_TEST(error_with("/text_config/num_hidden_layers", 3) ==
             "model.safetensors: has 2 blocks in its text tower, and the configuration beside it tells 3");
  BOOST_TEST(error_with("/model_type", "siglip2") ==
             "config.json: model_type is \"siglip2\", expected \"clip\" or \"siglip\"");
  const SiglipFolder own;
  write_text(
      own.folder / "config.json",
      R"({"model_type": "clip", "vision_config": {"num_hidden_layers": 2}, "text_config": {"num_hidden_layers": 2}})");
  BOOST_TEST(own.error().starts_with("config.json: is the configuration of a CLIP, and "));
}

BOOST_AUTO_TEST_CASE(a_vocabulary_is_the_given_one_else_one_beside_the_file) {
  const SiglipFolder own;
  std::filesystem::copy(pieces / "tokenizer.json", own.folder / "tokenizer.json");
  const std::vector<std::string> cat{"a cat"};
  BOOST_TEST(error_of([&] { load_clip(own.folder.path()).tokenize(cat); }).find("and the encoder knows 40") !=
             std::string::npos);
  auto tensors = load(golden / "model.safetensors");
  tensors["text_model.embeddings.token_embedding.weight"] = random({464, 8}, 3).to(torch::kFloat32);
  tensors["text_model.embeddings.position_embedding.weight"] = random({64, 8}, 4).to(torch::kFloat32);
  save_tensors(own.folder / "model.safetensors", tensors, {});
  auto clip = load_clip(own.folder.path());
  const std::vector<std::string> texts{"Портрет зомби", "a cat"};
  const auto ids = clip.tokenize(texts);
  BOOST_TEST((ids.sizes() == torch::IntArrayRef{2, 64}));
  const auto tokenizer = PieceTokenizer::open(pieces / "tokenizer.json");
  BOOST_TEST((ids[0].equal(torch::tensor(tokenizer.padded(texts[0], 64), torch::kInt64))));
  BOOST_TEST(clip.read(ids).norm(2, 1).sub(1).abs().max().item<double>() < 1e-6);
  write_text(own.folder / "tokenizer_config.json", R"({"tokenizer_class": "GemmaTokenizer", "pad_token": "<mask>"})");
  BOOST_TEST(load_clip(own.folder.path()).tokenize(texts)[1][63].item<std::int64_t>() == 4);
  clip = load_clip(own.folder.path(), pieces / "spiece.model");
  BOOST_TEST(clip.tokenize(texts)[1][63].item<std::int64_t>() == 1);
}

BOOST_AUTO_TEST_CASE(openclips_files_with_timms_tower_give_the_same) {
  const TemporaryFolder folder;
  const auto path = folder / "open_clip_model.safetensors";
  save_tensors(path, by_openclips_names(), {});
  const auto with = [&](const json& changed) { write_text(folder / "open_clip_config.json", changed.dump()); };
  auto settings = openclip();
  with(settings);
  // timm's base towers have 12 heads and the exact GELU; the golden SigLIP has 2 and the other one.
  auto [tensors, read] = read_clip(ModelFile::open(path));
  BOOST_TEST(read.image_heads == 12);
  BOOST_TEST((read.gelu == Gelu::erf));
  BOOST_TEST(read.text_heads == 4);
  BOOST_TEST((read.siglip->text_gelu == Gelu::tanh));
  BOOST_TEST((read.siglip->cleaning == PieceCleaning::openclip));
  BOOST_TEST((read.preprocessing.filter == ResizeFilter::bilinear && read.preprocessing.fit == Fit::squash));
  read.image_heads = 2;
  read.gelu = Gelu::tanh;
  const auto clip = make_clip(tensors, "openclip", read, torch::kFloat64);
  const auto io = truth();
  const auto seen =
      clip.visit([&](const auto& c) { return c.see_normalized(io.at("image").to(torch::kFloat64), {}, no_tap); });
  BOOST_TEST(error_of_scale(seen.raw, io.at("image_features")) < 1e-10);
  BOOST_TEST(error_of_scale(clip.read_raw(io.at("tokens")), io.at("text_features")) < 1e-10);
  const auto error = [&](const char* pointer, json value) {
    auto changed = openclip();
    changed[json::json_pointer(pointer)] = std::move(value);
    with(changed);
    const auto text = error_of([&] { read_clip(ModelFile::open(path)); });
    return text.substr(std::min(text.size(), text.find("open_clip_config.json: ") + 23));
  };
  BOOST_TEST(error("/model_cfg/vision_cfg/timm_model_name", "eva02_base_patch16_clip_224")
                 .starts_with("vision_cfg.timm_model_name is \"eva02_base_patch16_clip_224\", expected SigLIP's"));
  BOOST_TEST(error("/model_cfg/vision_cfg/timm_pool", "avg") ==
             "vision_cfg.timm_pool is \"avg\", expected \"map\" of SigLIP");
  BOOST_TEST(error("/model_cfg/vision_cfg/timm_proj", "linear").starts_with("vision_cfg.timm_proj is \"linear\""));
  BOOST_TEST(error("/model_cfg/vision_cfg/window", 3).starts_with("vision_cfg.window is 3, and is not known"));
  BOOST_TEST(error("/model_cfg/text_cfg/no_causal_mask", false) ==
             "text_cfg.no_causal_mask is false, expected true of SigLIP");
  BOOST_TEST(error("/model_cfg/text_cfg/pool_type", "argmax").starts_with("text_cfg.pool_type is \"argmax\""));
  BOOST_TEST(
      error("/model_cfg/text_cfg/tokenizer_kwargs", {{"clean", "lower"}}).starts_with("text_cfg.tokenizer_kwargs"));
  BOOST_TEST(error("/model_cfg/text_cfg/act_kwargs", {{"approximate", "none"}}).starts_with("text_cfg.act_kwargs is "));
  BOOST_TEST(error("/preprocess_cfg/resize_mode", "longest").starts_with("preprocess_cfg.resize_mode is \"longest\""));
}

BOOST_AUTO_TEST_CASE(tensors_without_a_place_are_refused_by_name) {
  const SiglipFolder own;
  const auto whole = load(golden / "model.safetensors");
  const auto error = [&](auto&& change) {
    auto tensors = whole;
    change(tensors);
    save_tensors(own.folder / "model.safetensors", tensors, {});
    return own.error();
  };
  BOOST_TEST(error([](TensorMap& t) { t["vision_model.window"] = torch::ones({2}); }) ==
             "model.safetensors: tensor vision_model.window has no place in a SigLIP with Hugging Face's names");
  BOOST_TEST(error([](TensorMap& t) { t.erase("logit_bias"); }) == "model.safetensors: tensor logit_bias is missing");
  BOOST_TEST(error([](TensorMap& t) { t["logit_scale"] = torch::ones({2}); }) ==
             "model.safetensors: tensor logit_scale has shape [2], expected [] or [1]");
  BOOST_TEST(error([](TensorMap& t) { t["text_model.head.bias"] = torch::full({8}, NAN); }).find("NaN") !=
             std::string::npos);
  BOOST_TEST(error([](TensorMap& t) {
               t["vision_model.head.probe"] = torch::ones({1, 1, 4});
             }) == "model.safetensors: tensor visual.head.probe has shape [1, 1, 4], expected [1, 1, 8] (-1: any)");
}

BOOST_AUTO_TEST_SUITE_END()
