#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/trained_leaves.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(training_trained_leaves, *boost::unit_test::tolerance(1e-12))

using namespace nada;
using test::random;
using test::same_bits;

namespace {

/// Leaves "a" [3], "b" [2, 2] and "c" [2].
TrainedLeaves three_leaves() {
  return TrainedLeaves({{"c", random({2}, 3)}, {"a", random({3}, 1)}, {"b", random({2, 2}, 2)}});
}
std::vector<Tensor> gradients_of_step(std::uint64_t step) {
  return {random({3}, 10 * step + 1), random({2, 2}, 10 * step + 2), random({2}, 10 * step + 3)};
}
std::vector<std::string> names_of(const TrainedLeaves& leaves) {
  std::vector<std::string> out;
  for (const auto& [name, leaf] : leaves.leaves()) out.push_back(name);
  return out;
}

/// Algorithm 1 of arXiv:1412.6980 for all numbers of a leaf.
struct Naive {
  Tensor x, m = torch::zeros_like(x), v = torch::zeros_like(x);
  int t = 0;
  void update(const Tensor& g, const Adam& adam) {
    ++t;
    m = adam.beta1 * m + (1 - adam.beta1) * g;
    v = adam.beta2 * v + (1 - adam.beta2) * g * g;
    x = x -
        adam.rate * (m / (1 - std::pow(adam.beta1, t))) / ((v / (1 - std::pow(adam.beta2, t))).sqrt() + adam.epsilon);
  }
};

}  // namespace

// -------------------- which leaves there are

BOOST_AUTO_TEST_CASE(are_copies_of_the_values_and_require_gradients) {
  const auto value = random({2, 3}, 1);
  const TrainedLeaves leaves({{"turned", value.t()}});
  const auto& leaf = leaves["turned"];
  BOOST_TEST(leaf.requires_grad());
  BOOST_TEST(leaf.is_contiguous());
  BOOST_TEST(same_bits(leaf.detach(), value.t()));
  {
    const torch::NoGradGuard no_grad;
    value.zero_();
  }
  BOOST_TEST(test::number(leaf.detach().abs().min()) > 0);
  BOOST_TEST(!leaves.moments("turned").first.defined());
}

BOOST_AUTO_TEST_CASE(are_listed_in_the_order_of_their_names) {
  const auto leaves = three_leaves();
  BOOST_TEST(names_of(leaves) == (std::vector<std::string>{"a", "b", "c"}), boost::test_tools::per_element());
  const auto list = leaves.list();
  BOOST_TEST_REQUIRE(list.size() == 3U);
  BOOST_TEST(list[0].is_same(leaves["a"]));
  BOOST_TEST(list[1].is_same(leaves["b"]));
  BOOST_TEST(list[2].is_same(leaves["c"]));
}

BOOST_AUTO_TEST_CASE(one_that_is_put_is_that_tensor_with_what_was_kept_of_it) {
  auto leaves = three_leaves();
  const auto added = random({4}, 7);
  leaves.put("ab", added);
  BOOST_TEST(leaves["ab"].is_same(added));
  BOOST_TEST(leaves.moments("ab").steps == 0);
  BOOST_TEST(names_of(leaves) == (std::vector<std::string>{"a", "ab", "b", "c"}), boost::test_tools::per_element());
  leaves.put("a", added, {random({4}, 8), random({4}, 9), 5});
  BOOST_TEST(leaves.list().size() == 4U);
  BOOST_TEST(leaves["a"].is_same(added));
  BOOST_TEST(leaves.moments("a").steps == 5);
  BOOST_TEST(same_bits(leaves.moments("a").second, random({4}, 9)));
  leaves.put("a", added);  // replaced again: nothing is left of what was kept before
  BOOST_TEST(leaves.moments("a").steps == 0);
  BOOST_TEST(!leaves.moments("a").first.defined());
}

BOOST_AUTO_TEST_CASE(one_that_is_erased_is_gone_with_what_was_kept_of_it) {
  auto leaves = three_leaves();
  leaves.update(Adam{}, gradients_of_step(1));
  leaves.erase("b");
  BOOST_TEST(!leaves.has("b"));
  BOOST_TEST(leaves.has("c"));
  BOOST_TEST(names_of(leaves) == (std::vector<std::string>{"a", "c"}), boost::test_tools::per_element());
  BOOST_TEST(error_of([&] { leaves["b"]; }) == "there is no trained tensor b");
  leaves.erase("b");  // nothing to do
  BOOST_TEST(leaves.list().size() == 2U);
  leaves.put("b", random({2, 2}, 5));
  BOOST_TEST(leaves.moments("b").steps == 0);
}

// -------------------- how they move

BOOST_AUTO_TEST_CASE(each_moves_by_adam_with_its_own_count_and_stands_still_without_a_gradient) {
  const Adam adam{0.1, 0.9, 0.99, 1e-8};
  auto leaves = three_leaves();
  std::vector<Naive> naive;
  for (const auto& leaf : leaves.list()) naive.push_back({leaf.detach().clone()});
  for (std::uint64_t step = 0; step < 4; ++step) {
    auto gradients = gradients_of_step(step);
    if (step % 2 == 1) gradients[1] = Tensor{};
    leaves.update(adam, gradients);
    for (std::size_t i = 0; i < naive.size(); ++i) {
      if (gradients[i].defined()) naive[i].update(gradients[i], adam);
      BOOST_TEST((test::largest_difference(leaves.list()[i].detach(), naive[i].x) < 1e-12));
    }
  }
  BOOST_TEST(leaves.moments("a").steps == 4);
  BOOST_TEST(leaves.moments("b").steps == 2);
  BOOST_TEST((test::largest_difference(leaves.moments("b").second, naive[1].v) < 1e-12));
  BOOST_TEST(leaves["a"].requires_grad());
  BOOST_TEST(leaves["a"].is_leaf());  // no graph of the update hangs on it
}

BOOST_AUTO_TEST_CASE(one_that_moves_by_its_name_moves_as_all_do_and_alone) {
  auto all = three_leaves(), one = three_leaves();
  for (std::uint64_t step = 0; step < 3; ++step) {
    const auto gradients = gradients_of_step(step);
    all.update(Adam{}, gradients);
    one.update(Adam{}, "b", gradients[1]);
  }
  BOOST_TEST(same_bits(one["b"].detach(), all["b"].detach()));
  BOOST_TEST(one.moments("b").steps == 3);
  BOOST_TEST(same_bits(one["a"].detach(), random({3}, 1)));
  BOOST_TEST(one.moments("a").steps == 0);
}

BOOST_AUTO_TEST_CASE(decay_takes_away_its_share_times_the_rate_where_there_is_a_gradient) {
  const Adam adam{.rate = 0.1};
  auto leaves = three_leaves();
  auto gradients = gradients_of_step(1);
  gradients[2] = Tensor{};
  leaves.update(adam, gradients, [](const std::string& name) { return name == "b" ? 0.0 : 0.5; });
  const auto first_step = [](const Tensor& g) { return 0.1 * g / (g.abs() + 1e-8); };
  BOOST_TEST(
      (test::largest_difference(leaves["a"].detach(), 0.95 * random({3}, 1) - first_step(gradients[0])) < 1e-12));
  BOOST_TEST((test::largest_difference(leaves["b"].detach(), random({2, 2}, 2) - first_step(gradients[1])) < 1e-12));
  BOOST_TEST(same_bits(leaves["c"].detach(), random({2}, 3)));
}

BOOST_AUTO_TEST_CASE(a_gradient_that_is_not_finite_moves_nothing_and_names_the_leaf) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<double>> bad{{NAN, 1}, {1, infinity}, {-infinity, 1}, {infinity, -infinity}};
  for (const auto& numbers : bad) {
    auto leaves = three_leaves();
    leaves.update(Adam{}, gradients_of_step(0));
    const auto moments = leaves.moments("a").second.clone();
    const auto before = leaves["a"].detach().clone();
    auto gradients = gradients_of_step(1);
    gradients[2] = torch::tensor(numbers, torch::kFloat64);
    BOOST_TEST(error_of([&] { leaves.update(Adam{}, gradients); }) == "the gradient of c is not finite");
    BOOST_TEST(same_bits(leaves["a"].detach(), before));
    BOOST_TEST(same_bits(leaves.moments("a").second, moments));
    for (const auto& name : names_of(leaves)) BOOST_TEST(leaves.moments(name).steps == 1, name);
  }
}

BOOST_AUTO_TEST_CASE(a_lazy_adam_has_rate_and_betas_to_the_power_of_its_share_of_steps) {
  const Adam adam{0.01, 0.5, 0.99, 1e-6};
  const auto four = lazy(adam, 4);
  BOOST_TEST(four.rate == 0.008);
  BOOST_TEST(four.beta1 == std::pow(0.5, 0.8));
  BOOST_TEST(four.beta2 == std::pow(0.99, 0.8));
  BOOST_TEST(four.epsilon == 1e-6);
  BOOST_TEST(lazy(adam, 0).rate == 0.01);
  BOOST_TEST(lazy(adam, 0).beta2 == 0.99);
}

// -------------------- how they are kept

BOOST_AUTO_TEST_CASE(saved_and_loaded_ones_take_the_same_steps) {
  const Adam adam{0.1, 0.9, 0.99, 1e-8};
  auto saved = three_leaves();
  for (std::uint64_t step = 0; step < 3; ++step) {
    auto gradients = gradients_of_step(step);
    gradients[2] = Tensor{};  // "c" never had a gradient
    saved.update(adam, gradients);
  }
  TensorMap out;
  saved.save("net.", out);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : out) names.push_back(name);
  const std::vector<std::string> expected{"net.a",       "net.a#first",  "net.a#second", "net.a#steps", "net.b",
                                          "net.b#first", "net.b#second", "net.b#steps",  "net.c"};
  BOOST_TEST(names == expected, boost::test_tools::per_element());
  TrainedLeaves loaded({{"a", torch::zeros({3}, torch::kFloat64)},
                        {"b", torch::zeros({2, 2}, torch::kFloat64)},
                        {"c", torch::zeros({2}, torch::kFloat64)}});
  loaded.update(adam, gradients_of_step(9));  // what it did before is forgotten
  const auto leaf = loaded["a"];
  loaded.load("net.", out, "the file");
  BOOST_TEST(loaded["a"].is_same(leaf));  // networks go on to hold it
  BOOST_TEST(loaded.moments("c").steps == 0);
  BOOST_TEST(!loaded.moments("c").first.defined());
  BOOST_TEST(loaded.moments("b").steps == 3);
  for (std::uint64_t step = 3; step < 5; ++step) {
    saved.update(adam, gradients_of_step(step));
    loaded.update(adam, gradients_of_step(step));
  }
  for (const auto& name : names_of(saved)) {
    BOOST_TEST(same_bits(saved[name].detach(), loaded[name].detach()), name);
    BOOST_TEST(same_bits(saved.moments(name).first, loaded.moments(name).first), name);
    BOOST_TEST(same_bits(saved.moments(name).second, loaded.moments(name).second), name);
  }
}

BOOST_AUTO_TEST_CASE(tensors_that_are_missing_or_have_another_shape_are_refused) {
  auto leaves = three_leaves();
  leaves.update(Adam{}, gradients_of_step(1));
  TensorMap whole;
  leaves.save("", whole);
  const auto error_with = [&](const std::string& name, const Tensor& value) {
    auto damaged = whole;
    damaged.erase(name);
    if (value.defined()) damaged[name] = value;
    return error_of([&] { three_leaves().load("", damaged, "the file"); });
  };
  BOOST_TEST(error_with("a", whole.at("a")) == "");
  BOOST_TEST(error_with("b", {}) == "the file: tensor b is missing");
  BOOST_TEST(error_with("b#second", {}) == "the file: tensor b#second is missing");
  BOOST_TEST(error_with("b", torch::zeros({4}, torch::kFloat64)) ==
             "the file: tensor b has shape [4], expected [2, 2]");
}

BOOST_AUTO_TEST_SUITE_END()
