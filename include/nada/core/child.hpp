/// Runs other programs as children.
#pragma once
#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

extern char** environ;

namespace nada {

/// Child is a child process. Its standard input is the bytes that write() sends, or empty; its outputs are those of
/// this program, or go to a file; it inherits no other open file. Destroying a child that still runs asks the child to
/// stop (SIGTERM) and waits.
class Child {
 public:
  struct Settings {
    bool write_to_it = false;
    std::optional<std::filesystem::path> log = {};  // file for both outputs; none: the outputs of this program
    bool own_group = false;                         // signals of the terminal do not reach the child
    bool ends_with_parent = false;  // Linux: SIGTERM when the thread that made the child ends, killed or not
  };

  /// Starts `command`, whose first word is a path or is looked up in PATH.
  /// Errors:  a program that is not found; a process that cannot be made.
  explicit Child(const std::vector<std::string>& command) : Child(command, Settings{}) {}
  Child(const std::vector<std::string>& command, const Settings& settings);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  /// Writes all bytes to the child's input.
  /// Errors:  a child that stopped reading, for example because it ended.
  void write(std::span<const std::byte> bytes);
  void close_input() {
    if (input_ >= 0) ::close(std::exchange(input_, -1));
  }
  void stop(int signal = SIGTERM) const {
    if (pid_ > 0) ::kill(pid_, signal);
  }
  bool running();
  /// Waits until the child ends. Returns its exit code, or 128 plus the number of the signal that ended it.
  int wait();

 private:
  void end(int status);

  std::string name_;
  pid_t pid_ = -1;
  int input_ = -1, code_ = -1;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/core/child.ipp"
#endif
