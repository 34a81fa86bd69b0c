// Writes the seeds of the fuzz targets, a folder for each: small files of every kind that the readers know.
//     fuzz_seeds FOLDER
#include <turbojpeg.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nada/formats/canvas.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/safetensors.hpp"
#include "support/pickles.hpp"

using namespace nada;
using namespace nada::test;
using namespace nada::test::pickle;

namespace {

namespace fs = std::filesystem;
fs::path folder;  // of the seeds that are being written

void seed(std::string_view name, std::string_view bytes) { write_text(folder / name, bytes); }
void seed(std::string_view name, std::span<const std::byte> bytes) {
  seed(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
void start(const fs::path& root, std::string_view target) {
  folder = root / target;
  fs::create_directories(folder);
}

void safetensors() {
  const std::vector<float> numbers(12, 1.5F);
  const auto all = std::as_bytes(std::span(numbers));
  const auto view = [&](std::string name, DType dtype, std::vector<std::int64_t> shape) {
    auto strides = contiguous_strides(shape);
    const auto size = static_cast<std::size_t>(*nada::detail::checked_count(shape, 1)) * size_of(dtype);
    return TensorView{std::move(name), dtype, std::move(shape), std::move(strides), all.first(size)};
  };
  const std::vector<TensorView> several = {view("conv1.conv.weight", DType::f32, {2, 3, 2}),
                                           view("input.input", DType::f16, {5}), view("b", DType::boolean, {3, 1}),
                                           view("n", DType::i64, {}), view("empty", DType::u8, {4, 0, 2})};
  const std::vector<TensorView> clip = {view("text_projection", DType::bf16, {2}),
                                        view("token_embedding.weight", DType::f64, {1})};
  save_safetensors(folder / "several", several, {{"nada.format", "1"}, {"nada.kind", "generator"}});
  save_safetensors(folder / "clip", clip, {});
  save_safetensors(folder / "words", {}, {{"key", "caf\xC3\xA9 \"quoted\"\n"}});
  save_safetensors(folder / "nothing", {}, {});
}

std::string floats(std::string_view key, std::int64_t number) {
  return tensor(storage("FloatStorage", key, number), 0, {number}, {1});
}
std::string module(const std::string& attributes) {
  return call(global("torch_utils.persistence", "_reconstruct_persistent_obj"),
              tuple(dict(text("type"), text("class"), text("version"), integer(6), text("module_src"), text("#"),
                         text("class_name"), text("Generator"), text("state"), "}(" + attributes + "u")));
}

void pickles_of_weights() {
  const auto object =
      dict(text("g_ema"),
           dict(text("a.weight"), tensor(storage("FloatStorage", "0", 6), 0, {2, 3}, {1, 2}), text("b"),
                call(global("torch._utils", "_rebuild_parameter"), tuple(floats("0", 6), "\x88", "}"))),
           text("latent_avg"), tensor(storage("FloatStorage", "0", 6), 4, {2}, {1}), text("args"),
           global("argparse", "Namespace") + ")\x81" + dict(text("lr"), "G?\xF0" + std::string(6, '\0')) + "b",
           text("step"), "K\7");
  const StreamStorage held{"0", 6, std::string(24, '\1')};
  seed("stream", torch_stream(object, {held}));
  seed("archive", torch_archive(object, {held}));
  seed("state_dict", torch_archive(dict(text("w"), floats("0", 6), text("v"), floats("0", 6)), {held}));
  seed("opts", torch_archive(dict(text("state_dict"), dict(text("encoder.latlayer1.weight"), floats("0", 6)),
                                  text("latent_avg"), floats("0", 6), text("opts"),
                                  global("argparse", "Namespace") + ")\x81" +
                                      dict(text("encoder_type"), text("GradualStyleEncoder")) + "b"),
                             {held}));

  const auto scalar = tensor(call(global("torch.storage", "_load_from_bytes"),
                                  tuple(bytes(torch_stream(storage("FloatStorage", "1", 1), {{"1", 1, "abcd"}})))),
                             0, {}, {});
  const auto inner = module(text("_parameters") + dict(text("weight"), scalar, text("bias"), "N") + text("_buffers") +
                            "}" + text("_modules") + "}" + text("architecture") + text("skip"));
  const auto outer = module(text("_parameters") + "}" + text("_buffers") + "}" + text("_modules") +
                            dict(text("b4"), inner + "q\1", text("gone"), "N") + text("img_resolution") + integer(64));
  seed("modules", whole(dict(text("G_ema"), outer, text("D"), "h\1"), 3));

  const auto part = tuple(text("storage"), global("torch", "FloatStorage"), text("a"), text("cpu"), integer(2),
                          tuple(text("v"), integer(1), integer(1))) +
                    "Q";
  seed("parts_of_storages", torch_stream(list(storage("FloatStorage", "a", 2), part), {{"a", 2, "12345678"}}));
  const auto script = [](std::string_view name, const std::string& attributes) {
    return global("__torch__.a.b", name) + ")\x81}(" + attributes + "ub";
  };
  seed("torchscript",
       zip_archive({{.name = "m/data.pkl",
                     .content = whole(script("Model", text("w") + floats("0", 1) + text("visual") +
                                                          script("Visual", text("proj") + floats("1", 1)))),
                     .deflated = true},
                    {.name = "m/constants.pkl", .content = whole(")")},
                    {.name = "m/byteorder", .content = "little"},
                    {.name = "m/data/0", .content = "abcd"},
                    {.name = "m/tensors/1", .content = "efgh"}}));
  const auto typed =
      call(global("torch._utils", "_rebuild_tensor_v3"),
           tuple(tuple(text("storage"), global("torch.storage", "UntypedStorage"), text("0"), text("cpu"), "K\6") + "Q",
                 std::string("K\0", 2), "(K\3t", "(K\1t", "\x89", "}", global("torch", "bfloat16")));
  seed("typed",
       whole(dict(text("w"),
                  call(global("torch._tensor", "_rebuild_from_type_v2"),
                       tuple(global("torch._utils", "_rebuild_tensor_v3"), global("torch", "Tensor"), "N", "}")),
                  text("v"), typed)));
}

void other_pickles() {
  const auto number = call(global("numpy", "dtype"), tuple(text("f8"), "\x89", "\x88")) +
                      tuple("K\3", text("<"), "N", "N", "N", integer(-1), integer(-1), "K\1") + "b";
  seed("numpy", whole(list(call(global("numpy.core.multiarray", "scalar"), tuple(number, bytes("\1\2\3\4\5\6\7\x40"))),
                           call(global("_codecs", "encode"), tuple(text("a\xC3\xBF"), text("latin1")))),
                      3));
  seed("protocol_0",
       "(dp0\nVa\\u20ac\np1\n(lp2\nI1\naI-2\naL1099511627776L\naI01\naNaF1.5\naS'q\\x41'\naccopy_reg\n"
       "_reconstructor\n(cargparse\nNamespace\nc__builtin__\nobject\nNtR(dVa\nI1\nsbas.");
  seed("protocol_4", whole("\x95\x1A" + std::string(7, '\0') + "\x8f\x94(K\1K\2\x90\x8c\5torch\x8c\4Size\x93)R" +
                               "(K\3\x91\x96\1" + std::string(7, '\0') + "c\x87",
                           5));
  seed("dicts",
       whole(list(call(global("collections", "OrderedDict"), tuple(list(tuple(text("a"), "K\1")))),
                  call(global("collections", "defaultdict"), tuple(global("builtins", "int"), dict(text("b"), "N"))),
                  call(global("builtins", "set"), tuple(list("K\1", "K\2"))), "}q\1" + text("me") + "h\1s")));
  seed("calls_system", whole(call(global("os", "system"), tuple(text("true")))));
}

void model_containers() {
  pickles_of_weights();
  other_pickles();
}

void zips() {
  const std::string long_text(3000, 'x');
  seed("stored", zip_archive({{.name = "a", .content = "abc"}, {.name = "b/c", .content = ""}}));
  seed("deflated", zip_archive({{.name = "a", .content = long_text, .deflated = true}, {.name = "b", .content = "1"}}));
  seed("wide",
       zip_archive({{.name = "a", .content = "abc"}, {.name = "b", .content = long_text, .deflated = true}}, true));
  seed("empty", zip_archive({}));
  seed("wrong_crc", zip_archive({{.name = "a", .content = "abc", .crc_lie = 1}}));
  seed("wrong_size", zip_archive({{.name = "a", .content = "abcabc", .deflated = true, .size_lie = 4000}}));
}

void npy_arrays() {
  const auto array = [](char version, const std::string& header, const std::string& numbers) {
    const auto length = static_cast<std::uint32_t>(header.size());
    return "\x93NUMPY" + std::string(1, version) + std::string(1, '\0') +
           (version == '\1' ? raw(static_cast<std::uint16_t>(length)) : raw(length)) + header + numbers;
  };
  const std::string eight(8, '\x3F');
  seed("row", array('\1', "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }   \n", eight));
  seed("doubles", array('\2', "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n", eight));
  seed("scalar", array('\3', "{\"shape\": (), \"descr\": \"<f8\", \"fortran_order\": False}", eight));
  seed("columns", array('\1', "{'descr': '<f4', 'fortran_order': True, 'shape': (2L, 1L), }\n", eight));
  seed("records", array('\1', "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }\n", eight));
}

std::string big_endian(std::uint32_t number) {
  auto bytes = raw(number);
  return {bytes.rbegin(), bytes.rend()};
}
std::string chunk(const std::string& name, const std::string& content) {
  const auto body = name + content;
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(body.data()), body.size());
  return big_endian(static_cast<std::uint32_t>(content.size())) + body + big_endian(static_cast<std::uint32_t>(crc));
}
std::string compressed(const std::string& content) {
  std::string out(::compressBound(content.size()), '\0');
  auto size = static_cast<uLongf>(out.size());
  ::compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(content.data()),
              content.size(), 9);
  return out.substr(0, size);
}
/// 8x8 pixels of `depth` bits in `channels`, all zero; `chunks` come before the data.
std::string png(char depth, char colour, int channels, bool interlaced = false, const std::string& chunks = {}) {
  const int bits = 8 * channels * depth;
  std::string rows;
  if (!interlaced) rows.assign(8 * (1 + static_cast<std::size_t>(bits) / 8), '\0');
  // The seven passes: columns and rows of each.
  constexpr int passes[7][2] = {{1, 1}, {1, 1}, {2, 1}, {2, 2}, {4, 2}, {4, 4}, {8, 4}};
  for (const auto& [columns, lines] : passes)
    if (interlaced)
      for (int line = 0; line < lines; ++line)
        rows.append(1 + static_cast<std::size_t>(columns * channels * depth + 7) / 8, '\0');
  return "\x89PNG\r\n\x1A\n" +
         chunk("IHDR",
               big_endian(8) + big_endian(8) + depth + colour + std::string(2, '\0') + static_cast<char>(interlaced)) +
         chunks + chunk("IDAT", compressed(rows)) + chunk("IEND", "");
}

void images() {
  Picture picture = make_canvas(19, 13, {200, 30, 90});
  for (std::size_t i = 0; i < picture.pixels.size(); i += 7) picture.pixels[i] = static_cast<std::uint8_t>(i);
  picture.text = {{"nada.options", "steps = 5\n"}, {"caf\xC3\xA9", "\xF0\x9F\x8E\xA8"}};
  seed("rgb.png", encode_png(picture));
  const std::string nul(1, '\0');
  seed("palette.png", png(2, 3, 1, false, chunk("PLTE", "abcdefghi") + chunk("tRNS", "\x80")));
  seed("grey1.png", png(1, 0, 1, true, chunk("tRNS", nul + "\1")));
  seed("grey16.png", png(16, 0, 1, false, chunk("gAMA", big_endian(45455)) + chunk("tRNS", nul + "\1")));
  seed("grey_alpha.png", png(8, 4, 2, true));
  seed("rgba16.png", png(16, 6, 4, true));
  seed("text.png", png(8, 2, 3, false,
                       chunk("tEXt", "a" + nul + "caf\xE9") + chunk("zTXt", "b" + nul + nul + compressed("words")) +
                           chunk("iTXt", "c" + nul + "\1" + nul + "en" + nul + nul + compressed("caf\xC3\xA9")) +
                           chunk("iCCP", "profile" + nul + nul + compressed("x")) + chunk("eXIf", "MM\0*") +
                           chunk("bKGD", std::string(6, '\0')) + chunk("pHYs", std::string(9, '\1'))));
  const auto jpeg = encode_jpeg(picture, 80);
  seed("rgb.jpg", jpeg);
  const auto turn = [&](std::string_view tiff) {
    std::string out(reinterpret_cast<const char*>(jpeg.data()), jpeg.size());
    const auto content = std::string("Exif\0\0", 6) + std::string(tiff);
    return out.insert(2, "\xFF\xE1" + big_endian(static_cast<std::uint32_t>(content.size() + 2)).substr(2) + content);
  };
  seed("turned.jpg", turn(std::string_view("MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0", 26)));
  seed("turned_little.jpg", turn(std::string_view("II*\0\x08\0\0\0\1\0\x12\x01\3\0\1\0\0\0\3\0\0\0\0\0\0\0", 26)));
  const std::unique_ptr<void, int (*)(void*)> turbo(tjInitCompress(), tjDestroy);
  const auto encode = [&](std::string_view name, int format, int subsampling, int flags) {
    const std::vector<unsigned char> pixels(std::size_t{19} * 13 * 4, 77);
    unsigned char* buffer = nullptr;
    unsigned long size = 0;
    require(tjCompress2(turbo.get(), pixels.data(), 19, 0, 13, format, &buffer, &size, subsampling, 50, flags) == 0,
            name);
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(buffer, tjFree);
    seed(name, {reinterpret_cast<const char*>(buffer), size});
  };
  encode("progressive.jpg", TJPF_RGB, TJSAMP_420, TJFLAG_PROGRESSIVE);
  encode("grey.jpg", TJPF_GRAY, TJSAMP_GRAY, 0);
  encode("cmyk.jpg", TJPF_CMYK, TJSAMP_422, 0);
  encode("grey_progressive.jpg", TJPF_GRAY, TJSAMP_GRAY, TJFLAG_PROGRESSIVE);
}

std::string gzip(std::string_view content) {
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
  return std::string("\x1F\x8B\x08\0\0\0\0\0\0\3", 10) + deflated(content) + raw(static_cast<std::uint32_t>(crc)) +
         raw(static_cast<std::uint32_t>(content.size()));
}

/// A field of a message of protocol buffers, shorter than 128 bytes unless `wide`.
std::string field(char key, const std::string& bytes, bool wide = false) {
  const auto size =
      wide ? std::string{static_cast<char>(bytes.size() % 128 + 128), static_cast<char>(bytes.size() / 128)}
           : std::string(1, static_cast<char>(bytes.size()));
  return static_cast<char>(key * 8 + 2) + size + bytes;
}

/// A sentencepiece model whose table makes `Q` a `q`.
std::string sentence_model(char type) {
  std::vector<std::uint32_t> units(512);
  units[0] = 256U << 10;
  units[256 ^ 'Q'] = 256U << 10 | 1U << 8 | 'Q';
  units['Q'] = 0x80000000;
  std::string table = raw(static_cast<std::uint32_t>(4 * units.size()));
  for (const auto unit : units) table += raw(unit);
  std::string out, name;
  char kind = 2;  // the first is the unknown piece
  for (const char* text : {"<unk>", "\xE2\x96\x81", "\xE2\x96\x81the",
                           "\xE2\x96\x81"
                           "c",
                           "a", "t", "at", "n't", "fi"}) {
    out += field(1, field(1, text) + '\x15' + raw(-1.5F - static_cast<float>(out.size()) / 100) + '\x18' + kind);
    kind = 1;
  }
  return out + field(2, {'\x18', type}) +
         field(3, field(1, "nmt") + field(2, table + std::string("q\0", 2), true), true);
}

void texts() {
  const std::string merges = "#version: 0.2\ni n\nt h\na n\nth e</w>\nin g</w>\n\xC3\x83 \xC2\xA9</w>\n", nul(1, '\0');
  seed("plain", merges + nul + "The cat in the hat isn't nothing");
  seed("html", merges + nul + "a &lt;b&gt; &amp;amp; &#x41;&#233 &Eacute;&EACUTE; &hellip; caf&eacute");
  seed("unicode", merges + nul +
                      "\xEF\xAC\x81ne \xEF\xBC\xA1 \xE2\x80\x9Cq\xE2\x80\x9D e\xCC\x81\xCC\xA3 "
                      "\xCE\xA3\xCE\x91\xCE\xA3 \xC4\xB0 \xF0\x9F\x8E\xA8");
  seed("controls", merges + nul + "\x1B[31mred\x1B[0m \xC2\x85 \xEF\xBB\xBF a\r\n\tb <|startoftext|> <|EndOfText|>");
  seed("damaged", merges + nul + "\xC3 \xED\xA0\x80 \xF5 \xF0\x9F \xFF");
  seed("windows", "#version: 0.2\r\nl o\r\nlo w</w>\r\n" + nul + "low");
  seed("wrong_merge", "#version: 0.2\nxy z\n" + nul);
  seed("text", "Fish &amp; \xEF\xBC\xA6ries \xE2\x80\x99s \xE2\x82\xAC 3");
  seed("packed", gzip(merges));
  seed("packed_twice", gzip(merges) + gzip("a n\n"));
  const std::string_view json =
      R"({"added_tokens": [{"id": 7, "content": "<x>", "lstrip": true, "rstrip": true}, {"id": 8, "content": "A", "normalized": true}],
"normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}, {"type": "Prepend", "prepend": "_"},
  {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
"pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false},
"post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "e"}}],
  "special_tokens": {"e": {"ids": [1]}}}, "padding": {"pad_id": 0},
"model": {"type": "BPE", "unk_token": "?", "fuse_unk": true, "byte_fallback": false, "ignore_merges": false,
  "vocab": {"?": 0, "a": 1, "b": 2, "ab": 3, "abab": 4, "\u2581": 5, "\u2581a": 6}, "merges": ["a b", ["ab", "ab"], "\u2581 a"]}})";
  seed("pairs_json", std::string(json) + nul + "ab AB <x> abababa \xD1\x8F\xE2\x96\x81");
  seed("pieces", "S" + sentence_model(/*type=*/1));
  seed("pairs_of_pieces", "S" + sentence_model(/*type=*/2));
  seed("bad_json", R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": [[]]}})" + nul + "a");
}

void options() {
  seed("run",
       "# made by adapt\ntarget = a zombie\nlr = 0.002\nencoder = a.safetensors:1\nencoder = b.safetensors:0.5\n");
  seed("quoted", "target = \"  \\\"q\\\" \\\\ \\n \\t \\r \\0 \"\r\nsource = caf\xC3\xA9 # no comment\n\n");
  seed("include", "include = \"other.cfg\"\n  # indented\nx=\n");
}

void captions() {
  seed("table",
       "file,caption,group,side\n000000.png,a face|a portrait,g0,left\n000001.png,\"a \"\"hat\"\", red\",g0,\n");
  seed("windows",
       "\xEF\xBB\xBF"
       "file,caption\r\na.png,\"two\r\nlines\"\r\n");
  seed("empty_cells", ",\n,\n\"\",x\n");
}

void target_lists() {
  seed("list",
       R"([{"name": "sketch", "text": "a pencil sketch", "pictures": "sketch.png"}, {"name": "z", "text": "\u00e9"}])");
  seed("other", R"({"name": [[[1, 2.5e3, null, true]]]})");
  seed("deep", std::string(300, '[') + std::string(300, ']'));
}

void manifests() {
  seed(
      "list",
      R"([{"name": "sketch", "target": "a pencil sketch"}, {"name": "z 1", "target": "\u00e9", "options": ["--steps", "3"]}])");
  int k = 0;
  for (const std::string_view name : {"../x", "/etc/passwd", "a/b", "a\\\\b", ".hidden", "a\\u0000b", ""})
    seed(join("name_", k++), join(R"([{"name": ")", name, R"(", "target": "t"}])"));
  seed("twice", R"([{"name": "a", "target": "b"}, {"name": "a", "target": "c"}])");
  seed("options", R"([{"name": "a", "target": "b", "options": [1, {"x": []}]}])");
  seed("deep", std::string(300, '[') + std::string(300, ']'));
}

void hub_answers() {
  const std::string sha = "0123456789abcdef0123456789abcdef01234567";
  const auto listing = [&](std::string_view name) {
    return R"({"sha": ")" + sha + R"(", "siblings": [{"rfilename": "config.json"}, {"rfilename": ")" +
           std::string(name) + R"("}, {"other": 1}, 2]})";
  };
  int k = 0;
  for (const auto* name : {"deep/er/model.safetensors", "../x", "/etc/passwd", "a/../../b", "a//b", "./a", "a\\\\b",
                           "a\\u0000b", "caf\xC3\xA9.bin", ""})
    seed(join("listing_", k++), listing(name));
  seed("index",
       R"({"metadata": {"total_size": 9}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "../x"}})");
  seed("no_commit", R"({"sha": "main", "siblings": []})");
  seed("deep", R"({"sha": )" + std::string(300, '[') + std::string(300, ']') + "}");
  const std::string commit = "x-repo-commit: " + sha + "\n";
  seed("headers", commit + "etag: \"" + sha + "\"\ncontent-length: 1234\n");
  seed("linked",
       commit + "x-linked-etag: W/\"" + std::string(64, 'a') + "\"\nx-linked-size: 99999999999\nlocation: https://x\n");
  seed("etag_is_a_path", commit + "etag: \"../../x\"\ncontent-length: 1\n");
  seed("size_is_none", commit + "etag: abc\ncontent-length: -1\n");
  seed("address", "hf:org/name/deep/er/model.safetensors@refs/pr/1");
  seed("address_out", "hf:org/name/../../x@main");
}

void requests() {
  const std::string host = "Host: localhost:8080\r\n";
  seed("get", "GET /api/v2/runs?first=1&count=20&search=a%20zombie+b HTTP/1.1\r\n" + host +
                  "Cookie: a=b; nada-owner=0123456789abcdef0123456789abcdef\r\nOrigin: http://localhost:8080\r\n\r\n");
  seed("post",
       "POST /api/v2/generate HTTP/1.1\r\n" + host +
           "Content-Type: application/json\r\nContent-Length: 99\r\n\r\n"
           R"({"latents": [{"seed": 1}], "presets": ["sketch", "z-1"], "target": "caf\u00e9", "strength": 0.5})");
  seed("whole_address",
       "GET http://studio.example/?x=%4 HTTP/1.1\r\nHost: other\r\n\r\n{\"a\": [[[[[[[[[[1]]]]]]]]]]}");
  seed("folded", "OPTIONS * HTTP/1.0\r\nX: a\r\n b\r\nTransfer-Encoding: chunked\r\n\r\n{\"target\": \"\\u0000\"}");
  seed("address", "GET //a///b HTTP/1.1\r\nHost: [::1]:99\r\n\r\n{\"strength\": 1e999, \"x\": 1}");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n"), 2;
  const fs::path root = argv[1];
  const std::pair<std::string_view, void (*)()> targets[] = {{"safetensors", safetensors},
                                                             {"model_container", model_containers},
                                                             {"zip", zips},
                                                             {"npy", npy_arrays},
                                                             {"images", images},
                                                             {"tokenizer", texts},
                                                             {"options", options},
                                                             {"captions", captions},
                                                             {"target_list", target_lists},
                                                             {"manifest", manifests},
                                                             {"hub", hub_answers},
                                                             {"http", requests}};
  for (const auto& [name, write] : targets) {
    start(root, name);
    write();
  }
}
