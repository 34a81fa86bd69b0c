#include "serve/jobs.hpp"

#include <chrono>
#include <stdexcept>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(serve_jobs)

using namespace nada::serve;

namespace {

JobQueue::Work until_stopped() {
  return [](const std::atomic<bool>& stop) {
    while (!stop) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return false;
  };
}
JobState settled(const JobQueue& jobs, const std::string& id) {
  for (int i = 0; i < 5000; ++i) {
    const auto state = jobs.view(id)->state;
    if (state != JobState::queued && state != JobState::running) return state;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return jobs.view(id)->state;
}
void wait_running(const JobQueue& jobs, const std::string& id) {
  while (jobs.view(id)->state == JobState::queued) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}
template <class Body>
void expect_status(int status, Body body) {
  BOOST_CHECK_EXCEPTION(body(), Refusal, [&](const Refusal& refused) { return refused.status == status; });
}

}  // namespace

BOOST_AUTO_TEST_CASE(jobs_run_one_at_a_time_in_order) {
  JobQueue jobs(9);
  std::vector<int> order;
  std::atomic<int> at_once = 0, most = 0;
  for (int i = 0; i < 5; ++i)
    jobs.submit(std::to_string(i), [&, i](const std::atomic<bool>&) {
      most = std::max<int>(most, ++at_once);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      order.push_back(i);
      --at_once;
      return true;
    });
  BOOST_TEST((settled(jobs, "4") == JobState::done));
  BOOST_TEST((order == std::vector<int>{0, 1, 2, 3, 4}));
  BOOST_TEST(most == 1);
}

BOOST_AUTO_TEST_CASE(the_queue_is_bounded_and_tells_positions) {
  JobQueue jobs(2);
  jobs.submit("a", until_stopped());
  wait_running(jobs, "a");
  jobs.submit("b", until_stopped());
  jobs.submit("c", until_stopped());
  BOOST_TEST(jobs.view("a")->position == 0U);
  BOOST_TEST(jobs.view("b")->position == 1U);
  BOOST_TEST(jobs.view("c")->position == 2U);
  expect_status(429, [&] { jobs.submit("d", until_stopped()); });
  expect_status(429, [&] { jobs.require_room(); });
  BOOST_TEST(!jobs.view("d").has_value());
}

BOOST_AUTO_TEST_CASE(a_queued_job_is_taken_out_and_a_running_one_asked_to_stop) {
  std::vector<std::string> ended;
  JobQueue jobs(9);
  jobs.on_end = [&](const std::string& id, JobState, const std::string&) { ended.push_back(id); };
  jobs.submit("a", until_stopped());
  wait_running(jobs, "a");
  jobs.submit("b", until_stopped());
  expect_status(409, [&] { jobs.submit("b", until_stopped()); });
  jobs.cancel("b");
  BOOST_TEST((jobs.view("b")->state == JobState::stopped));
  BOOST_TEST((ended == std::vector<std::string>{"b"}));
  jobs.cancel("a");
  BOOST_TEST((settled(jobs, "a") == JobState::stopped));
  expect_status(409, [&] { jobs.cancel("a"); });
  expect_status(409, [&] { jobs.cancel("nobody"); });
  jobs.submit("a", [](const std::atomic<bool>& stop) { return !stop; });  // again
  BOOST_TEST((settled(jobs, "a") == JobState::done));
}

BOOST_AUTO_TEST_CASE(a_job_that_throws_fails_with_the_first_line_and_the_next_one_runs) {
  JobQueue jobs(9);
  jobs.submit("a", [](const std::atomic<bool>&) -> bool { throw std::runtime_error("no disk\ntrace"); });
  jobs.submit("b", [](const std::atomic<bool>&) { return true; });
  BOOST_TEST((settled(jobs, "a") == JobState::failed));
  BOOST_TEST(jobs.view("a")->message == "no disk");
  BOOST_TEST((settled(jobs, "b") == JobState::done));
}

BOOST_AUTO_TEST_CASE(closing_stops_what_runs_begins_nothing_and_tells_of_no_end) {
  int ended = 0;
  JobQueue jobs(9);
  jobs.on_end = [&](const std::string&, JobState, const std::string&) { ++ended; };
  jobs.submit("a", until_stopped());
  wait_running(jobs, "a");
  jobs.submit("b", until_stopped());
  jobs.close();
  BOOST_TEST((jobs.view("a")->state == JobState::stopped));
  BOOST_TEST((jobs.view("b")->state == JobState::queued));
  BOOST_TEST(ended == 0);
  expect_status(429, [&] { jobs.submit("c", until_stopped()); });
}

BOOST_AUTO_TEST_CASE(a_job_that_was_taken_before_is_taken_into_a_full_queue) {
  JobQueue jobs(1);
  jobs.submit("a", until_stopped());
  wait_running(jobs, "a");
  jobs.submit("b", until_stopped());
  expect_status(429, [&] { jobs.submit("c", until_stopped()); });
  jobs.submit("c", until_stopped(), /*surely=*/true);
  BOOST_TEST(jobs.view("c")->position == 2U);
}

BOOST_AUTO_TEST_CASE(the_desk_works_in_turn_and_refuses_a_crowd_and_one_who_asks_for_much) {
  Desk desk(3, /*most_of_one=*/2);
  std::atomic<bool> go = false, began = false;
  desk.ask("a", [&] {
    began = true;
    while (!go) std::this_thread::yield();
  });
  while (!began) std::this_thread::yield();
  std::vector<int> order;
  desk.ask("a", [&] { order.push_back(1); });
  desk.ask("a", [&] { order.push_back(2); });
  expect_status(429, [&] { desk.ask("a", [] {}); });
  std::atomic<bool> last = false;
  desk.ask("b", [&] {
    order.push_back(3);
    last = true;
  });
  expect_status(429, [&] { desk.ask("c", [] {}); });
  go = true;
  while (!last) std::this_thread::yield();
  BOOST_TEST((order == std::vector<int>{1, 2, 3}));
  desk.close();
  expect_status(429, [&] { desk.ask("c", [] {}); });
}

BOOST_AUTO_TEST_SUITE_END()
