/// Work that outlives the request that asked for it: a bounded queue, one job at a time.
#pragma once
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "http.hpp"

namespace nada::serve {

enum class JobState { queued, running, done, stopped, failed };

inline const char* name_of(JobState state) {
  constexpr const char* names[] = {"queued", "running", "done", "stopped", "failed"};
  return names[static_cast<int>(state)];
}

/// JobView is what the queue knows of a job.
struct JobView {
  JobState state;
  std::size_t position;  // 0: runs or is over; 1: next
  std::size_t waiting;   // length of the queue
  std::string message;   // why it failed
};

/// JobQueue runs jobs by id, in the order of arrival, on one thread. Ended jobs are remembered, at most 1000 of them.
class JobQueue {
 public:
  /// Work does the work of a job; it looks at `stop` now and then and returns whether all of the work was done.
  using Work = std::function<bool(const std::atomic<bool>& stop)>;

  explicit JobQueue(std::size_t most_waiting) : most_waiting_(most_waiting), thread_([this] { run(); }) {}
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;
  ~JobQueue() { close(); }

  /// Refuses as `submit` would, before a job is prepared.
  /// Errors:  Refusal 429.
  void require_room() const {
    const std::lock_guard lock(mutex_);
    require_room_locked();
  }

  /// Puts a job into the queue. `surely` does so in a full queue too: for jobs that were taken before.
  /// Errors:  Refusal 429 where the queue is full, 409 where a job of this id is queued or running.
  void submit(const std::string& id, Work work, bool surely = false) {
    const std::lock_guard lock(mutex_);
    if (!surely) require_room_locked();
    if (const auto at = jobs_.find(id); at != jobs_.end() && !over(at->second->state))
      refuse(409, "the run ", id, " is ", name_of(at->second->state), " already");
    auto job = std::make_shared<Job>();
    job->work = std::move(work);
    jobs_[id] = job;
    waiting_.push_back(id);
    changed_.notify_all();
  }

  /// Takes a queued job out of the queue, or asks a running job to stop.
  /// Errors:  Refusal 404 for an unknown job, 409 for a job that is over.
  void cancel(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto at = jobs_.find(id);
    if (at == jobs_.end()) refuse(409, "the run ", id, " is not running");
    auto& job = *at->second;
    if (over(job.state)) refuse(409, "the run ", id, " is ", name_of(job.state), " already");
    job.stop = true;
    if (job.state == JobState::queued) {
      waiting_.erase(std::find(waiting_.begin(), waiting_.end(), id));
      end(job, id, JobState::stopped);
    }
  }

  std::optional<JobView> view(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto at = jobs_.find(id);
    if (at == jobs_.end()) return {};
    const auto place = std::find(waiting_.begin(), waiting_.end(), id);
    return JobView{at->second->state,
                   place == waiting_.end() ? 0 : static_cast<std::size_t>(place - waiting_.begin()) + 1,
                   waiting_.size(), at->second->message};
  }
  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

  /// Asks the running job to stop and waits for its end. What waits is not begun, and nobody is told of an end.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      waiting_.clear();
      for (auto& [id, job] : jobs_) job->stop = true;
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

  /// The queue calls this function when a job has ended, but for the end that close() makes.
  std::function<void(const std::string& id, JobState, const std::string& message)> on_end;

 private:
  struct Job {
    JobState state = JobState::queued;
    std::string message;
    std::atomic<bool> stop = false;
    Work work;
  };
  static bool over(JobState state) { return state != JobState::queued && state != JobState::running; }
  void require_room_locked() const {
    if (closed_) refuse(429, "the server is closing");
    if (waiting_.size() >= most_waiting_)
      refuse(429, "the queue is full: ", waiting_.size(), " others wait; try again when one has ended");
  }
  void end(Job& job, const std::string& id, JobState state) {
    job.state = state;
    if (on_end && !closed_) on_end(id, state, job.message);
    job.work = {};
    ended_.push_back(id);
    if (ended_.size() <= 1000) return;
    if (const auto at = jobs_.find(ended_.front()); at != jobs_.end() && over(at->second->state)) jobs_.erase(at);
    ended_.pop_front();
  }
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const auto id = waiting_.front();
      waiting_.pop_front();
      const auto job = jobs_.at(id);
      job->state = JobState::running;
      const auto work = job->work;
      lock.unlock();
      auto state = JobState::failed;
      std::string message;
      try {
        state = work(job->stop) ? JobState::done : JobState::stopped;
      } catch (const std::exception& error) {
        message = error.what();
        message.resize(std::min(message.size(), message.find('\n')));
      }
      lock.lock();
      job->message = message;
      end(*job, id, state);
    }
  }

  const std::size_t most_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;
  std::deque<std::string> waiting_, ended_;
  bool closed_ = false;
  std::thread thread_;  // last: the thread uses all members above
};

/// Desk is one thread that computes for all requests in turn, so that many clients do not start many teams of threads.
class Desk {
 public:
  explicit Desk(std::size_t most_waiting, std::size_t most_of_one = 16)
      : most_waiting_(most_waiting), most_of_one_(most_of_one), thread_([this] { run(); }) {}
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;
  ~Desk() { close(); }

  /// Ends the work in progress and does none that waits.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

  /// Does `work`, which throws nothing, when its turn has come; returns at once.
  /// Errors:  Refusal 429 where too many calls wait, of all or of this client.
  void ask(const std::string& client, std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    const auto own =
        std::count_if(waiting_.begin(), waiting_.end(), [&](const auto& one) { return one.first == client; });
    if (closed_ || waiting_.size() >= most_waiting_ || own >= static_cast<std::ptrdiff_t>(most_of_one_))
      refuse(429, "too many pictures are asked for at once; try again in a moment");
    waiting_.emplace_back(client, std::move(work));
    changed_.notify_all();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
      if (closed_) return;
      const auto work = std::move(waiting_.front().second);
      waiting_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
  }

  const std::size_t most_waiting_, most_of_one_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::string, std::function<void()>>> waiting_;  // by client
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace nada::serve
