// What launchers of several processes say in the environment.
#include <boost/test/unit_test.hpp>

#include <map>
#include <string>

#include "nada/core/error.hpp"
#include "nada/core/launch.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(core_launch)

using namespace nada;

namespace {

using Variables = std::map<std::string, std::string>;

Launch launch_of(const Variables& variables) {
  return read_launch([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  });
}
Variables with(Variables variables, const std::string& name, const std::string& value) {
  variables[name] = value;
  return variables;
}
void check_alone(const Variables& variables) {
  const auto launch = launch_of(variables);
  BOOST_TEST((launch.rank == 0 && launch.size == 1 && launch.local_rank == 0 && launch.local_size == 1));
  BOOST_TEST(launch.host.empty());
}

const Variables by_hand{{"WORLD_SIZE", "4"}, {"RANK", "3"}, {"MASTER_ADDR", "node7"}, {"MASTER_PORT", "29500"}};
const Variables mpirun{{"OMPI_COMM_WORLD_SIZE", "4"},
                       {"OMPI_COMM_WORLD_RANK", "2"},
                       {"OMPI_COMM_WORLD_LOCAL_RANK", "2"},
                       {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                       {"PMIX_NAMESPACE", "1234567.0"}};
const Variables srun{{"SLURM_JOB_ID", "77"},        {"SLURM_STEP_ID", "0"}, {"SLURM_NTASKS", "4"},
                     {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_PROCID", "3"},  {"SLURM_LOCALID", "1"},
                     {"MASTER_ADDR", "node1"}};

}  // namespace

BOOST_AUTO_TEST_CASE(without_a_launcher_a_process_is_alone) {
  check_alone({});
  check_alone({{"RANK", "3"}, {"MASTER_ADDR", "node7"}});
  check_alone({{"WORLD_SIZE", "1"}, {"RANK", "0"}});
  check_alone({{"WORLD_SIZE", ""}, {"RANK", ""}});
  check_alone({{"OMPI_COMM_WORLD_SIZE", "1"}});
}

BOOST_AUTO_TEST_CASE(rank_and_world_size_are_taken_as_they_are) {
  const auto launch = launch_of(by_hand);
  BOOST_TEST(launch.rank == 3);
  BOOST_TEST(launch.size == 4);
  BOOST_TEST(launch.local_rank == 0);
  BOOST_TEST(launch.local_size == 1);
  BOOST_TEST(launch.host == "node7");
  BOOST_TEST(launch.port == 29500);
}

BOOST_AUTO_TEST_CASE(the_port_of_torchrun_is_its_own) {
  const auto launch =
      launch_of(with(with(with(by_hand, "LOCAL_RANK", "1"), "LOCAL_WORLD_SIZE", "2"), "TORCHELASTIC_RUN_ID", "none"));
  BOOST_TEST(launch.local_rank == 1);
  BOOST_TEST(launch.local_size == 2);
  BOOST_TEST(launch.port == 29501);
}

BOOST_AUTO_TEST_CASE(mpirun_on_one_machine_needs_no_address) {
  const auto launch = launch_of(mpirun);
  BOOST_TEST(launch.rank == 2);
  BOOST_TEST(launch.size == 4);
  BOOST_TEST(launch.local_rank == 2);
  BOOST_TEST(launch.local_size == 4);
  BOOST_TEST(launch.host == "127.0.0.1");
  BOOST_TEST((launch.port >= 20000 && launch.port < 32000));
  BOOST_TEST(launch_of(with(mpirun, "OMPI_COMM_WORLD_RANK", "0")).port == launch.port);
  BOOST_TEST(launch_of(with(mpirun, "PMIX_NAMESPACE", "1234568.0")).port != launch.port);
  BOOST_TEST(launch_of(with(mpirun, "MASTER_PORT", "4711")).port == 4711);
}

BOOST_AUTO_TEST_CASE(mpirun_on_several_machines_needs_an_address) {
  const auto spread = with(mpirun, "OMPI_COMM_WORLD_LOCAL_SIZE", "2");
  BOOST_TEST(error_of([&] { launch_of(spread); }) ==
             "mpirun started processes on several machines: say where rank 0 is, with mpirun -x MASTER_ADDR=HOST");
  BOOST_TEST(launch_of(with(spread, "MASTER_ADDR", "node1")).host == "node1");
}

BOOST_AUTO_TEST_CASE(srun_counts_where_an_address_is_said) {
  const auto launch = launch_of(srun);
  BOOST_TEST(launch.rank == 3);
  BOOST_TEST(launch.size == 4);
  BOOST_TEST(launch.local_rank == 1);
  BOOST_TEST(launch.host == "node1");
  BOOST_TEST((launch.port >= 20000 && launch.port < 32000));
  BOOST_TEST(launch_of(with(srun, "SLURM_JOB_ID", "78")).port != launch.port);
  BOOST_TEST(launch_of(with(srun, "MASTER_PORT", "4711")).port == 4711);
}

BOOST_AUTO_TEST_CASE(slurm_is_not_taken_by_accident) {
  check_alone(with(srun, "MASTER_ADDR", ""));           // independent tasks
  check_alone(with(srun, "SLURM_STEP_NUM_TASKS", ""));  // a batch script without srun, in a job of four tasks
  check_alone(with(srun, "SLURM_STEP_NUM_TASKS", "1"));
}

BOOST_AUTO_TEST_CASE(rank_and_world_size_go_before_mpirun_and_srun) {
  auto all = by_hand;
  all.insert(mpirun.begin(), mpirun.end());
  all.insert(srun.begin(), srun.end());
  BOOST_TEST(launch_of(all).rank == 3);
  BOOST_TEST(launch_of(all).port == 29500);
  all.erase("WORLD_SIZE");
  BOOST_TEST(launch_of(all).rank == 2);
  check_alone(with(all, "WORLD_SIZE", "1"));
}

BOOST_AUTO_TEST_CASE(what_is_missing_or_wrong_is_named) {
  const auto error = [](const Variables& variables) { return error_of([&] { launch_of(variables); }); };
  BOOST_TEST(error(with(by_hand, "RANK", "")) ==
             "several processes were started, but the environment variable RANK is not set");
  BOOST_TEST(error(with(by_hand, "RANK", "4")) ==
             "the environment variable RANK is '4', expected a number from 0 to 3");
  BOOST_TEST(error(with(by_hand, "WORLD_SIZE", "four")) ==
             "the environment variable WORLD_SIZE is 'four', expected a number from 1 to 1048576");
  BOOST_TEST(error(with(by_hand, "MASTER_ADDR", "")) ==
             "WORLD_SIZE is 4, but MASTER_ADDR, the machine of rank 0, is not set");
  BOOST_TEST(error(with(by_hand, "MASTER_PORT", "65536")) ==
             "the environment variable MASTER_PORT is '65536', expected a number from 1 to 65535");
  BOOST_TEST(error(with(srun, "SLURM_PROCID", "-1")) ==
             "the environment variable SLURM_PROCID is '-1', expected a number from 0 to 3");
}

BOOST_AUTO_TEST_SUITE_END()
