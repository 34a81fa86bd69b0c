#include "nada/core/device.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <torch/cuda.h>
#include <sstream>
#include <string>
#include <vector>
#include "nada/core/error.hpp"

BOOST_AUTO_TEST_SUITE(core_device)

namespace {

std::string refusal(const std::string& device) {
  try {
    nada::parse_device(device);
  } catch (const nada::Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

BOOST_AUTO_TEST_CASE(devices_are_named_by_words) {
  BOOST_TEST(nada::parse_device("cpu").is_cpu());
  BOOST_TEST(nada::parse_device("auto").is_cuda() == torch::cuda::is_available());
  for (const std::string& wrong : std::vector<std::string>{"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "CPU"}) {
    BOOST_TEST(refusal(wrong) == "device must be auto, cpu, cuda or cuda:N, not '" + wrong + "'");
  }
}

BOOST_AUTO_TEST_CASE(cuda_is_refused_clearly_where_there_is_none) {
  if (torch::cuda::is_available()) {
    BOOST_TEST((nada::parse_device("cuda") == torch::Device(torch::kCUDA, 0)));
    BOOST_TEST(refusal("cuda:99").find("does not exist") != std::string::npos);
  } else {
    BOOST_TEST(refusal("cuda").find("device cuda was asked for, but") == 0U);
    BOOST_TEST(refusal("cuda:1").find("device cuda:1 was asked for, but") == 0U);
  }
}

BOOST_AUTO_TEST_CASE(convolutions_agree_with_plain_products) { BOOST_TEST(nada::convolutions_are_right()); }

BOOST_AUTO_TEST_CASE(which_libtorch_runs_is_told_with_the_file_it_came_from) {
  const auto told = nada::libtorch_origin();
  BOOST_TEST(told.starts_with("LibTorch " + nada::libtorch_version() + " (/"));
  BOOST_TEST(told.find("libtorch") != std::string::npos);
  BOOST_TEST(told.find(torch::cuda::is_available() ? ") with CUDA, devices: " : ") with") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(memory_that_was_freed_is_used_again_without_page_faults) {
  nada::keep_freed_memory();
  const auto faults = [] {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
  };
  const auto ten_times = [&faults] {
    const auto before = faults();
    for (int i = 0; i < 10; ++i) {
      std::vector<torch::Tensor> held;  // 80 MiB at once, 20480 pages
      for (int k = 0; k < 5; ++k) held.push_back(torch::zeros({4 << 20}));
    }
    return faults() - before;
  };
  // Where small blocks come to lie behind large ones, the first rounds take new memory.
  auto fewest = ten_times();
  for (int i = 0; i < 5; ++i) fewest = std::min(fewest, ten_times());
  BOOST_TEST(fewest < 2000);  // 204800 where all is given back
}

// Output and both gradients of 3 x 3 kernels, by whatever programs compute with and by LibTorch's own loops.
BOOST_AUTO_TEST_CASE(convolutions_agree_with_plain_ones) {
  auto& context = at::globalContext();
  const bool enabled = context.userEnabledMkldnn();
  const auto wave = [](std::vector<std::int64_t> size, double speed) {
    std::int64_t n = 1;
    for (const auto s : size) n *= s;
    return (torch::arange(n, torch::kFloat32) * speed).sin().view(size);
  };
  for (const std::int64_t o : {3, 8, 16}) {
    const auto x = wave({4, 12, 8, 8}, 0.7), weight = wave({o, 12, 3, 3}, 1.3), gradient = wave({4, o, 8, 8}, 2.1);
    std::vector<torch::Tensor> found[2];
    for (const bool plain : {false, true}) {
      context.setUserEnabledMkldnn(enabled && !plain);
      const auto backward = at::convolution_backward(gradient, x, weight, c10::nullopt, {1, 1}, {1, 1}, {1, 1}, false,
                                                     {0, 0}, 1, {true, true, false});
      found[plain] = {at::conv2d(x, weight, {}, 1, 1), std::get<0>(backward), std::get<1>(backward)};
    }
    context.setUserEnabledMkldnn(enabled);
    for (std::size_t k = 0; k < 3; ++k)
      BOOST_TEST(at::allclose(found[0][k], found[1][k], 1e-3, 1e-2), "part " << k << " with " << o << " channels");
  }
}

BOOST_AUTO_TEST_CASE(threads_are_set_and_zero_means_all) {
  const int before = at::get_num_threads();
  nada::use_threads(1);
  BOOST_TEST(at::get_num_threads() == 1);
  if (void* const symbol = dlsym(RTLD_DEFAULT, "openblas_get_num_threads")) {
    BOOST_TEST(reinterpret_cast<int (*)()>(symbol)() == 1);
  }
  nada::use_threads(0);
  BOOST_TEST(at::get_num_threads() == static_cast<int>(std::thread::hardware_concurrency()));
  BOOST_CHECK_THROW(nada::use_threads(-1), nada::Error);
  nada::use_threads(before);
}

BOOST_AUTO_TEST_CASE(precision_follows_what_the_processor_multiplies_in) {
  const auto lists = [](const std::string& text) {
    std::istringstream in(text);
    return nada::detail::lists_bfloat16(in);
  };
  BOOST_TEST(lists("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 gfni\n"));
  BOOST_TEST(lists("flags\t\t: fpu amx_bf16\n"));
  BOOST_TEST(lists("Features\t: fp asimd bf16\n"));
  BOOST_TEST(!lists("flags\t\t: fpu avx2 avx512f avx512_vnni\n"));
  BOOST_TEST(!lists("model name\t: with bf16 in its name\nflags\t\t: fpu\n"));
  BOOST_TEST(!lists(""));
  BOOST_TEST(nada::settled_precision("auto") == (nada::multiplies_bfloat16() ? "bfloat16" : "float32"));
  BOOST_TEST(nada::settled_precision("bfloat16") == "bfloat16");
  BOOST_TEST(nada::settled_precision("float32") == "float32");
  BOOST_CHECK_THROW(nada::settled_precision("float16"), nada::Error);
  BOOST_TEST((nada::products_in("bfloat16") == torch::kBFloat16));
  BOOST_TEST(!nada::products_in("float32").has_value());
}

BOOST_AUTO_TEST_CASE(the_machine_can_be_described) {
  BOOST_TEST(!nada::processor_name().empty());
  BOOST_TEST(nada::libtorch_version().find('.') != std::string::npos);
  BOOST_TEST(nada::peak_memory_mb() > 1.0);
  const double start = nada::seconds_now();
  BOOST_TEST(nada::seconds_now() >= start);
}

BOOST_AUTO_TEST_SUITE_END()
