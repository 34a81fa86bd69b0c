// Bodies of onnx.hpp.
#pragma once
#include "nada/formats/onnx.hpp"

#include <array>
#include <set>
#include <string_view>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/protobuf.hpp"

namespace nada {

namespace detail {

/// Numbers of fields in onnx.proto.
struct OnnxFields {
  static constexpr unsigned ir_version = 1, producer_name = 2, producer_version = 3, model_doc = 6, graph = 7;
  static constexpr unsigned opset_import = 8, metadata_props = 14;                               // ModelProto
  static constexpr unsigned opset_domain = 1, opset_version = 2;                                 // OperatorSetIdProto
  static constexpr unsigned key = 1, value = 2;                                                  // StringStringEntry
  static constexpr unsigned node = 1, graph_name = 2, initializer = 5, input = 11, output = 12;  // GraphProto
  static constexpr unsigned node_input = 1, node_output = 2, node_name = 3, op = 4, attribute = 5;  // NodeProto
  static constexpr unsigned attribute_name = 1, f = 2, i = 3, ints = 8, type = 20;                  // AttributeProto
  static constexpr unsigned dims = 1, data_type = 2, tensor_name = 8, raw_data = 9;                 // TensorProto
  static constexpr unsigned info_name = 1, info_type = 2, info_doc = 3;                             // ValueInfoProto
  static constexpr unsigned tensor_type = 1, elem_type = 1, shape = 2, dim = 1, dim_value = 1, dim_param = 2;
  static constexpr std::uint64_t float_attribute = 1, int_attribute = 2, ints_attribute = 7;
};

/// Returns TensorProto's number of an element type.
NADA_INLINE std::uint64_t onnx_type(DType dtype) {
  constexpr std::array<std::uint64_t, 10> types{11, 1, 10, 16, 7, 6, 5, 3, 2, 9};  // in the order of DType
  return types.at(static_cast<std::size_t>(dtype));
}

/// Returns a copy of a whole number as protocol buffers take it.
inline std::uint64_t unsigned_of(std::int64_t value) { return static_cast<std::uint64_t>(value); }

NADA_INLINE std::string onnx_attribute(const OnnxAttribute& attribute) {
  using F = OnnxFields;
  ProtobufWriter out;
  out.part(F::attribute_name, attribute.name);
  if (const auto* const number = std::get_if<float>(&attribute.value)) {
    out.number(F::f, *number).whole(F::type, F::float_attribute);
  } else if (const auto* const whole = std::get_if<std::int64_t>(&attribute.value)) {
    out.whole(F::i, unsigned_of(*whole)).whole(F::type, F::int_attribute);
  } else {
    for (const auto one : std::get<std::vector<std::int64_t>>(attribute.value)) out.whole(F::ints, unsigned_of(one));
    out.whole(F::type, F::ints_attribute);
  }
  return out.bytes();
}

NADA_INLINE std::string onnx_node(const OnnxNode& node) {
  using F = OnnxFields;
  ProtobufWriter out;
  for (const auto& input : node.inputs) out.part(F::node_input, input);
  out.part(F::node_output, node.output).part(F::node_name, node.output).part(F::op, node.op);
  for (const auto& attribute : node.attributes) out.part(F::attribute, onnx_attribute(attribute));
  return out.bytes();
}

NADA_INLINE std::string onnx_value(const OnnxValue& value) {
  using F = OnnxFields;
  ProtobufWriter shape, tensor, type, out;
  for (const auto& size : value.shape) {
    ProtobufWriter dimension;
    if (const auto* const number = std::get_if<std::int64_t>(&size))
      dimension.whole(F::dim_value, unsigned_of(*number));
    else
      dimension.part(F::dim_param, std::get<std::string>(size));
    shape.part(F::dim, dimension.bytes());
  }
  tensor.whole(F::elem_type, onnx_type(DType::f32)).part(F::shape, shape.bytes());
  type.part(F::tensor_type, tensor.bytes());
  out.part(F::info_name, value.name).part(F::info_type, type.bytes());
  if (!value.about.empty()) out.part(F::info_doc, value.about);
  return out.bytes();
}

/// Returns a constant's message up to its numbers, as a field of the graph.
NADA_INLINE std::string onnx_constant_head(const OnnxConstant& constant) {
  using F = OnnxFields;
  ProtobufWriter head, out;
  for (const auto size : constant.shape) head.whole(F::dims, unsigned_of(size));
  head.whole(F::data_type, onnx_type(constant.dtype)).part(F::tensor_name, constant.name);
  head.part_of(F::raw_data, constant.bytes.size());
  out.part_of(F::initializer, head.bytes().size() + constant.bytes.size());
  return out.bytes() + head.bytes();
}

/// Refuses a graph in which a value is named twice or is used before it is there.
NADA_INLINE void require_complete(const std::filesystem::path& path, const OnnxModel& model) {
  std::set<std::string_view> known;
  const auto add = [&](const std::string& name) {
    require(!name.empty() && known.insert(name).second, "cannot write ", path, ": the value ", in_quotes(name),
            " of the graph is there twice or has no name");
  };
  const auto use = [&](const std::string& name, const std::string& by) {
    require(known.contains(name), "cannot write ", path, ": ", by, " reads the value ", in_quotes(name),
            ", which is not there yet");
  };
  for (const auto& input : model.inputs) add(input.name);
  for (const auto& constant : model.constants) {
    add(constant.name);
    const auto elements = checked_count(constant.shape, size_of(constant.dtype));
    require(elements && static_cast<std::size_t>(*elements) * size_of(constant.dtype) == constant.bytes.size(),
            "cannot write ", path, ": the constant ", in_quotes(constant.name), " of shape ", shown(constant.shape),
            " has ", constant.bytes.size(), " bytes");
  }
  for (const auto& node : model.nodes) {
    for (const auto& input : node.inputs) use(input, "the node " + in_quotes(node.output));
    add(node.output);
  }
  for (const auto& output : model.outputs) use(output.name, "the graph's output");
}

}  // namespace detail

NADA_INLINE void save_onnx(const std::filesystem::path& path, const OnnxModel& model) {
  using F = detail::OnnxFields;
  detail::require_complete(path, model);
  ProtobufWriter before, values, head, opset, foot;  // constants stand between nodes and inputs
  for (const auto& node : model.nodes) before.part(F::node, detail::onnx_node(node));
  before.part(F::graph_name, model.name);
  for (const auto& input : model.inputs) values.part(F::input, detail::onnx_value(input));
  for (const auto& output : model.outputs) values.part(F::output, detail::onnx_value(output));
  auto size = before.bytes().size() + values.bytes().size();
  std::vector<std::string> heads;
  for (const auto& constant : model.constants) {
    heads.push_back(detail::onnx_constant_head(constant));
    size += heads.back().size() + constant.bytes.size();
  }
  head.whole(F::ir_version, OnnxModel::ir_version).part(F::producer_name, "nada");
  if (!model.producer.empty()) head.part(F::producer_version, model.producer);
  if (!model.about.empty()) head.part(F::model_doc, model.about);
  head.part_of(F::graph, size);
  opset.part(F::opset_domain, "").whole(F::opset_version, OnnxModel::opset);  // "": the default domain
  foot.part(F::opset_import, opset.bytes());
  for (const auto& [key, value] : model.metadata)
    foot.part(F::metadata_props, ProtobufWriter().part(F::key, key).part(F::value, value).bytes());
  constexpr std::uint64_t limit = (std::uint64_t{1} << 31) - 1;
  require(head.bytes().size() + size + foot.bytes().size() <= limit, "cannot write ", path,
          ": an ONNX file holds less than 2 GiB");
  AtomicFile file(path);
  file.write(std::string_view(head.bytes()));
  file.write(std::string_view(before.bytes()));
  for (std::size_t k = 0; k < heads.size(); ++k) {
    file.write(std::string_view(heads[k]));
    file.write(std::string_view(model.constants[k].bytes));
  }
  file.write(std::string_view(values.bytes()));
  file.write(std::string_view(foot.bytes()));
  file.commit();
}

}  // namespace nada
