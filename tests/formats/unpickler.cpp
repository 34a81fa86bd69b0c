#include "nada/formats/unpickler.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "nada/formats/safetensors.hpp"
#include "support/files.hpp"
#include "support/pickles.hpp"

BOOST_AUTO_TEST_SUITE(formats_unpickler)

using namespace nada;
using namespace nada::test;
using namespace nada::test::pickle;
using Kind = Value::Kind;

namespace {

/// One pickle and the reader that keeps its values.
struct Reading {
  explicit Reading(std::string given) : bytes(std::move(given)), reader("a.pkl", bytes.size()) {
    auto rest = as_bytes(bytes);
    root = &reader.read(rest);
  }
  std::string bytes;
  Unpickler reader;
  const Value* root = nullptr;
};

/// What reading gives in words: "[1, 'a', {'b': None}]".
std::string shown(const Value& value, int depth = 0) {
  if (depth > 5) return "...";
  const auto joined = [&](std::span<const Value* const> items) {
    std::string text;
    for (const auto* const item : items) text += (text.empty() ? "" : ", ") + shown(*item, depth + 1);
    return text;
  };
  switch (value.kind()) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return *value.as_boolean() ? "True" : "False";
    case Kind::integer:
      return std::to_string(*value.as_integer());
    case Kind::big_integer:
      return "big" + std::to_string(value.text().size());
    case Kind::real:
      return join(*value.as_real());
    case Kind::text:
      return "'" + std::string(value.text()) + "'";
    case Kind::bytes:
      return "b'" + std::string(value.text()) + "'";
    case Kind::list:
      return "[" + joined(value.items()) + "]";
    case Kind::tuple:
      return "(" + joined(value.items()) + ")";
    case Kind::set:
      return "set(" + joined(value.items()) + ")";
    case Kind::dict: {
      std::string text;
      for (std::size_t i = 0; i < value.entries(); ++i)
        text += (i > 0 ? ", " : "") + shown(value.key(i), depth + 1) + ": " + shown(value.value(i), depth + 1);
      return "{" + text + "}";
    }
    case Kind::global:
      return "<" + std::string(value.text()) + ">";
    case Kind::object:
      return std::string(value.text()) + (value.arguments() ? shown(*value.arguments(), depth + 1) : "") +
             (value.state() ? shown(*value.state(), depth + 1) : "");
    case Kind::storage:
      return "storage " + std::string(value.as_storage()->key);
    case Kind::tensor:
      return join("tensor ", name_of(value.as_tensor()->dtype), " ", nada::detail::shown(value.as_tensor()->shape));
  }
  return "?";
}

std::string shown(const std::string& bytes) { return shown(*Reading(bytes).root); }
std::string error_in(const std::string& bytes) {
  return error_of([&] { Reading reading(bytes); });
}
bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }
std::string operator""_s(const char* text, std::size_t size) { return {text, size}; }

}  // namespace

BOOST_AUTO_TEST_CASE(plain_values_of_every_protocol) {
  // What Python 3 writes for {'a': [1, -2, 300, 70000, 2**40, True, None, 1.5], 'b': (b'x', 'é')}, and older forms.
  BOOST_TEST(shown("(dp0\nVa\np1\n(lp2\nI1\naI-2\naI300\naI70000\naL1099511627776L\naI01\naNaF1.5\nas.") ==
             "{'a': [1, -2, 300, 70000, 1099511627776, True, None, 1.5]}");
  BOOST_TEST(shown("}q\0X\1\0\0\0aq\1]q\2(K\1J\xfe\xff\xff\xffM,\1Jp\x11\1\0I01\nNG?\xf8\0\0\0\0\0\0es."_s) ==
             "{'a': [1, -2, 300, 70000, True, None, 1.5]}");
  BOOST_TEST(shown(whole("](K\1\x8a\6\0\0\0\0\0\1\x88\x89\x8a\1\xfe\x8a\0\x8b\1\0\0\0\x7f"
                         "e"_s)) == "[1, 1099511627776, True, False, -2, 0, 127]");
  BOOST_TEST(shown(whole("\x95\x0c\0\0\0\0\0\0\0\x8f\x94(K\1K\2\x90(K\3\x91\x86"_s, 4)) == "(set(1, 2), set(3))");
  BOOST_TEST(shown(whole("\x8d\1\0\0\0\0\0\0\0a\x8e\1\0\0\0\0\0\0\0b\x96\1\0\0\0\0\0\0\0c\x87"_s, 5)) ==
             "('a', b'b', b'c')");
  BOOST_TEST(shown(whole("T\1\0\0\0aU\1bS'c\\x41\\n'\n\x87"_s)) == "('a', 'b', 'cA\n')");
  BOOST_TEST(shown("V\\u20ac\\U0001F600\xe9\n."_s) == "'\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9'");
  BOOST_TEST(shown(whole("\x8a\x09\0\0\0\0\0\0\0\0\1"_s)) == "big9");
  BOOST_TEST(shown(whole("K\1K\2\x30(K\3K\4\x31\x32\x86"_s)) == "(1, 1)");
}

BOOST_AUTO_TEST_CASE(numbers_as_python_writes_them) {
  BOOST_TEST(shown("I9223372036854775807\n.") == "9223372036854775807");
  BOOST_TEST(contains(error_in("I9223372036854775808\n."), "expected an integer of 64 bits"));
  BOOST_TEST(shown("F-1e-3\n.") == "-0.001");
  BOOST_TEST(shown(whole(integer(-1))) == "-1");
  BOOST_TEST(contains(error_in(whole("\x8b\0\0\1\0"_s + std::string(65536, 'x'))), "an integer of 65536 bytes"));
}

BOOST_AUTO_TEST_CASE(the_last_entry_of_a_key_counts) {
  const Reading reading(whole(dict(text("a"), "K\1", text("b"), "K\2", text("a"), "K\3")));
  BOOST_TEST(*reading.root->find("a")->as_integer() == 3);
  BOOST_TEST(reading.root->find("c") == nullptr);
  BOOST_TEST(reading.root->entries() == 3U);
}

BOOST_AUTO_TEST_CASE(known_names_become_plain_values) {
  const auto ordered = global("collections", "OrderedDict");
  BOOST_TEST(shown(whole(call(ordered, ")") + "(" + text("a") + "K\1u" + dict(text("_metadata"), ordered + ")R") +
                         "b")) == "{'a': 1}");
  BOOST_TEST(shown(whole(call(ordered, tuple(list(tuple(text("a"), "K\1")))))) == "{'a': 1}");
  BOOST_TEST(shown(whole(global("dnnlib.util", "EasyDict") + ")\x81(" + text("a") + "K\1u")) == "{'a': 1}");
  BOOST_TEST(shown(whole(call(global("collections", "defaultdict"),
                              tuple(global("builtins", "int"), dict(text("a"), "N"))))) == "{'a': None}");
  BOOST_TEST(shown(whole(call(global("__builtin__", "set"), tuple(list("K\1", "K\2"))))) == "set(1, 2)");
  BOOST_TEST(shown(whole(call(global("torch", "Size"), tuple(tuple("K\1", "K\2"))))) == "(1, 2)");
  BOOST_TEST(shown(whole(call(global("torch", "device"), tuple(text("cpu"))))) == "torch.device('cpu')");
  BOOST_TEST(shown(whole(global("torch", "float16"))) == "<torch.float16>");
  BOOST_TEST(shown(whole(call(global("_codecs", "encode"), tuple(text("a\xc3\xbf"), text("latin1"))))) == "b'a\xff'");
  BOOST_TEST(shown(whole(global("argparse", "Namespace") + ")\x81" + dict(text("lr"), "K\1") + "b")) ==
             "argparse.Namespace(){'lr': 1}");
  BOOST_TEST(shown("ccopy_reg\n_reconstructor\n(cargparse\nNamespace\nc__builtin__\nobject\nNtR(dVa\nI1\nsb."_s) ==
             "argparse.Namespace(<argparse.Namespace>, <__builtin__.object>, None){'a': 1}");
  BOOST_TEST(shown("(iargparse\nNamespace\n."_s) == "argparse.Namespace()");
  BOOST_TEST(shown("(cargparse\nNamespace\nI1\no."_s) == "argparse.Namespace(1)");
  BOOST_TEST(shown(whole(text("torch") + text("Size") + "\x93)R", 4)) == "()");
}

BOOST_AUTO_TEST_CASE(numbers_of_numpy_are_numbers) {
  const auto scalar = [](std::string_view kind, std::string_view order, const std::string& data) {
    const auto dtype = call(global("numpy", "dtype"), tuple(text(kind), "\x89", "\x88")) +
                       tuple("K\3", text(order), "N", "N", "N", integer(-1), integer(-1), "K\0"_s) + "b";
    return shown(whole(call(global("numpy.core.multiarray", "scalar"), tuple(dtype, data)), 3));
  };
  BOOST_TEST(scalar("f8", "<", bytes(raw(1.5))) == "1.5");
  BOOST_TEST(scalar("f4", "<", bytes(raw(2.5F))) == "2.5");
  BOOST_TEST(scalar("i8", "<", bytes(raw(std::int64_t{-7}))) == "-7");
  BOOST_TEST(scalar("b1", "|", bytes("\1")) == "True");
  BOOST_TEST(scalar("f8", "<",
                    call(global("_codecs", "encode"), tuple(text("\0\0\0\0\0\0\xc3\xb0?"_s), text("latin1")))) == "1");
  BOOST_TEST(scalar("f8", ">", bytes(raw(1.5))).starts_with("numpy.core.multiarray.scalar("));
  BOOST_TEST(scalar("f8", "<", bytes("abc")).starts_with("numpy.core.multiarray.scalar("));
}

BOOST_AUTO_TEST_CASE(tensors_share_their_storage) {
  const auto one = tensor(storage("HalfStorage", "0", 6), 0, {2, 3}, {3, 1});
  const auto two = tensor(storage("HalfStorage", "0", 6), 2, {2, 2}, {1, 3});
  const auto wrapped = call(global("torch._utils", "_rebuild_parameter"), tuple(one, "\x88", "}"));
  const Reading reading(whole(list(wrapped, two)));
  const auto* const first = reading.root->items()[0]->as_tensor();
  const auto* const second = reading.root->items()[1]->as_tensor();
  BOOST_TEST_REQUIRE((first != nullptr && second != nullptr));
  BOOST_TEST(first->storage == second->storage);
  BOOST_TEST((first->dtype == DType::f16));
  BOOST_TEST((second->offset == 2 && second->strides == std::vector<std::int64_t>{1, 3}));
  BOOST_TEST(first->storage->size == 12U);
  BOOST_TEST(error_in(whole(list(storage("HalfStorage", "0", 6), storage("FloatStorage", "0", 6)))) ==
             "a.pkl: the storage \"0\" is 12 bytes of F16 in one place and 24 bytes of F32 in another");
  BOOST_TEST(Reading(whole(storage("Size", "0", 6))).root->is_object("torch.Size"));
  BOOST_TEST(contains(error_in(whole(storage("HalfStorage", "0", -1))), "without a proper name and size"));
  BOOST_TEST(contains(error_in(whole(tensor("N", 0, {}, {}))), "with None where a storage is expected"));
  BOOST_TEST(
      contains(error_in(whole(tensor(storage("HalfStorage", "0", 6), 0, {1}, {1, 1}))), "1 dimensions and 2 strides"));
  BOOST_TEST(contains(error_in(whole(tensor(storage("HalfStorage", "0", 6), 0, std::vector<std::int64_t>(65, 1), {}))),
                      "65 dimensions, expected at most 64"));
  const auto typed =
      call(global("torch._utils", "_rebuild_tensor_v3"),
           tuple(tuple(text("storage"), global("torch.storage", "UntypedStorage"), text("0"), text("cpu"), "K\6") + "Q",
                 "K\0"_s, "(K\3t", "(K\1t", "\x89", "}", global("torch", "bfloat16")));
  BOOST_TEST(shown(whole(typed)) == "tensor BF16 [3]");
}

BOOST_AUTO_TEST_CASE(nothing_is_called) {
  // What would have been called is an object that remembers the name and the arguments.
  for (const auto& pickle : {whole(call(global("os", "system"), tuple(text("true")))),
                             whole(text("os") + text("system") + "\x93" + tuple(text("true")) + "R", 4),
                             "(S'true'\nios\nsystem\n."_s, "(cos\nsystem\nS'true'\no."_s}) {
    const Reading reading(pickle);
    BOOST_TEST(reading.root->is_object("os.system"));
    BOOST_TEST(reading.root->arguments()->items()[0]->text() == "true");
    BOOST_TEST(reading.reader.opaque() == "os.system");
  }
  const Reading method(whole(call(call(global("builtins", "getattr"), tuple("N", text("x"))), tuple(text("y")))));
  BOOST_TEST(method.root->is(Value::Kind::object));
  BOOST_TEST(Reading(whole(global("a\x01", std::string(5000, 'b')))).root->text().size() < 2100U);
  BOOST_TEST(contains(error_in(whole("K\1)R")), "calls an integer, expected a function or class"));
  BOOST_TEST(contains(error_in(whole(global("torch", "Size") + "NR")), "wants a tuple, found None"));
  BOOST_TEST(contains(error_in(whole("\x82\1")), "registered extension"));
  BOOST_TEST(contains(error_in(whole("\x97", 5)), "keeps its data elsewhere"));
  BOOST_TEST(contains(error_in(whole("Pkey\n")), "no storage"));
  BOOST_TEST(contains(error_in(whole("N}b")), "sets the state of None"));
}

BOOST_AUTO_TEST_CASE(objects_of_unknown_classes_are_what_they_extend) {
  const Reading dict(whole(global("easydict", "EasyDict") + ")\x81(" + text("lr") + "K\1u}b"));
  BOOST_TEST(dict.root->is(Value::Kind::dict));
  BOOST_TEST(dict.root->find("lr")->as_integer().value() == 1);
  const Reading list(whole(global("some", "List") + ")\x81(K\1K\2e"));
  BOOST_TEST(list.root->items().size() == 2U);
  const Reading date(whole(call(global("datetime", "datetime"), tuple(bytes("0123456789")))));
  BOOST_TEST(date.root->is_object("datetime.datetime"));
}

BOOST_AUTO_TEST_CASE(arrays_of_numpy_are_tensors) {
  const auto dtype = [](const char* kind) {
    return call(global("numpy", "dtype"), tuple(text(kind), "\x89", "\x88")) + tuple("K\3", text("<"), "N") + "b";
  };
  const auto array = [&](const char* kind, std::string_view shape, bool columns_first, const std::string& data) {
    return whole(call(global("numpy.core.multiarray", "_reconstruct"),
                      tuple(global("numpy", "ndarray"), tuple("K\0"_s), bytes("b"))) +
                 tuple("K\1", std::string(shape), dtype(kind), columns_first ? "\x88" : "\x89", bytes(data)) + "b");
  };
  const std::string six(24, '\1');
  BOOST_TEST(shown(array("f4", "K\2K\3\x86", false, six)) == "tensor F32 [2, 3]");
  BOOST_TEST(
      Reading(array("f4", "K\2K\3\x86", true, six)).root->as_tensor()->strides == (std::vector<std::int64_t>{1, 2}),
      boost::test_tools::per_element());
  BOOST_TEST(Reading(array("f4", "K\2K\3\x86", false, six + "x")).root->is(Value::Kind::object));
  BOOST_TEST(Reading(array("c8", "K\3\x85", false, six)).root->is(Value::Kind::object));
}

BOOST_AUTO_TEST_CASE(tensors_of_other_numbers_are_objects) {
  const auto complex = tensor(storage("ComplexFloatStorage", "0", 2), 0, {2}, {1});
  BOOST_TEST(Reading(whole(complex)).root->is_object("torch._utils._rebuild_tensor_v2"));
  // In a stream, the bytes of such a storage are passed over.
  const auto both = pickle::dict(text("c"), complex, text("w"), tensor(storage("FloatStorage", "1", 1), 0, {1}, {1}));
  const auto stream = torch_stream(both, {{"0", 2, std::string(16, '\0')}, {"1", 1, raw(1.0F)}});
  Unpickler reader("a.pt", stream.size());
  const auto& root = reader.read_torch_stream(as_bytes(stream));
  BOOST_TEST(root.find("c")->is(Value::Kind::object));
  BOOST_TEST(root.find("w")->as_tensor()->storage->bytes.size() == 4U);
}

BOOST_AUTO_TEST_CASE(values_that_hold_themselves_are_nothing_special) {
  const Reading list(whole("]q\1h\1a"));
  BOOST_TEST(list.root->items()[0] == list.root);
  const Reading dict(whole("}q\1" + text("me") + "h\1s"));
  BOOST_TEST(dict.root->find("me") == dict.root);
  const Reading object(whole(global("argparse", "Namespace") + ")\x81q\1h\1b"));
  BOOST_TEST(object.root->state() == object.root);
}

BOOST_AUTO_TEST_CASE(deep_nesting_is_refused) {
  const std::string deep = "a.pkl: nests values deeper than 1000";
  BOOST_TEST(error_in(whole(std::string(1'000'000, '('))) == deep);
  BOOST_TEST(error_in(whole(std::string(1'000'000, '(') + std::string(1'000'000, 'l'))) == deep);
  BOOST_TEST(error_in(whole(std::string(100'000, ']') + std::string(99'999, 'a'))) == deep);
  std::string tuples = "N";
  for (int i = 0; i < 100'000; ++i) tuples += '\x85';
  BOOST_TEST(error_in(whole(tuples)) == deep);
  std::string states = "N";
  for (int i = 0; i < 2000; ++i) states = call(global("argparse", "Namespace"), ")") + states + "b";
  BOOST_TEST(error_in(whole(states)) == deep);
}

BOOST_AUTO_TEST_CASE(announced_lengths_are_checked) {
  const auto cut = [](const std::string& bytes) { return contains(error_in(bytes), "it is cut off or damaged"); };
  BOOST_TEST(cut(whole("X\xff\xff\xff\xff"_s)));
  BOOST_TEST(cut(whole("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"_s)));
  BOOST_TEST(cut(whole("\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"_s)));
  BOOST_TEST(cut(whole("\x96\0\0\0\0\0\0\0\x80"_s, 5)));
  BOOST_TEST(cut(whole("\x95\xff\xff\xff\xff\xff\xff\xff\xff"_s)));
  BOOST_TEST(contains(error_in(whole("\x8b\xff\xff\xff\xff"_s)), "announces -1 bytes"));
  BOOST_TEST(contains(error_in(whole("T\xff\xff\xff\xff"_s)), "announces -1 bytes"));
  BOOST_TEST(contains(error_in(whole("j\0\0\0\x80"_s)), "asks for the value 2147483648, which was not kept"));
  BOOST_TEST(shown(whole("Nr\0\0\0\x80j\0\0\0\x80\x86"_s)) == "(None, None)");
  BOOST_TEST(contains(error_in(whole("g18446744073709551616\n")), "expected a number"));
}

BOOST_AUTO_TEST_CASE(few_bytes_cannot_make_many_values) {
  const std::string many = "a.pkl: describes more values than a file of its size has reason to";
  std::string lists;
  for (int i = 0; i < 1'000'000; ++i) lists += "]0";
  BOOST_TEST(error_in(whole(lists + "N")) == many);
  // A long list copied again and again.
  std::string copies = "](" + std::string(10'000, 'N') + "eq\1" + global("builtins", "list") + "q\2";
  for (int i = 0; i < 1000; ++i) copies += "h\2h\1\x85R0";
  BOOST_TEST(error_in(whole(copies + "N")) == many);
  std::string coded = text(std::string(100'000, 'a')) + "q\1" + global("_codecs", "encode") + "q\2";
  for (int i = 0; i < 1000; ++i) coded += "h\2h\1\x85R0";
  BOOST_TEST(error_in(whole(coded + "N")) == many);
}

BOOST_AUTO_TEST_CASE(every_truncation_and_change_is_harmless) {
  const auto module = call(
      global("torch_utils.persistence", "_reconstruct_persistent_obj"),
      tuple(dict(text("type"), text("class"), text("state"),
                 dict(text("_parameters"), dict(text("w"), tensor(storage("FloatStorage", "0", 2), 0, {2}, {1}))))));
  const auto good = whole(module);
  BOOST_TEST(error_in(good).empty());
  for (std::size_t size = 0; size < good.size(); ++size) BOOST_TEST(!error_in(good.substr(0, size)).empty());
  for (std::size_t at = 0; at < good.size(); ++at)
    for (int change = 1; change < 256; change += 7) {
      auto bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      error_in(bytes);  // anything but a crash
    }
}

BOOST_AUTO_TEST_CASE(streams_of_torch_save) {
  const auto object = tensor(storage("FloatStorage", "a", 2), 1, {1}, {1});
  const auto read = [](const std::string& bytes) {
    return error_of([&] { Unpickler("a.pt", bytes.size()).read_torch_stream(as_bytes(bytes)); });
  };
  const auto data = raw(1.0F) + raw(2.0F);
  const auto good = torch_stream(object, {{"a", 2, data}});
  Unpickler reader("a.pt", good.size());
  const auto& root = reader.read_torch_stream(as_bytes(good));
  BOOST_TEST_REQUIRE(root.as_tensor() != nullptr);
  const auto& held = *root.as_tensor()->storage;
  BOOST_TEST((held.resolved && held.bytes.size() == 8U));
  BOOST_TEST((held.bytes.data() == as_bytes(good).data() + good.size() - 8));  // not copied

  for (std::size_t size = 0; size < good.size(); ++size) BOOST_TEST(!read(good.substr(0, size)).empty());
  BOOST_TEST(contains(read(torch_stream(object, {})), "the storage \"a\" is not in the file"));
  BOOST_TEST(contains(read(torch_stream(object, {{"b", 2, data}})), "the storage \"b\" belongs to no tensor"));
  BOOST_TEST(contains(read(torch_stream(object, {{"a", 2, data}, {"a", 2, data}})), "is there twice"));
  BOOST_TEST(contains(read(torch_stream(object, {{"a", 3, data}})), "has 3 elements, the pickle says 2"));
  BOOST_TEST(contains(read(torch_stream(object, {{"a", 2, "1234"}})), "has 8 bytes, and 4 follow"));

  // A part of a storage, as files of 2017 have it.
  const auto part = tuple(text("storage"), global("torch", "FloatStorage"), text("a"), text("cpu"), integer(2),
                          tuple(text("v"), integer(1), integer(1))) +
                    "Q";
  const auto old = torch_stream(list(storage("FloatStorage", "a", 2), part), {{"a", 2, data}});
  Unpickler older("a.pt", old.size());
  const auto& both = older.read_torch_stream(as_bytes(old));
  BOOST_TEST((both.items()[1]->as_storage()->bytes.data() == both.items()[0]->as_storage()->bytes.data() + 4));
  const auto outside = tuple(text("storage"), global("torch", "FloatStorage"), text("a"), text("cpu"), integer(2),
                             tuple(text("v"), integer(1), integer(2))) +
                       "Q";
  BOOST_TEST(contains(read(torch_stream(outside, {{"a", 2, data}})), "that is not inside of it"));
}

BOOST_AUTO_TEST_CASE(a_stream_inside_a_pickle_is_a_storage) {
  const auto stream = torch_stream(storage("FloatStorage", "a", 1), {{"a", 1, raw(3.0F)}});
  const auto load = [](const std::string& given) {
    return call(global("torch.storage", "_load_from_bytes"), tuple(given));
  };
  const Reading reading(whole(tensor(load(bytes(stream)), 0, {1}, {1}), 3));
  const auto& held = *reading.root->as_tensor()->storage;
  BOOST_TEST((held.bytes.size() == 4U && held.dtype == DType::f32));
  BOOST_TEST(contains(error_in(whole(load(bytes(torch_stream("N", {}))), 3)), "holds None, expected a storage"));
  BOOST_TEST(contains(error_in(whole(load("N"), 3)), "is given None, expected bytes"));
  BOOST_TEST(contains(error_in(whole(load(bytes("xyz")), 3)), "no instruction of a pickle"));
  const auto twice = torch_stream(load(bytes(stream)), {});
  BOOST_TEST(contains(error_in(whole(load(bytes(twice)), 3)), "a stream of torch.save inside another"));
}

BOOST_AUTO_TEST_SUITE_END()
