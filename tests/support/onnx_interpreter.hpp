/// Reads an ONNX file and computes with it, by the descriptions of docs/Operators.md alone: nothing here knows how the
/// file was made. Operators that generators do not use are not known.
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/formats/protobuf.hpp"

namespace nada::test {

/// ReadOnnx is a graph as its file says it. Fields have the numbers of onnx/onnx.proto.
class ReadOnnx {
 public:
  struct Attribute {
    double f = 0;
    std::int64_t i = 0;
    std::vector<std::int64_t> ints;
  };
  struct Node {
    std::string op, output;
    std::vector<std::string> inputs;
    std::map<std::string, Attribute> attributes;
  };

  std::int64_t ir_version = 0, opset = 0;
  std::map<std::string, std::string> metadata;
  std::map<std::string, std::vector<std::string>> shapes;  // of inputs and outputs, numbers as text
  std::vector<std::string> outputs;
  std::map<std::string, Tensor> constants;
  std::vector<Node> nodes;

  explicit ReadOnnx(std::string_view bytes) {
    for (ProtobufReader model(bytes); model.next();) {
      if (model.field == 1) ir_version = signed_of(model.value);
      if (model.field == 7) read_graph(model.part);
      if (model.field == 8) opset = signed_of(number(model.part, 2));
      if (model.field == 14) metadata[std::string(text(model.part, 1))] = text(model.part, 2);
    }
  }

  /// Computes the only output from the inputs, in float64 with float32's weights.
  Tensor run(std::map<std::string, Tensor> values) const {
    for (auto& [name, value] : values) value = value.to(torch::kFloat64);
    for (const auto& [name, value] : constants)
      values[name] = value.is_floating_point() ? value.to(torch::kFloat64) : value;
    for (const auto& node : nodes) {
      std::vector<Tensor> inputs;
      for (const auto& input : node.inputs) inputs.push_back(values.at(input));
      values[node.output] = compute(node, inputs);
    }
    return values.at(outputs.at(0));
  }

 private:
  static std::int64_t signed_of(std::uint64_t value) { return static_cast<std::int64_t>(value); }
  static std::string_view text(std::string_view message, unsigned field) {
    for (ProtobufReader reader(message); reader.next();)
      if (reader.field == field) return reader.part;
    return {};
  }
  static std::uint64_t number(std::string_view message, unsigned field) {
    for (ProtobufReader reader(message); reader.next();)
      if (reader.field == field) return reader.value;
    return 0;
  }

  void read_graph(std::string_view bytes) {
    for (ProtobufReader graph(bytes); graph.next();) {
      if (graph.field == 1) read_node(graph.part);
      if (graph.field == 5) read_constant(graph.part);
      if (graph.field == 11 || graph.field == 12) read_value(graph.part);
      if (graph.field == 12) outputs.emplace_back(text(graph.part, 1));
    }
  }
  void read_node(std::string_view bytes) {
    Node out;
    for (ProtobufReader node(bytes); node.next();) {
      if (node.field == 1) out.inputs.emplace_back(node.part);
      if (node.field == 2) out.output = node.part;
      if (node.field == 4) out.op = node.part;
      if (node.field != 5) continue;
      Attribute attribute;
      for (ProtobufReader one(node.part); one.next();) {
        if (one.field == 2) {
          float value = 0;
          std::memcpy(&value, one.part.data(), 4);
          attribute.f = value;
        }
        if (one.field == 3) attribute.i = signed_of(one.value);
        if (one.field == 8) attribute.ints.push_back(signed_of(one.value));
      }
      out.attributes[std::string(text(node.part, 1))] = attribute;
    }
    nodes.push_back(out);
  }
  void read_constant(std::string_view bytes) {
    std::vector<std::int64_t> shape;
    for (ProtobufReader tensor(bytes); tensor.next();)
      if (tensor.field == 1) shape.push_back(signed_of(tensor.value));
    const auto type = number(bytes, 2);
    if (type != 1 && type != 7) throw std::runtime_error("a constant of an unknown type");
    auto value = torch::empty(shape, type == 1 ? torch::kFloat32 : torch::kInt64);
    const auto raw = text(bytes, 9);
    if (raw.size() != value.nbytes()) throw std::runtime_error("a constant of another size than its shape");
    std::memcpy(value.data_ptr(), raw.data(), raw.size());
    constants[std::string(text(bytes, 8))] = value;
  }
  void read_value(std::string_view bytes) {
    auto& shape = shapes[std::string(text(bytes, 1))];
    for (ProtobufReader dimensions(text(text(text(bytes, 2), 1), 2)); dimensions.next();) {
      const auto name = text(dimensions.part, 2);
      shape.push_back(name.empty() ? std::to_string(number(dimensions.part, 1)) : std::string(name));
    }
  }

  static Tensor convolve(const Node& node, const std::vector<Tensor>& x) {
    const auto ints = [&](const char* name, std::vector<std::int64_t> otherwise) {
      const auto found = node.attributes.find(name);
      return found == node.attributes.end() ? otherwise : found->second.ints;
    };
    const auto group = node.attributes.contains("group") ? node.attributes.at("group").i : 1;
    const auto pads = ints("pads", {0, 0, 0, 0}), strides = ints("strides", {1, 1});
    if (pads[0] != pads[2] || pads[1] != pads[3]) throw std::runtime_error("unequal pads");
    const std::vector<std::int64_t> padding{pads[0], pads[1]};
    const auto bias = x.size() > 2 ? x[2] : Tensor{};
    return node.op == "Conv" ? at::conv2d(x[0], x[1], bias, strides, padding, 1, group)
                             : at::conv_transpose2d(x[0], x[1], bias, strides, padding, 0, group);
  }

  static Tensor compute(const Node& node, const std::vector<Tensor>& x) {
    const auto& op = node.op;
    const auto attribute = [&](const char* name) { return node.attributes.at(name); };
    if (op == "Add") return x.at(0) + x.at(1);
    if (op == "Sub") return x.at(0) - x.at(1);
    if (op == "Mul") return x.at(0) * x.at(1);
    if (op == "Div") return x.at(0) / x.at(1);
    if (op == "Sqrt") return x.at(0).sqrt();
    if (op == "Reciprocal") return x.at(0).reciprocal();
    if (op == "LeakyRelu") return at::where(x.at(0) < 0, x.at(0) * attribute("alpha").f, x.at(0));
    if (op == "Clip") return at::minimum(at::maximum(x.at(0), x.at(1)), x.at(2));
    if (op == "Concat") return at::cat(x, attribute("axis").i);
    if (op == "ReduceMean") return x.at(0).mean(attribute("axes").ints, attribute("keepdims").i != 0);
    if (op == "Gemm") return x.at(0).matmul(attribute("transB").i ? x.at(1).t() : x.at(1)) + x.at(2);
    if (op == "Conv" || op == "ConvTranspose") return convolve(node, x);
    if (op == "Unsqueeze") {
      auto out = x.at(0);
      for (std::int64_t k = 0; k < x.at(1).size(0); ++k) out = out.unsqueeze(x.at(1)[k].item<std::int64_t>());
      return out;
    }
    throw std::runtime_error("the operator " + op + " is not known here");
  }
};

}  // namespace nada::test
