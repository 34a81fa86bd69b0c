#include "nada/formats/model_file.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "nada/formats/file.hpp"
#include "nada/formats/model_container.hpp"
#include "support/files.hpp"
#include "support/pickles.hpp"

BOOST_AUTO_TEST_SUITE(formats_model_file)

using namespace nada;
using namespace nada::test;
using namespace nada::test::pickle;

namespace {

ModelContainer opened(const std::string& bytes) { return ModelContainer::from_bytes(as_bytes(bytes), "a.pt"); }
ModelContainer opened(std::string&& gone_before_its_views) = delete;

std::string floats(std::string_view key, std::int64_t number) {
  return tensor(storage("FloatStorage", key, number), 0, {number}, {1});
}
std::string error_in(const std::string& bytes) {
  const TemporaryFolder folder;
  write_text(folder / "a.pt", bytes);
  const auto text = error_of([&] { ModelFile::open(folder / "a.pt"); });
  return text.substr(text.find("a.pt"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(objects_of_any_class_may_stand_beside_weights) {
  // What checkpoints were found to hold beside their weights: each is passed over, and none is run.
  const auto none = tuple();
  const std::vector<std::string> beside = {
      call(global("datetime", "datetime"), tuple(bytes("0123456789"))),
      call(global("datetime", "timedelta"), tuple("K\1", "K\1", "K\1")),
      call(global("decimal", "Decimal"), tuple(text("0.1"))),
      call(global("fractions", "Fraction"), tuple(text("1/3"))),
      global("uuid", "UUID") + ")\x81}(" + text("int") + "K\1ub",
      global("types", "SimpleNamespace") + ")R}(" + text("lr") + "K\1ub",
      global("easydict", "EasyDict") + ")\x81(" + text("lr") + "K\1u}b",
      global("omegaconf.dictconfig", "DictConfig") + ")\x81}(" + text("_content") + "}ub",
      call(global("project.config", "Mode"), tuple("K\1")),
      global("torch.optim.lr_scheduler", "StepLR") + ")\x81}(" + text("gamma") + "K\1ub",
      call(global("torch._utils", "_rebuild_sparse_tensor"), tuple(global("torch", "sparse_coo"), none)),
      tensor(storage("ComplexFloatStorage", "1", 1), 0, {1}, {1}),
      call(call(global("builtins", "getattr"), tuple("N", text("f"))), none),
      call(global("functools", "partial"), tuple(global("os", "system")))};
  for (const auto& object : beside) {
    const auto bytes = torch_archive(dict(text("g"), dict(text("w"), floats("0", 1)), text("more"), object),
                                     {{"0", 1, raw(1.0F)}, {"1", 1, std::string(8, '\0')}});
    const auto file = opened(bytes);
    BOOST_TEST(file.components() == std::vector<std::string>{"g"}, boost::test_tools::per_element());
    BOOST_TEST(dense(file.tensors("g").at(0)) == raw(1.0F));
    BOOST_TEST(file.unreadable("g").empty());
  }
  const auto wanted = torch_archive(dict(text("w"), beside[10], text("v"), floats("0", 1)), {{"0", 1, raw(1.0F)}});
  BOOST_REQUIRE(opened(wanted).unreadable().size() == 1U);
  BOOST_TEST(opened(wanted).unreadable()[0].first == "w");
  BOOST_TEST(opened(wanted).unreadable()[0].second == "torch._utils._rebuild_sparse_tensor");
}

BOOST_AUTO_TEST_CASE(a_pickle_that_would_call_something_says_what) {
  const auto hostile = torch_archive(call(global("os", "system"), tuple(text("true"))), {});
  BOOST_TEST(
      error_in(hostile) ==
      "a.pt: holds no tensors by name, expected a model; the pickle wants to call os.system, which was not done");
}

BOOST_AUTO_TEST_SUITE_END()
