// Bodies of process_group.hpp.
#pragma once
#include "nada/core/process_group.hpp"

// LibTorch's CMake package says by USE_C10D_GLOO that it has Gloo, whose own headers are a package of their own (libgloo-dev).
#if defined(USE_C10D_GLOO) && __has_include(<torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>) && \
    __has_include(<gloo/rendezvous/store.h>)
#define NADA_HAS_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#if defined(USE_C10D_NCCL) && __has_include(<nccl.h>) && __has_include(<cuda_runtime.h>)
#define NADA_HAS_NCCL
#include <torch/cuda.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#endif

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "nada/core/config.hpp"

namespace nada {

/// What a rank holds of its group.
struct ProcessGroup::Meeting {
  Launch launch;
  std::chrono::milliseconds patience{};
#ifdef NADA_HAS_GLOO
  c10::intrusive_ptr<c10d::TCPStore> store;  // kept by rank 0; empty where it does not answer any more
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
#endif
#ifdef NADA_HAS_NCCL
  c10::intrusive_ptr<c10d::ProcessGroupNCCL> nccl;
#endif
};

namespace detail {

/// The group of this process.
NADA_INLINE ProcessGroup& launched_group() {
  static ProcessGroup group;
  return group;
}

#ifdef NADA_HAS_GLOO
NADA_INLINE std::vector<std::uint8_t> store_value(const std::string& text) { return {text.begin(), text.end()}; }

/// Returns the network that Gloo goes through: the loopback where rank 0 is named by it, the interface that
/// GLOO_SOCKET_IFNAME names, or that of this machine's name.
NADA_INLINE std::shared_ptr<gloo::transport::Device> gloo_device(const std::string& host) {
  if (const auto name = environment_variable("GLOO_SOCKET_IFNAME"); !name.empty())
    return c10d::ProcessGroupGloo::createDeviceForInterface(name);
  if (host == "127.0.0.1" || host == "localhost") return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1");
  return c10d::ProcessGroupGloo::createDefaultDevice();
}
#endif

#ifdef NADA_HAS_NCCL
/// Makes a group whose waits end with an error where another rank has gone.
NADA_INLINE c10::intrusive_ptr<c10d::ProcessGroupNCCL> join_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                                                 const Launch& launch,
                                                                 std::chrono::milliseconds patience) {
  setenv("NCCL_BLOCKING_WAIT", "1", /*replace=*/0);
  setenv("TORCH_NCCL_BLOCKING_WAIT", "1", /*replace=*/0);  // its name from LibTorch 2.2 on
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = patience;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(c10::make_intrusive<c10d::PrefixStore>("nccl", store), launch.rank,
                                                     launch.size, options);
}
#endif

}  // namespace detail

#ifdef NADA_HAS_GLOO
NADA_INLINE ProcessGroup ProcessGroup::meet(const Launch& launch, std::chrono::milliseconds patience) {
  ProcessGroup out;
  if (launch.size == 1) return out;
  auto meeting = std::make_shared<Meeting>();
  meeting->launch = launch;
  meeting->patience = patience;
  const auto for_start =
      std::clamp<std::chrono::milliseconds>(patience, std::chrono::minutes(1), std::chrono::minutes(10));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(for_start).count();
  const auto place = join(launch.host, ":", launch.port);
  c10d::TCPStoreOptions at;
  at.port = static_cast<std::uint16_t>(launch.port);
  at.isServer = launch.rank == 0;
  at.numWorkers = launch.size;
  at.waitWorkers = false;
  at.timeout = for_start;
  try {
    meeting->store = c10::make_intrusive<c10d::TCPStore>(launch.host, at);
  } catch (const std::exception& error) {
    if (at.isServer) fail("rank 0 cannot listen at ", place, ": ", first_line(error.what()));
    fail("rank ", launch.rank, " did not reach rank 0 at ", place, " within ", seconds, " s");
  }
  try {
    auto options = c10d::ProcessGroupGloo::Options::create(patience);
    options->devices.push_back(detail::gloo_device(launch.host));
    meeting->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::PrefixStore>("gloo", meeting->store), launch.rank, launch.size, options);
  } catch (const std::exception& error) {
    fail("the ", launch.size, " ranks did not all meet at ", place, " within ", seconds, " s (",
         first_line(error.what()), ")");
  }
#ifdef NADA_HAS_NCCL
  if (torch::cuda::device_count() > 0) meeting->nccl = detail::join_nccl(meeting->store, launch, patience);
#endif
  out.meeting_ = std::move(meeting);
  return out;
}
#else
NADA_INLINE ProcessGroup ProcessGroup::meet(const Launch& launch, std::chrono::milliseconds) {
  require(launch.size == 1, launch.size,
          " ranks were started, but this program was compiled without process groups: ", "its LibTorch (",
          TORCH_VERSION, ") has no Gloo, or Gloo's headers were not there");
  return {};
}
#endif

NADA_INLINE int ProcessGroup::rank() const { return meeting_ ? meeting_->launch.rank : 0; }
NADA_INLINE int ProcessGroup::size() const { return meeting_ ? meeting_->launch.size : 1; }
NADA_INLINE int ProcessGroup::local_rank() const { return meeting_ ? meeting_->launch.local_rank : 0; }
NADA_INLINE int ProcessGroup::local_size() const { return meeting_ ? meeting_->launch.local_size : 1; }

NADA_INLINE void ProcessGroup::all_reduce(Tensor& sum) const { run(sum, Exchange::sum); }
NADA_INLINE void ProcessGroup::broadcast(Tensor& tensor, int root) const { run(tensor, Exchange::broadcast, root); }

NADA_INLINE bool ProcessGroup::has_nccl([[maybe_unused]] const Tensor& tensor) const {
#ifdef NADA_HAS_NCCL
  return meeting_ && meeting_->nccl != nullptr && tensor.is_cuda();
#else
  return false;
#endif
}

NADA_INLINE void ProcessGroup::sum_in_order(std::vector<Tensor>& sums,
                                            const std::function<void(std::size_t i, Tensor& sum)>& add) const {
  const torch::NoGradGuard no_grad;
  const bool at_once = std::any_of(sums.begin(), sums.end(), [&](const Tensor& sum) { return has_nccl(sum); });
  for (std::size_t i = 0; i < sums.size(); ++i) {  // a rank adds to a tensor while the next one adds to that before it
    if (!at_once && rank() > 0) run(sums[i], Exchange::receive, rank() - 1);
    add(i, sums[i]);
    if (!at_once && rank() < size() - 1) run(sums[i], Exchange::send, rank() + 1);
  }
  if (is_alone()) return;
  for (auto& sum : sums) {
    if (at_once)
      all_reduce(sum);
    else
      broadcast(sum, size() - 1);
  }
}

NADA_INLINE void ProcessGroup::run([[maybe_unused]] Tensor& tensor, [[maybe_unused]] Exchange what,
                                   [[maybe_unused]] int other) const {
  if (is_alone()) return;
#ifdef NADA_HAS_GLOO
  require(meeting_->gloo != nullptr, "this rank has left its group");
  const torch::NoGradGuard no_grad;
  const auto exchange = [&](auto& group, const Tensor& numbers) {
    std::vector<Tensor> one{numbers};
    try {
      c10d::BroadcastOptions from;
      from.rootRank = other;
      const auto work = what == Exchange::sum         ? group.allreduce(one)
                        : what == Exchange::broadcast ? group.broadcast(one, from)
                        : what == Exchange::send      ? group.send(one, other, /*tag=*/0)
                                                      : group.recv(one, other, /*tag=*/0);
      work->wait(meeting_->patience);
    } catch (const std::exception& error) {
      fail_by_peer(error.what());
    }
  };
#ifdef NADA_HAS_NCCL
  if (has_nccl(tensor)) {
    tensor = tensor.contiguous();
    exchange(*meeting_->nccl, tensor);
    return;
  }
#endif
  const auto numbers = tensor.cpu().contiguous();
  exchange(*meeting_->gloo, numbers);
  if (what != Exchange::send) tensor = numbers.to(tensor.device());
#endif
}

NADA_INLINE std::string ProcessGroup::broadcast(const std::string& text) const {
  if (is_alone()) return text;
  auto length = torch::full({1}, static_cast<std::int64_t>(text.size()), torch::kInt64);
  broadcast(length);
  const auto count = length.item<std::int64_t>();
  if (count == 0) return {};
  auto bytes = torch::zeros({count}, torch::kUInt8);
  if (is_first()) std::memcpy(bytes.data_ptr(), text.data(), text.size());
  broadcast(bytes);
  return {static_cast<const char*>(bytes.data_ptr()), static_cast<std::size_t>(count)};
}

NADA_INLINE bool ProcessGroup::any(bool condition) const {
  if (is_alone()) return condition;
  auto count = torch::full({1}, condition ? 1 : 0, torch::kInt64);
  all_reduce(count);
  return count.item<std::int64_t>() > 0;
}

NADA_INLINE void ProcessGroup::require_same(const std::string& text, const std::string& what) const {
  if (is_alone()) return;
  require(broadcast(text) == text, what, " of rank ", rank(), " differ from those of rank 0: all ranks need the same");
}

NADA_INLINE void ProcessGroup::fail_by_peer(const std::string& reason) const {
#ifdef NADA_HAS_GLOO
  if (reason.find("imed out") != std::string::npos || reason.find("timeout") != std::string::npos) {
    meeting_->store.reset();  // where rank 0 is the one that is silent, its store is silent too
    throw PeerError(nada::join("another of the ", size(), " ranks did not answer for ",
                               std::chrono::duration_cast<std::chrono::seconds>(meeting_->patience).count(), " s"));
  }
  try {  // a rank that fails says why, and then closes its connections
    for (int i = 0; meeting_->store != nullptr && i < 20; ++i) {
      if (meeting_->store->check({"failure"})) {
        const auto said = meeting_->store->get("failure");
        const std::string text(said.begin(), said.end());
        const auto split = text.find('\n');
        throw PeerError(nada::join("rank ", text.substr(0, split), ": ", text.substr(split + 1)));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  } catch (const PeerError&) {
    throw;
  } catch (const std::exception&) {  // rank 0, which kept the store, is gone
    meeting_->store.reset();
  }
#endif
  throw PeerError(nada::join("another of the ", size(), " ranks has ended", reason.empty() ? "" : " without a word"));
}

NADA_INLINE bool ProcessGroup::leave([[maybe_unused]] const std::string& text, [[maybe_unused]] bool of_peer) const {
#ifdef NADA_HAS_GLOO
  if (!meeting_) return true;
  const auto store = std::exchange(meeting_->store, {});
  const auto own = nada::join(rank(), "\n", text);
  std::string posted = own;
  try {
    if (store) {
      const auto value = store->compareSet("failure", {}, detail::store_value(own));
      posted.assign(value.begin(), value.end());
    }
  } catch (const std::exception&) {  // rank 0 is gone, so that nobody else can know
  }
#ifdef NADA_HAS_NCCL
  meeting_->nccl.reset();
#endif
  meeting_->gloo.reset();  // closes the connections: the others see that this rank has gone
  try {
    if (store) store->add("left", 1);
    for (int i = 0; store && is_first() && i < 100 && store->add("left", 0) < size(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));  // so that the others can read why
  } catch (const std::exception&) {
  }
  if (posted == own) return true;
  return posted.substr(posted.find('\n') + 1) != text && (is_first() || !of_peer);
#else
  return true;
#endif
}

NADA_INLINE const ProcessGroup& world() { return detail::launched_group(); }

NADA_INLINE void join_launched_group() {
  std::chrono::milliseconds patience = ProcessGroup::patience;
  if (const auto text = environment_variable("NADA_RANK_TIMEOUT"); !text.empty())
    patience = std::chrono::seconds(detail::launch_number(environment_variable, "NADA_RANK_TIMEOUT", 1, 1 << 20));
  detail::launched_group() = ProcessGroup::meet(read_launch(), patience);
}

NADA_INLINE void leave_launched_group() { detail::launched_group() = {}; }

NADA_INLINE void require_one_process(const std::string& program) {
  const auto launch = read_launch();
  require(launch.size == 1, program, " computes in one process, but ", launch.size,
          " were started: only adapt and experiments like it share a run among several");
}

}  // namespace nada
