#include "nada/formats/model_container.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>
#include "nada/experiment/build.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"
#include "support/files.hpp"
#include "support/golden.hpp"
#include "support/pickles.hpp"

BOOST_AUTO_TEST_SUITE(formats_model_container)

using namespace nada;
using namespace nada::test;
using namespace nada::test::pickle;

namespace {

const std::filesystem::path golden = std::filesystem::path(NADA_SOURCE_DIR) / "../shared/golden";

/// What names the tensors give, with type, shape and row-major elements.
std::map<std::string, std::string> contents(const std::vector<TensorView>& tensors) {
  std::map<std::string, std::string> out;
  for (const auto& tensor : tensors)
    out[tensor.name] = join(name_of(tensor.dtype), nada::detail::shown(tensor.shape), dense(tensor));
  return out;
}

double half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double size = exponent == 0    ? std::ldexp(fraction, -24)
                      : exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                                       : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -size : size;
}

/// The elements as numbers, whatever their type.
std::vector<double> numbers(const TensorView& tensor) {
  const auto bytes = dense(tensor);
  std::vector<double> out;
  const auto each = [&]<class Number>(Number number, auto&& convert) {
    for (std::size_t at = 0; at < bytes.size(); at += sizeof number) {
      std::memcpy(&number, bytes.data() + at, sizeof number);
      out.push_back(convert(number));
    }
  };
  const auto plain = [](auto number) { return static_cast<double>(number); };
  if (tensor.dtype == DType::f32) each(float{}, plain);
  if (tensor.dtype == DType::i64) each(std::int64_t{}, plain);
  if (tensor.dtype == DType::f16) each(std::uint16_t{}, half);
  return out;
}

ModelContainer opened(std::string&& gone_before_its_views) = delete;
ModelContainer opened(const std::string& bytes) { return ModelContainer::from_bytes(as_bytes(bytes), "a.pt"); }
std::string error_in(const std::string& bytes, std::string_view component = "") {
  return error_of([&] { opened(bytes).tensors(component); });
}
bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

/// A module as NVIDIA's pickles have it.
std::string module(const std::string& attributes) {
  return call(global("torch_utils.persistence", "_reconstruct_persistent_obj"),
              tuple(dict(text("type"), text("class"), text("version"), integer(6), text("module_src"),
                         text(std::string(5000, '#')), text("class_name"), text("Generator"), text("state"),
                         "}(" + attributes + "u")));
}
std::string floats(std::string_view key, std::int64_t number) {
  return tensor(storage("FloatStorage", key, number), 0, {number}, {1});
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_two_containers_of_torch_save) {
  const auto object = dict(text("g_ema"),
                           dict(text("a.weight"), tensor(storage("FloatStorage", "0", 6), 0, {2, 3}, {1, 2}),
                                text("empty"), tensor(storage("FloatStorage", "0", 6), 0, {0, 3}, {3, 1})),
                           text("latent_avg"), tensor(storage("FloatStorage", "0", 6), 4, {2}, {1}), text("args"),
                           global("argparse", "Namespace") + ")\x81", text("g_optim"),
                           dict(text("state"), dict("K\1", dict(text("step"), floats("0", 6)))), text("step"), "K\7");
  std::string data;
  for (const float value : {0, 1, 2, 3, 4, 5}) data += raw(value);
  const auto legacy = torch_stream(object, {{"0", 6, data}}), zip = torch_archive(object, {{"0", 6, data}});
  for (const auto& bytes : {legacy, zip}) {
    const auto file = opened(bytes);
    BOOST_TEST(file.container() == (&bytes == &legacy ? "legacy pickle" : file.container()));
    BOOST_TEST((file.components() == std::vector<std::string>{"g_ema", "latent_avg"}));
    const auto tensors = file.tensors("g_ema");
    BOOST_TEST_REQUIRE(tensors.size() == 2U);
    BOOST_TEST(tensors[0].name == "a.weight");
    BOOST_TEST((numbers(tensors[0]) == std::vector<double>{0, 2, 4, 1, 3, 5}));
    BOOST_TEST(tensors[0].bytes.size() == 24U);
    BOOST_TEST((tensors[1].shape == std::vector<std::int64_t>{0, 3} && tensors[1].bytes.empty()));
    const auto mean = file.tensors("latent_avg");
    BOOST_TEST((mean.size() == 1U && mean[0].name == "latent_avg" && numbers(mean[0]) == std::vector<double>{4, 5}));
    BOOST_TEST(file.tensors().size() == 3U);
    BOOST_TEST(file.tensors()[0].name == "g_ema.a.weight");
    BOOST_TEST(*file.attribute("", "step")->as_integer() == 7);
    BOOST_TEST(file.attribute("g_ema", "a.weight")->as_tensor() != nullptr);
    BOOST_TEST(error_of([&] { file.tensors("d"); }) == "a.pt: has no component \"d\"");
  }
  BOOST_TEST(opened(zip).container() == "zip pickle");
}

BOOST_AUTO_TEST_CASE(bytes_outlive_the_container) {
  const TemporaryFolder folder;
  write_text(folder / "a.pt", torch_archive(dict(text("w"), floats("0", 1)), {{"0", 1, raw(2.5F)}}));
  std::vector<TensorView> tensors;
  std::shared_ptr<const void> alive;
  {
    const auto file = ModelContainer::open(folder / "a.pt");
    BOOST_TEST((file.components() == std::vector<std::string>{""}));
    tensors = file.tensors();
    alive = file.keep_alive();
  }
  BOOST_TEST((numbers(tensors.at(0)) == std::vector<double>{2.5}));
}

BOOST_AUTO_TEST_CASE(modules_of_nvidias_pickles) {
  const auto stream = [](float value) {
    return call(global("torch.storage", "_load_from_bytes"),
                tuple(bytes(torch_stream(storage("FloatStorage", "1", 1), {{"1", 1, raw(value)}}))));
  };
  const auto scalar = [&](float value) { return tensor(stream(value), 0, {}, {}); };
  const auto none = text("_parameters") + "}" + text("_buffers") + "}" + text("_modules") + "}";
  const auto inner =
      module(text("_parameters") + dict(text("weight"), scalar(1), text("bias"), "N") + text("_buffers") +
             dict(text("kernel"), scalar(2)) + text("_modules") + "}" + text("architecture") + text("skip"));
  const auto outer = module(text("_parameters") + "}" + text("_buffers") + "}" + text("_modules") +
                            dict(text("b4"), inner, text("gone"), "N") + text("img_resolution") + integer(64));
  const auto pickled = whole(dict(text("training_set_kwargs"), "}", text("G_ema"), outer, text("D"), inner,
                                  text("augment_pipe"), module(none)),
                             3);
  const auto file = opened(pickled);
  BOOST_TEST(file.container() == "raw pickle");
  BOOST_TEST((file.components() == std::vector<std::string>{"G_ema", "D"}));
  const auto tensors = file.tensors("G_ema");
  BOOST_TEST_REQUIRE(tensors.size() == 2U);
  BOOST_TEST((tensors[0].name == "b4.kernel" && numbers(tensors[0]) == std::vector<double>{2}));
  BOOST_TEST((tensors[1].name == "b4.weight" && numbers(tensors[1]) == std::vector<double>{1}));
  BOOST_TEST(*file.attribute("G_ema", "img_resolution")->as_integer() == 64);
  BOOST_TEST(*file.attribute("G_ema", "b4.architecture")->as_text() == "skip");
  BOOST_TEST(file.attribute("G_ema", "b4.weight")->as_tensor() != nullptr);
  BOOST_TEST(file.attribute("G_ema", "b4.nothing") == nullptr);
  BOOST_TEST(file.attribute("G_ema", "nothing.at.all") == nullptr);
  BOOST_TEST(file.attribute("G_ema", "img_resolution.more") == nullptr);
  BOOST_TEST(ModelContainer::class_name(*file.root().find("G_ema")) == "Generator");
}

BOOST_AUTO_TEST_CASE(archives_of_torchscript) {
  const auto object = [](std::string_view name, const std::string& attributes) {
    return global("__torch__.a.b", name) + ")\x81}(" + attributes + "ub";
  };
  const auto root = object("Model", text("training") + "\x88" + text("w") + floats("0", 1) + text("visual") +
                                        object("Visual", text("proj") + floats("1", 1)) + text("sizes") +
                                        call(global("torch.jit._pickle", "build_intlist"), tuple(list("K\1"))));
  const auto archive = zip_archive({{.name = "m/data.pkl", .content = whole(root)},
                                    {.name = "m/constants.pkl", .content = whole(")")},
                                    {.name = "m/code/__torch__.py", .content = "import os", .deflated = true},
                                    {.name = "m/data/0", .content = raw(1.0F)},
                                    {.name = "m/tensors/1", .content = raw(2.0F)}});
  const auto file = opened(archive);
  BOOST_TEST(file.container() == "torchscript");
  BOOST_TEST((file.components() == std::vector<std::string>{""}));
  const auto tensors = file.tensors();
  BOOST_TEST_REQUIRE(tensors.size() == 2U);
  BOOST_TEST((tensors[0].name == "visual.proj" && numbers(tensors[0]) == std::vector<double>{2}));
  BOOST_TEST((tensors[1].name == "w" && numbers(tensors[1]) == std::vector<double>{1}));
  BOOST_TEST(*file.attribute("", "training")->as_boolean());
  BOOST_TEST(file.attribute("", "sizes")->items().size() == 1U);
}

BOOST_AUTO_TEST_CASE(safetensors_are_a_dict) {
  const TemporaryFolder folder;
  const float value = 3;
  const TensorView tensor{
      .name = "a.b", .dtype = DType::f32, .shape = {1}, .strides = {1}, .bytes = std::as_bytes(std::span(&value, 1))};
  save_safetensors(folder / "a.pt", std::span(&tensor, 1), {{"key", "value"}});
  const auto file = ModelContainer::open(folder / "a.pt");
  BOOST_TEST(file.container() == "safetensors");
  BOOST_TEST((file.components() == std::vector<std::string>{""}));
  BOOST_TEST((file.tensors().at(0).name == "a.b" && numbers(file.tensors().at(0)) == std::vector<double>{3}));
  BOOST_TEST(file.metadata().at("key") == "value");
  BOOST_TEST(file.attribute("", "a.b")->as_tensor() != nullptr);
}

BOOST_AUTO_TEST_CASE(tensors_stay_inside_their_storage) {
  const auto with = [](std::int64_t offset, std::vector<std::int64_t> shape, std::vector<std::int64_t> strides) {
    return error_in(torch_archive(dict(text("w"), tensor(storage("FloatStorage", "0", 6), offset, shape, strides)),
                                  {{"0", 6, std::string(24, '\0')}}));
  };
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  BOOST_TEST(with(0, {2, 3}, {3, 1}).empty());
  BOOST_TEST(with(0, {3, 4}, {1, 1}).empty());  // windows that overlap
  BOOST_TEST(with(5, {}, {}).empty());
  BOOST_TEST(with(0, {0, most / 8}, {1, 1}).empty());
  BOOST_TEST(
      with(1, {2, 3}, {3, 1}) ==
      "a.pt: the tensor \"w\" of F32 [2, 3] with the strides [3, 1] from element 1 on reaches beyond its storage of "
      "24 bytes");
  BOOST_TEST(contains(with(6, {}, {}), "reaches beyond"));
  BOOST_TEST(contains(with(0, {2, 2}, {most, most}), "reaches beyond"));
  BOOST_TEST(contains(with(most, {2}, {1}), "reaches beyond"));
  BOOST_TEST(contains(with(most / 2, {2}, {1}), "reaches beyond"));
  BOOST_TEST(contains(with(0, {2}, {-1}), "negative stride or offset"));
  BOOST_TEST(contains(with(-1, {2}, {1}), "negative stride or offset"));
  BOOST_TEST(contains(with(0, {-2}, {1}), "impossible shape [-2]"));
  BOOST_TEST(contains(with(0, {most, 2}, {0, 0}), "impossible shape"));
  BOOST_TEST(contains(with(0, {1 << 30}, {0}), "more often than a file of this size has reason to"));

  const auto short_entry = torch_archive(dict(text("w"), floats("0", 2)), {{"0", 2, raw(1.0F)}});
  BOOST_TEST(error_in(short_entry) ==
             "a.pt: the tensor \"w\" needs a storage of 8 bytes, the entry \"archive/data/0\" has 4");
  BOOST_TEST(error_in(torch_archive(dict(text("w"), floats("../x", 2)), {})) ==
             "a.pt: the tensor \"w\" needs the entry \"archive/data/../x\", which is not in the archive");
  BOOST_TEST(
      contains(error_in(whole(dict(text("w"), floats("0", 2)))), "needs the storage \"0\", which is not in the file"));
}

BOOST_AUTO_TEST_CASE(other_files_are_named) {
  BOOST_TEST(contains(error_in(""), "a.pt: is no model file that is known here"));
  BOOST_TEST(contains(error_in("\x89PNG\r\n"), "a.pt: is no model file that is known here"));
  BOOST_TEST(contains(error_in(zip_archive({{.name = "word/document.xml", .content = ""}})), "without data.pkl"));
  BOOST_TEST(
      contains(error_in(zip_archive({{.name = "a/data.pkl", .content = ""}, {.name = "b/data.pkl", .content = ""}})),
               "holds two models"));
  BOOST_TEST(contains(
      error_in(zip_archive({{.name = "a/data.pkl", .content = whole("N")}, {.name = "a/byteorder", .content = "big"}})),
      "in the byte order \"big\""));
  BOOST_TEST(contains(
      error_in(torch_archive(dict(text("w"), floats("0", 1), text("w"), floats("0", 1)), {{"0", 1, raw(1.0F)}})),
      "has the tensor \"w\" twice"));
}

BOOST_AUTO_TEST_CASE(hostile_files_get_one_sentence) {
  const auto pickled = [](const std::string& content) { return torch_archive(content, {}); };
  const auto hostile = pickled(call(global("os", "system"), tuple(text("true"))));
  BOOST_TEST(opened(hostile).opaque() == "os.system");
  BOOST_TEST(opened(hostile).components().empty());
  BOOST_TEST(error_in(pickled(std::string(100'000, '('))) == "a.pt: nests values deeper than 1000");
  BOOST_TEST(error_in(pickled("X" + raw(0xFFFFFFFFU) + "abc")) ==
             "a.pt: the pickle's byte 7 announces 4294967295 bytes, and 4 follow: it is cut off or damaged");
  BOOST_TEST(error_in(pickled("\x8d" + raw(~std::uint64_t{0}) + "abc")) ==
             "a.pt: the pickle's byte 11 announces 18446744073709551615 bytes, and 4 follow: it is cut off or damaged");
  BOOST_TEST(error_in(pickled("h\1")) ==
             "a.pt: the pickle's byte 4 asks for the value 1, which was not kept: it is damaged");
  BOOST_TEST(error_in(pickled("}q\1" + text("me") + "h\1s")) == "a.pt: nests modules deeper than 64");
  std::string own = "]q\1";
  for (int i = 0; i < 2000; ++i) own += "h\1a";
  BOOST_TEST(error_in(pickled(own)) == "a.pt: nests values deeper than 1000");
  BOOST_TEST(error_in(pickled(dict(text("w"), floats("../../etc/passwd", 1)))) ==
             "a.pt: the tensor \"w\" needs the entry \"archive/data/../../etc/passwd\", which is not in the archive");
  BOOST_TEST(error_in(torch_archive(dict(text("w"), floats("0", 9)), {{"0", 9, std::string(32, '\0')}})) ==
             "a.pt: the tensor \"w\" needs a storage of 36 bytes, the entry \"archive/data/0\" has 32");
  // Two storages in one place: the directory's second entry points at the first.
  auto shared = torch_archive(dict(text("v"), floats("0", 1), text("w"), floats("1", 1)),
                              {{"0", 1, raw(1.0F)}, {"1", 1, raw(2.0F)}});
  const auto end = shared.rfind("PK\1\2"), before = shared.rfind("PK\1\2", end - 1);
  shared.replace(end + 42, 4, shared, before + 42, 4);
  const auto overlap = error_in(shared);
  BOOST_TEST(overlap.starts_with("a.pt: the entry \"archive/data/"), overlap);
  BOOST_TEST(contains(overlap, " overlaps \"archive/data/"), overlap);
  BOOST_TEST(error_in(torch_stream(list(storage("FloatStorage", "0", 1), storage("FloatStorage", "0", 2)), {})) ==
             "a.pt: the storage \"0\" is 4 bytes of F32 in one place and 8 bytes of F32 in another");
}

BOOST_AUTO_TEST_CASE(shared_and_circular_parts_come_to_an_end) {
  // Each dict holds the one before it twice: 2^40 names.
  std::string doubling = dict(text("w"), floats("0", 1));
  for (char level = 1; level <= 40; ++level)
    doubling += "q" + std::string(1, level) + "0}(" + text("a") + "h" + level + text("b") + "h" + level + "u";
  BOOST_TEST(
      contains(error_in(torch_archive(doubling, {{"0", 1, raw(1.0F)}})), "than a file of its size has reason to"));
  BOOST_TEST(contains(error_in(torch_archive("}q\1" + text("me") + "h\1s", {})), "nests modules deeper than 64"));
  const auto loop = torch_archive("}q\1" + text("me") + "h\1s", {});
  const auto circular = opened(loop);
  BOOST_TEST(contains(error_of([&] { circular.components(); }), "nests modules deeper than 64"));
  BOOST_TEST(circular.attribute("", "me.me.me") == &circular.root());
}

BOOST_AUTO_TEST_CASE(every_truncation_is_an_error) {
  const auto object = dict(text("g"), dict(text("w"), floats("0", 2)));
  const StreamStorage held{"0", 2, raw(1.0F) + raw(2.0F)};
  for (const auto& good : {torch_stream(object, {held}), torch_archive(object, {held})})
    for (std::size_t size = 0; size < good.size(); ++size) BOOST_TEST(!error_in(good.substr(0, size), "g").empty());
}

BOOST_AUTO_TEST_CASE(changed_bytes_do_no_harm) {
  const auto object = dict(text("g"), dict(text("w"), floats("0", 2)));
  const StreamStorage held{"0", 2, raw(1.0F) + raw(2.0F)};
  for (const auto& good : {torch_stream(object, {held}), torch_archive(object, {held})})
    for (std::size_t at = 0; at < good.size(); ++at)
      for (int change = 1; change < 256; change += 23) {
        auto bytes = good;
        bytes[at] = static_cast<char>(bytes[at] ^ change);
        error_of([&] {
          const auto file = opened(bytes);
          for (const auto& name : file.components())
            for (const auto& tensor : file.tensors(name)) dense(tensor);
        });
      }
}

// -------------------- the full golden files, where they are there

BOOST_AUTO_TEST_CASE(golden_generators_are_the_same_in_all_containers,
                     *boost::unit_test::precondition(test::full_golden_is_there)) {
  const auto reference = Safetensors::open(golden / "generator/rosinality_64_g.safetensors");
  auto expected = contents({reference.tensors().begin(), reference.tensors().end()});
  for (const auto* const name : {"rosinality_64_g.pt", "rosinality_64_g_legacy.pt"}) {
    const auto file = ModelContainer::open(golden / "generator" / name);
    BOOST_TEST((file.components() == std::vector<std::string>{"g_ema", "latent_avg"}));
    auto found = contents(file.tensors("g_ema"));
    found.merge(contents(file.tensors("latent_avg")));
    BOOST_TEST((found == expected), name);
    bool permuted = false;
    for (const auto& tensor : file.tensors("g_ema")) permuted |= !is_contiguous(tensor);
    BOOST_TEST(permuted);
  }
  const auto train = ModelContainer::open(golden / "generator/rosinality_16_train.pt");
  BOOST_TEST((train.components() == std::vector<std::string>{"g", "d", "g_ema"}));
  BOOST_TEST((contents(train.tensors("g")) != contents(train.tensors("g_ema"))));

  for (const auto* const name : {"frozen", "train"}) {
    const auto safe = Safetensors::open(golden / "adaptation" / (std::string(name) + ".safetensors"));
    auto kept = contents({safe.tensors().begin(), safe.tensors().end()});
    const auto file = ModelContainer::open(golden / "adaptation" / (std::string(name) + ".pt"));
    auto found = contents(file.tensors("g_ema"));
    for (const auto& part : file.components())
      if (part == "latent_avg") found.merge(contents(file.tensors(part)));
    BOOST_TEST((found == kept), name);
  }
}

BOOST_AUTO_TEST_CASE(golden_encoders_are_the_same_in_all_containers,
                     *boost::unit_test::precondition(test::full_golden_is_there)) {
  const auto reference = Safetensors::open(golden / "clip/vit_b.safetensors");
  const auto script = ModelContainer::open(golden / "clip/vit_b.torchscript.pt");
  BOOST_TEST(script.container() == "torchscript");
  auto scripted = contents(script.tensors());
  for (const auto* const setting : {"context_length", "input_resolution", "vocab_size"})
    BOOST_TEST(scripted.erase(setting) == 1U);
  BOOST_TEST((scripted == contents({reference.tensors().begin(), reference.tensors().end()})));

  const auto same = [&](const std::vector<TensorView>& tensors, auto&& renamed) {
    BOOST_TEST(tensors.size() == reference.tensors().size());
    for (const auto& tensor : tensors) {
      const auto* const expected = reference.find(renamed(tensor.name));
      BOOST_TEST_REQUIRE(expected != nullptr, tensor.name);
      BOOST_TEST((tensor.shape == expected->shape && numbers(tensor) == numbers(*expected)), tensor.name);
    }
  };
  const auto without = [](const std::string& name, std::string_view prefix) {
    return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
  };
  const auto dict = ModelContainer::open(golden / "clip/vit_b_openclip_state_dict.pt");
  BOOST_TEST((dict.container() == "zip pickle" && dict.components() == std::vector<std::string>{""}));
  same(dict.tensors(), [](const std::string& name) { return name; });
  const auto train = ModelContainer::open(golden / "clip/vit_b_openclip_train_legacy.pt");
  BOOST_TEST((train.container() == "legacy pickle" && train.components() == std::vector<std::string>{"state_dict"}));
  BOOST_TEST(train.attribute("", "epoch")->as_integer().has_value());
  same(train.tensors("state_dict"), [&](const std::string& name) {
    BOOST_TEST(name.starts_with("module."));
    return without(name, "module.");
  });
  same(ModelContainer::open(golden / "clip/vit_b_openclip_custom_text.safetensors").tensors(),
       [&](const std::string& name) { return without(name, "text."); });
  const auto face = ModelContainer::open(golden / "clip/vit_b_hf/model.safetensors");
  for (const auto& tensor : face.tensors())
    if (tensor.name == "text_model.embeddings.token_embedding.weight")
      BOOST_TEST((numbers(tensor) == numbers(reference.at("token_embedding.weight"))));
}

BOOST_AUTO_TEST_CASE(golden_pickles_of_nvidia, *boost::unit_test::precondition(test::full_golden_is_there)) {
  struct Expected {
    const char* name;
    std::int64_t resolution, classes, layers, widths;
    const char* architecture;
    double clamp;
  };
  for (const auto& [name, resolution, classes, layers, words, architecture, clamp] :
       {Expected{"ada_64_uncond", 64, 0, 8, 10, "skip", 0}, Expected{"ada_32_cond", 32, 4, 2, 8, "skip", 0},
        Expected{"ada_64_resnet", 64, 0, 2, 10, "resnet", 1.5}, Expected{"ada_32_fp16cl", 32, 0, 8, 8, "skip", 256}}) {
    const auto file = ModelContainer::open(golden / "generator" / (std::string(name) + ".pkl"));
    BOOST_TEST(file.container() == "raw pickle");
    BOOST_TEST((file.components() == std::vector<std::string>{"G", "D", "G_ema"}));
    const auto number = [&](std::string_view path) {
      const auto* const value = file.attribute("G_ema", path);
      return value != nullptr ? value->as_integer().value_or(-1) : -1;
    };
    BOOST_TEST(number("synthesis.img_resolution") == resolution);
    BOOST_TEST(number("c_dim") == classes);
    BOOST_TEST(number("z_dim") == 64);
    BOOST_TEST(number("num_ws") == words);
    BOOST_TEST(number("mapping.num_layers") == layers);
    BOOST_TEST(*file.attribute("G_ema", "synthesis.b8.architecture")->as_text() == architecture);
    const auto* const found = file.attribute("G_ema", "synthesis.b8.conv1.conv_clamp");
    BOOST_TEST_REQUIRE(found != nullptr);
    BOOST_TEST(found->as_real().value_or(0) == clamp);
    BOOST_TEST(file.attribute("G_ema", "mapping.fc0.weight_gain")->as_real().has_value());  // numpy's

    const auto golden_numbers = Safetensors::open(golden / "generator" / (std::string(name) + ".golden.safetensors"));
    std::map<std::string, TensorView> tensors;
    for (const auto& tensor : file.tensors("G_ema")) tensors[tensor.name] = tensor;
    int gradients = 0;
    for (const auto& tensor : golden_numbers.tensors())
      if (tensor.name.starts_with("grad.synthesis.")) {
        const auto at = tensors.find(tensor.name.substr(5));
        BOOST_TEST_REQUIRE((at != tensors.end()), tensor.name);
        BOOST_TEST((at->second.shape == tensor.shape), tensor.name);
        ++gradients;
      }
    BOOST_TEST(gradients > 5);
    BOOST_TEST(tensors.contains("mapping.w_avg"));
    BOOST_TEST(tensors.contains("mapping.embed.weight") == (classes > 0));
    BOOST_TEST(tensors.at("synthesis.b4.conv1.noise_strength").shape.empty());
    BOOST_TEST(is_contiguous(tensors.at("synthesis.b8.conv1.weight")) == (std::string_view(name) != "ada_32_fp16cl"));
    BOOST_TEST((numbers(tensors.at("synthesis.b4.const")) != numbers([&] {
                  for (auto& tensor : file.tensors("G"))
                    if (tensor.name == "synthesis.b4.const") return tensor;
                  return TensorView{};
                }())));
  }
}

BOOST_AUTO_TEST_CASE(golden_files_cut_anywhere_are_errors,
                     *boost::unit_test::precondition(test::full_golden_is_there)) {
  for (const auto* const name : {"rosinality_64_g_legacy.pt", "rosinality_64_g.pt", "ada_64_resnet.pkl"}) {
    const auto path = golden / "generator" / name;
    const auto whole_file = read_text(path);
    const std::size_t step = 1 + whole_file.size() / 100;
    for (std::size_t size = 0; size < whole_file.size(); size += size < 400 ? 13 : step) {
      const auto part = whole_file.substr(0, size);
      const auto error = error_in(part);
      BOOST_TEST(error.starts_with("a.pt: "));
      BOOST_TEST(error.size() < 300U);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
