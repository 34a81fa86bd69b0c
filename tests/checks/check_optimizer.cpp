#include "nada/checks/check_optimizer.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <memory>
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/training/adafactor.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/optimizer.hpp"
#include "nada/training/sgd.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(checks_check_optimizer)

using namespace nada;

namespace {

template <class O>
std::string error(const O& optimizer) {
  return error_of([&] { check_part(optimizer); });
}
bool tells(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct AnyRate : Sgd {
  void check() const {}
};
struct Uphill : Sgd {
  void move(Tensor& leaf, const Tensor& gradient, Moments&) const { leaf.add_(gradient, rate); }
};
struct FixedStep : Sgd {
  void move(Tensor& leaf, const Tensor& gradient, Moments&) const { leaf.add_(gradient.sign(), -0.01); }
};
struct Elsewhere : Sgd {
  void move(Tensor& leaf, const Tensor& gradient, Moments&) const { leaf = leaf - rate * gradient; }
};
struct ChangesGradient : Sgd {
  void move(Tensor& leaf, const Tensor& gradient, Moments&) const {
    Tensor(gradient).mul_(2);
    leaf.add_(gradient, -rate);
  }
};
struct KeepsGradient : Sgd {
  void move(Tensor& leaf, const Tensor& gradient, Moments& moments) const {
    moments.second = gradient;
    leaf.add_(gradient, -rate);
  }
};
struct NotFinite : Sgd {
  void move(Tensor& leaf, const Tensor& gradient, Moments&) const { leaf.div_(gradient * 0); }
};
/// A momentum that all leaves share.
struct OneMemory : Sgd {
  std::shared_ptr<double> length = std::make_shared<double>(0);
  void move(Tensor& leaf, const Tensor& gradient, Moments&) const {
    *length = 0.5 * *length + gradient.abs().mean().item<double>();
    leaf.add_(gradient, -rate * *length);
  }
};
/// Counts its steps in the moments, under a name that files do not keep.
struct HiddenCount : Sgd {
  void move(Tensor& leaf, const Tensor& gradient, Moments& moments) const {
    auto& length = (*lengths)[moments.others.at("key").item<double>()];
    length = 0.5 * length + 1;
    leaf.add_(gradient, -rate * length);
  }
  Moments begin(const Tensor&) const {
    Moments out;
    out.others["key"] = torch::tensor(++*leaves, torch::kFloat64);
    return out;
  }
  std::shared_ptr<std::map<double, double>> lengths = std::make_shared<std::map<double, double>>();
  std::shared_ptr<double> leaves = std::make_shared<double>(0);
};
/// Steps by the sign, with a momentum of its own: what a user may write.
struct Lion {
  static constexpr std::string_view name = "lion";
  double rate = 0.001;
  void check() const { require_rate(rate); }
  Moments begin(const Tensor& leaf) const { return {torch::zeros_like(leaf), {}}; }
  void move(Tensor& leaf, const Tensor& gradient, Moments& moments) const {
    leaf.add_((0.9 * moments.first + 0.1 * gradient).sign(), -rate);
    moments.first.mul_(0.99).add_(gradient, 0.01);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_optimizers_of_the_framework_and_one_of_a_users_own_pass) {
  BOOST_TEST(error(Adam{}) == "");
  BOOST_TEST(error(Adam{.beta1 = 0.9}) == "");
  BOOST_TEST(error(AdamW{}) == "");
  BOOST_TEST(error(Sgd{}) == "");
  BOOST_TEST(error(Sgd{.momentum = 0.9, .weight_decay = 0.1}) == "");
  BOOST_TEST(error(Adafactor{}) == "");
  BOOST_TEST(error(Lion{}) == "");
}

BOOST_AUTO_TEST_CASE(each_broken_rule_is_told_in_one_sentence) {
  BOOST_TEST(tells(error(AnyRate{}), "takes a learning rate of -1"));
  BOOST_TEST(tells(error(Uphill{}), "moves uphill"));
  BOOST_TEST(tells(error(FixedStep{}), "does not multiply its step by `rate`"));
  BOOST_TEST(tells(error(Elsewhere{}), "does not move the leaf in place"));
  BOOST_TEST(tells(error(ChangesGradient{}), "changes the gradient"));
  BOOST_TEST(tells(error(KeepsGradient{}), "keeps the gradient itself"));
  BOOST_TEST(tells(error(NotFinite{}), "not finite after a step"));
  Sgd wrong;
  wrong.momentum = 2;
  BOOST_TEST(tells(error(wrong), "refuses its own settings: the momentum is 2"));
}

BOOST_AUTO_TEST_CASE(what_is_remembered_outside_the_moments_is_found) {
  BOOST_TEST(tells(error(OneMemory{}), "remembers something outside the moments"));
  BOOST_TEST(tells(error(HiddenCount{}), "after the moments were saved and read"));
}

BOOST_AUTO_TEST_SUITE_END()
