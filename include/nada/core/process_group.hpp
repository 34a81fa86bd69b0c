/// Processes that compute one run together.
#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/launch.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// PeerError says that another process of the group has failed, or that it does not answer any more.
struct PeerError : Error {
  using Error::Error;
};

/// ProcessGroup is a handle of the processes (ranks) that compute one run together; copies are the same group. A group
/// of one, which is the default, does nothing. The functions on numbers are called by all ranks in the same order; each
/// waits for the others. They go through LibTorch's c10d: Gloo, and NCCL for tensors on CUDA where this program was
/// compiled with NCCL (elsewhere those go through the processor's memory).
/// Errors:  PeerError where another rank has ended or does not answer within the time.
class ProcessGroup {
 public:
  /// How long a rank waits for the others' numbers; at the start from one minute to ten.
  static constexpr std::chrono::seconds patience{1800};

  ProcessGroup() = default;
  /// Meets the other processes of the launch.
  /// Errors:  a LibTorch without process groups, where there is more than one rank; a host or port that cannot be had;
  ///          ranks that do not come.
  static ProcessGroup meet(const Launch& launch, std::chrono::milliseconds patience = ProcessGroup::patience);

  int rank() const;
  int size() const;
  int local_rank() const;
  int local_size() const;
  bool is_first() const { return rank() == 0; }
  bool is_alone() const { return size() == 1; }

  /// Adds up the tensors of all ranks, which have the same shape and type. All ranks get the same bits.
  void all_reduce(Tensor& sum) const;
  /// Gives all ranks the tensor of one of them; the shapes and types are the same before.
  void broadcast(Tensor& tensor, int root = 0) const;
  /// Adds up tensors rank after rank, as one process would that adds all that they have in this order: rank 0 calls
  /// add(i, sums[i]) on zeros, each other rank on what the rank before it has left, and all get the last one's. The bits
  /// are those of one process, but for tensors that go through NCCL. `sums` are zeros of the same shapes on each rank.
  void sum_in_order(std::vector<Tensor>& sums, const std::function<void(std::size_t i, Tensor& sum)>& add) const;
  /// Returns the text of rank 0.
  std::string broadcast(const std::string& text) const;
  /// Returns whether the condition holds on any rank.
  bool any(bool condition) const;
  /// Refuses texts that differ between the ranks. `what` says what the text is, for the error: "the options".
  void require_same(const std::string& text, const std::string& what) const;

  /// Leaves the group because of an error, so that no other rank waits for this one: the others get a PeerError with
  /// the text. Returns whether this rank should tell the user: not where another rank has told the same.
  bool leave(const std::string& text, bool of_peer) const;

 private:
  struct Meeting;
  enum class Exchange { sum, broadcast, send, receive };
  void run(Tensor& tensor, Exchange what, int other = 0) const;
  bool has_nccl(const Tensor& tensor) const;
  [[noreturn]] void fail_by_peer(const std::string& reason) const;

  std::shared_ptr<Meeting> meeting_;
};

/// Returns the group of this process: alone until join_launched_group() was called.
const ProcessGroup& world();
/// Joins the processes that the environment tells of (read_launch()). NADA_RANK_TIMEOUT, in seconds, replaces the time
/// that a rank waits for the others.
void join_launched_group();
/// Leaves the group: from here on this process is alone.
void leave_launched_group();
/// Refuses to run in a group. `program` does not share its work: "pretrain_encoder".
void require_one_process(const std::string& program);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/core/process_group.ipp"
#endif
