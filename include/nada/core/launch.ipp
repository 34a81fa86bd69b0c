// Bodies of launch.hpp.
#pragma once
#include "nada/core/launch.hpp"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {

NADA_INLINE int launch_number(const Environment& environment, const char* name, int least, int most) {
  const auto text = environment(name);
  int value = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  require(!text.empty(), "several processes were started, but the environment variable ", name, " is not set");
  require(error == std::errc{} && stop == end && value >= least && value <= most, "the environment variable ", name,
          " is '", text, "', expected a number from ", least, " to ", most);
  return value;
}

/// Returns launch_number(), or `otherwise` where the variable is not set.
NADA_INLINE int launch_number_or(int otherwise, const Environment& environment, const char* name, int least, int most) {
  return environment(name).empty() ? otherwise : launch_number(environment, name, least, most);
}

/// Returns a port from 20000 on, below those that systems hand out, that follows from the name of a job.
NADA_INLINE int port_of_job(std::string_view job) {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const unsigned char c : job) hash = (hash ^ c) * 16777619U;
  return 20000 + static_cast<int>(hash % 12000U);
}

}  // namespace detail

NADA_INLINE std::string environment_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

NADA_INLINE Launch read_launch(const Environment& environment) {
  constexpr int many = 1 << 20, last_port = 65535;
  const auto number = [&](const char* name, int least, int most) {
    return detail::launch_number(environment, name, least, most);
  };
  const auto number_or = [&](int otherwise, const char* name, int least, int most) {
    return detail::launch_number_or(otherwise, environment, name, least, most);
  };
  const auto set = [&](const char* name) { return !environment(name).empty(); };
  Launch out;
  if (set("WORLD_SIZE")) {
    out.size = number("WORLD_SIZE", 1, many);
    if (out.size == 1) return {};
    out.rank = number("RANK", 0, out.size - 1);
    out.local_rank = number_or(0, "LOCAL_RANK", 0, out.size - 1);
    out.local_size = number_or(1, "LOCAL_WORLD_SIZE", 1, out.size);
    out.host = environment("MASTER_ADDR");
    require(!out.host.empty(), "WORLD_SIZE is ", out.size, ", but MASTER_ADDR, the machine of rank 0, is not set");
    const bool taken = set("TORCHELASTIC_RUN_ID");  // torchrun listens at the port itself
    out.port = number("MASTER_PORT", 1, last_port - (taken ? 1 : 0)) + (taken ? 1 : 0);
    return out;
  }
  if (set("OMPI_COMM_WORLD_SIZE")) {
    out.size = number("OMPI_COMM_WORLD_SIZE", 1, many);
    if (out.size == 1) return {};
    out.rank = number("OMPI_COMM_WORLD_RANK", 0, out.size - 1);
    out.local_rank = number("OMPI_COMM_WORLD_LOCAL_RANK", 0, out.size - 1);
    out.local_size = number_or(1, "OMPI_COMM_WORLD_LOCAL_SIZE", 1, out.size);
    out.host = environment("MASTER_ADDR");
    if (out.host.empty() && out.local_size == out.size) out.host = "127.0.0.1";
    require(!out.host.empty(),
            "mpirun started processes on several machines: say where rank 0 is, with mpirun -x "
            "MASTER_ADDR=HOST");
    out.port = number_or(detail::port_of_job(environment("PMIX_NAMESPACE")), "MASTER_PORT", 1, last_port);
    return out;
  }
  if (set("SLURM_STEP_NUM_TASKS") && set("MASTER_ADDR")) {
    out.size = number("SLURM_STEP_NUM_TASKS", 1, many);
    if (out.size == 1) return {};
    out.rank = number("SLURM_PROCID", 0, out.size - 1);
    out.local_rank = number("SLURM_LOCALID", 0, out.size - 1);
    out.host = environment("MASTER_ADDR");
    const auto job = environment("SLURM_JOB_ID") + "." + environment("SLURM_STEP_ID");
    out.port = number_or(detail::port_of_job(job), "MASTER_PORT", 1, last_port);
    return out;
  }
  return out;
}

}  // namespace nada
