/// Sentences for the person in front of a program that do not end it.
#pragma once
#include <iostream>
#include <mutex>
#include <set>
#include <string>

#include "nada/core/error.hpp"

namespace nada {

/// Tells `parts`, joined, on stderr as one line "warning: ...", each line once in a process: a file may be read several
/// times. What is guessed is told by this, with the way to say otherwise.
template <class... Parts>
void warn(const Parts&... parts) {
  static std::mutex one_at_a_time;
  static std::set<std::string> told;
  const auto line = join(parts...);
  const std::lock_guard lock(one_at_a_time);
  if (told.insert(line).second) std::cerr << "warning: " + line + "\n";
}

}  // namespace nada
