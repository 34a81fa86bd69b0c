// Bodies of ablation_runner.hpp.
#pragma once
#include "nada/experiment/ablation_runner.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "nada/core/child.hpp"
#include "nada/core/config.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/formats/file.hpp"

namespace nada {

NADA_INLINE bool run_missing_cells(const AblationPlan& plan) {
  for (const auto& folder : {plan.options().out, plan.options().out / "cells"}) remove_stale_temporaries(folder);
  const auto missing = plan.missing();
  const auto total = plan.size();
  const auto processors = static_cast<std::int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  const auto jobs = static_cast<std::size_t>(plan.options().jobs > 0 ? plan.options().jobs : processors);
  const StopSignals signals;
  std::int64_t done = total - static_cast<std::int64_t>(missing.size());
  Progress progress("cells", total, done);
  std::map<std::int64_t, std::unique_ptr<Child>> running;
  std::size_t next = 0;
  bool failed = false, told = false;
  while (true) {
    const bool more = next < missing.size() && !failed && !StopToken::requested();
    if (running.empty() && !more) break;
    if (more && running.size() < jobs) {
      const auto cell = missing[next++];
      running[cell] = std::make_unique<Child>(plan.command(cell));
      continue;
    }
    if (StopToken::requested() && !std::exchange(told, true))  // their files are whole or not there
      for (const auto& [cell, child] : running) child->stop();
    const auto ended =
        std::find_if(running.begin(), running.end(), [](auto& entry) { return !entry.second->running(); });
    if (ended == running.end()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    const auto cell = ended->first;
    if (ended->second->wait() == 0) {
      progress.update(++done, plan.name(cell));
    } else if (!StopToken::requested()) {
      failed = true;
      std::cerr << "error: the cell " << cell << " (" << plan.name(cell) << ") failed\n";
    }
    running.erase(ended);
  }
  progress.finish();
  if (StopToken::requested())
    std::cout << "stopped after " << done << " of " << total << " cells; the same command goes on\n";
  return !failed && !StopToken::requested();
}

}  // namespace nada
