/// The options of the machine that a program computes on.
#pragma once
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/experiment/option_table.hpp"

namespace nada {

/// MachineOptions name the device and the number of threads: of each process, where several compute a run together.
struct MachineOptions {
  std::string device = "auto";
  int threads = 0;

  void declare(OptionTable& table);
  /// Returns the device. Ranks on one machine take its CUDA devices in turn, unless one is named by its number.
  torch::Device place() const;
  void use() const;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/machine_options.ipp"
#endif
