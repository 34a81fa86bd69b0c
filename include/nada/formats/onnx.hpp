/// ONNX: a network as a graph of standard operators with its weights, in one file that other runtimes execute:
/// onnxruntime on processors and GPUs, onnxruntime-web in a browser, and what telephones bring.
///
/// Source:  https://github.com/onnx/onnx, docs/IR.md, docs/Operators.md and onnx/onnx.proto (IR version 8, opset 17).
/// Facts:   the same model gives the same bytes, and they are those of onnx's own Python package; onnx.checker accepts
///          them.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"

namespace nada {

/// OnnxAttribute is a setting of an operator that is fixed with the graph.
struct OnnxAttribute {
  std::string name;
  std::variant<float, std::int64_t, std::vector<std::int64_t>> value;
};

/// OnnxNode applies the operator `op` of ONNX's default domain to named values and names its only result.
struct OnnxNode {
  std::string op;                   // "Conv"
  std::vector<std::string> inputs;  // values of the graph: its inputs, its constants, outputs of earlier nodes
  std::string output;               // also the node's name
  std::vector<OnnxAttribute> attributes = {};
};

/// OnnxConstant is a tensor in the file (an "initializer"): weights, and shapes and axes that operators read.
struct OnnxConstant {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::string bytes;  // row-major, little-endian
};

/// OnnxValue describes a float32 input or output of the graph. A dimension is a number or the name of a free one.
struct OnnxValue {
  std::string name;
  std::vector<std::variant<std::int64_t, std::string>> shape;
  std::string about = {};  // for people
};

/// OnnxModel is a graph with what the file says about it.
struct OnnxModel {
  static constexpr std::int64_t ir_version = 8, opset = 17;

  std::string name = "graph";
  std::string about = {};     // the model's "doc_string"
  std::string producer = {};  // version of nada that made the file
  Metadata metadata = {};     // "metadata_props"
  std::vector<OnnxValue> inputs, outputs;
  std::vector<OnnxConstant> constants;
  std::vector<OnnxNode> nodes;  // in the order of computation
};

/// Writes a model whole or not at all.
/// Errors:  a value that is named twice or is used before it is there; a constant whose bytes do not match its shape;
///          2 GiB or more, which no message of protocol buffers holds; a file that cannot be written.
void save_onnx(const std::filesystem::path& path, const OnnxModel& model);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/onnx.ipp"
#endif
