/// What a launcher of several processes says in the environment: torchrun, mpirun or srun.
#pragma once
#include <functional>
#include <string>

namespace nada {

/// Launch says which of how many processes (ranks) this one is, and where they meet.
struct Launch {
  int rank = 0, size = 1;              // of all processes
  int local_rank = 0, local_size = 1;  // of those on this machine, as far as the launcher tells
  std::string host = {};               // machine of rank 0
  int port = 0;                        // where rank 0 listens
};

/// Gives the value of an environment variable; empty where it is not set.
using Environment = std::function<std::string(const char* name)>;

/// Reads the variables of this process.
std::string environment_variable(const char* name);

namespace detail {
/// Returns the number in [least, most] that a variable holds.
/// Errors:  no such variable, or another text in it.
int launch_number(const Environment& environment, const char* name, int least, int most);
}  // namespace detail

/// Returns what the launcher says. The first of these that is there has the word; without any, or with a size of 1, the
/// process is alone.
///  - WORLD_SIZE with RANK, MASTER_ADDR and MASTER_PORT; LOCAL_RANK and LOCAL_WORLD_SIZE: torchrun, or by hand. The port of
///    torchrun is its own, so that rank 0 listens at the next one.
///  - OMPI_COMM_WORLD_SIZE, _RANK, _LOCAL_RANK and _LOCAL_SIZE: mpirun of Open MPI. Where all processes are on one machine,
///    MASTER_ADDR and MASTER_PORT may be left out.
///  - SLURM_STEP_NUM_TASKS with SLURM_PROCID and SLURM_LOCALID: srun, only where MASTER_ADDR is set. Tasks of a job that do
///    not say where they meet are independent programs. MASTER_PORT may be left out.
/// A port that is left out follows from the job's number, so that jobs beside each other have different ones.
/// Errors:  a variable that is missing or holds no number in its range, naming it.
Launch read_launch(const Environment& environment = environment_variable);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/core/launch.ipp"
#endif
