#include "nada/formats/onnx.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_onnx)

using namespace nada;

namespace {

OnnxModel small_graph() {
  OnnxModel model;
  model.name = "small";
  model.about = "A test.";
  model.producer = "0.1.0";
  model.metadata = {{"licence", "CC BY 4.0"}};
  model.inputs = {{"x", {"N", std::int64_t{2}}, "two numbers"}};
  model.outputs = {{"y", {"N", std::int64_t{2}}}};
  const float numbers[] = {1, 2, 3, -4};
  model.constants = {{"a", DType::f32, {2, 2}, std::string(reinterpret_cast<const char*>(numbers), sizeof numbers)}};
  model.nodes = {{"Gemm", {"x", "a"}, "h", {{"transB", std::int64_t{1}}}},
                 {"LeakyRelu", {"h"}, "l", {{"alpha", 0.25F}}},
                 {"ReduceMean", {"l"}, "m", {{"axes", std::vector<std::int64_t>{-1}}, {"keepdims", std::int64_t{1}}}},
                 {"Sub", {"l", "m"}, "y"}};
  return model;
}

std::string hexadecimal(const std::string& bytes) {
  std::string out;
  for (const char byte : bytes)
    for (const int shift : {4, 0}) out += "0123456789abcdef"[static_cast<unsigned char>(byte) >> shift & 15];
  return out;
}

// What SerializeToString() of the onnx package for Python (1.23.2) gives for this graph, made by onnx.helper and
// accepted by onnx.checker.
const std::string expected =
    "080812046e6164611a05302e312e3032074120746573742e3af8010a210a01780a01611201681a0168220447656d6d2a0d0a067472616e7342"
    "1801a001020a250a016812016c1a016c22094c65616b7952656c752a0f0a05616c706861150000803ea001010a3c0a016c12016d1a016d220a"
    "5265647563654d65616e2a140a046178657340ffffffffffffffffff01a001072a0f0a086b65657064696d731801a001020a110a016c0a016d"
    "1201791a017922035375621205736d616c6c2a1b0802080210014201614a100000803f0000004000004040000080c05a210a0178120f0a0d08"
    "0112090a0312014e0a0208021a0b74776f206e756d6265727362140a0179120f0a0d080112090a0312014e0a0208024"
    "2040a00101172140a076c6963656e63651209434320425920342e30";

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_has_the_bytes_that_onnxs_own_package_writes) {
  const TemporaryFolder folder;
  save_onnx(folder / "a.onnx", small_graph());
  BOOST_TEST(hexadecimal(read_text(folder / "a.onnx")) == expected);
}

BOOST_AUTO_TEST_CASE(a_graph_that_is_not_whole_is_refused_and_nothing_is_written) {
  const TemporaryFolder folder;
  const auto path = folder / "a.onnx";
  const auto error = [&](const std::function<void(OnnxModel&)>& change) {
    auto model = small_graph();
    change(model);
    const auto text = error_of([&] { save_onnx(path, model); });
    BOOST_TEST(std::filesystem::is_empty(folder.path()));
    const auto start = "cannot write " + path.string() + ": ";
    return text.find(start) == 0 ? text.substr(start.size()) : "without the file: " + text;
  };
  BOOST_TEST(error([](OnnxModel& m) { m.nodes[1].inputs = {"g"}; }) ==
             "the node \"l\" reads the value \"g\", which is not there yet");
  BOOST_TEST(error([](OnnxModel& m) { std::swap(m.nodes[0], m.nodes[1]); }) ==
             "the node \"l\" reads the value \"h\", which is not there yet");
  BOOST_TEST(error([](OnnxModel& m) { m.outputs[0].name = "z"; }) ==
             "the graph's output reads the value \"z\", which is not there yet");
  BOOST_TEST(error([](OnnxModel& m) { m.nodes[2].output = "l"; }) ==
             "the value \"l\" of the graph is there twice or has no name");
  BOOST_TEST(error([](OnnxModel& m) { m.constants[0].name = ""; }) ==
             "the value \"\" of the graph is there twice or has no name");
  BOOST_TEST(error([](OnnxModel& m) {
               m.constants[0].shape = {2, 3};
             }) == "the constant \"a\" of shape [2, 3] has 16 bytes");
  BOOST_TEST(error([](OnnxModel& m) { m.constants[0].dtype = DType::i64; }) ==
             "the constant \"a\" of shape [2, 2] has 16 bytes");
}

BOOST_AUTO_TEST_SUITE_END()
