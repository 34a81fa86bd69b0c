#include "nada/core/parallel.hpp"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <torch/autograd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "nada/core/tensor.hpp"

BOOST_AUTO_TEST_SUITE(core_parallel)

using namespace nada;

BOOST_AUTO_TEST_CASE(calls_run_at_the_same_time_in_a_parallel_region) {
  const auto in_region = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_in_parallel"));
  BOOST_TEST_REQUIRE((in_region != nullptr));
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  std::mutex mutex;
  std::condition_variable arrived;
  std::set<std::thread::id> threads;
  int inside = 0;
  for_each_in_threads(3, [&](int) {
    std::unique_lock lock(mutex);
    threads.insert(std::this_thread::get_id());
    inside += in_region();
    arrived.notify_all();
    // Each call waits for the two others: one after the other would wait in vain.
    arrived.wait_for(lock, std::chrono::seconds(60), [&] { return threads.size() == 3; });
  });
  BOOST_TEST(threads.size() == 3U);
  BOOST_TEST(inside == 3);
  BOOST_TEST(in_region() == 0);
  at::set_num_threads(before);
}

BOOST_AUTO_TEST_CASE(no_more_calls_run_at_the_same_time_than_there_are_threads) {
  const int before = at::get_num_threads();
  for (const int count : {1, 2}) {
    at::set_num_threads(count);
    std::atomic<int> inside = 0, most = 0, made = 0;
    for_each_in_threads(6, [&](int) {
      const int now = ++inside;
      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      --inside;
      ++made;
    });
    BOOST_TEST(most <= count);
    BOOST_TEST(made == 6);
  }
  at::set_num_threads(before);
}

BOOST_AUTO_TEST_CASE(each_call_is_made_once_and_computes_what_it_computes_alone) {
  const auto product = [](int i) {
    const auto a = torch::arange(10'000, torch::kFloat64).view({100, 100}) / (i + 1);
    return a.matmul(a).sum().item<double>();
  };
  std::vector<double> found(5);
  for_each_in_threads(5, [&](int i) { found[static_cast<std::size_t>(i)] += product(i); });
  for (int i = 0; i < 5; ++i) BOOST_TEST(found[static_cast<std::size_t>(i)] == product(i));
  for_each_in_threads(0, [](int) { BOOST_FAIL("there is nothing to call"); });
}

BOOST_AUTO_TEST_CASE(convolutions_and_their_gradients_are_those_of_one_thread) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);  // oneDNN must not wait for a second thread within a call
  const auto gradient = [](int i) {
    const auto x = torch::arange(4 * 8 * 32 * 32, torch::kFloat32).remainder(17 + i).view({4, 8, 32, 32}) / 17;
    const auto w = torch::arange(8 * 8 * 9, torch::kFloat32).remainder(13).view({8, 8, 3, 3}).requires_grad_() / 13;
    return torch::autograd::grad({at::conv2d(x, w, {}, 1, 1).square().sum()}, {w})[0];
  };
  std::vector<Tensor> found(2);
  for_each_in_threads(2, [&](int i) { found[static_cast<std::size_t>(i)] = gradient(i); });
  at::set_num_threads(1);
  for (int i = 0; i < 2; ++i) BOOST_TEST(torch::equal(found[static_cast<std::size_t>(i)], gradient(i)));
  at::set_num_threads(before);
}

BOOST_AUTO_TEST_CASE(the_error_of_the_first_call_comes_out_after_all_calls) {
  std::vector<int> made(4);
  const auto run = [&] {
    for_each_in_threads(4, [&](int i) {
      made[static_cast<std::size_t>(i)] = 1;
      if (i % 2 == 1) throw std::runtime_error(std::to_string(i));
    });
  };
  BOOST_CHECK_EXCEPTION(run(), std::runtime_error, [](const auto& e) { return e.what() == std::string("1"); });
  BOOST_TEST(made == std::vector<int>(4, 1), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(parts_at_the_same_time_are_worth_it_where_half_of_the_threads_have_work) {
  const int before = at::get_num_threads();
  const auto worthwhile = [](int threads, std::size_t parts, bool on_processor = true) {
    at::set_num_threads(threads);
    return is_split_worthwhile(parts, on_processor);
  };
  BOOST_TEST(worthwhile(2, 2));
  BOOST_TEST(worthwhile(4, 2));
  BOOST_TEST(!worthwhile(5, 2));
  BOOST_TEST(!worthwhile(1, 2));
  BOOST_TEST(!worthwhile(2, 1));
  BOOST_TEST(!worthwhile(2, 2, false));
  at::set_num_threads(before);
}

BOOST_AUTO_TEST_SUITE_END()
