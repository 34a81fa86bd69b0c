// Bodies of child.hpp.
#pragma once
#include "nada/core/child.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstring>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE Child::Child(const std::vector<std::string>& command, const Settings& settings) : name_(command.at(0)) {
  int ends[2] = {-1, -1};
  if (settings.write_to_it)  // a socket, not a pipe: with MSG_NOSIGNAL a write that nobody reads raises no signal
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0,
            "cannot make a pipe: ", std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  if (settings.write_to_it)
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
  else
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (settings.log) {
    posix_spawn_file_actions_addopen(&actions, 1, settings.log->c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
  }
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM}) sigaddset(&usual, signal);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (settings.own_group) flags = static_cast<short>(flags | POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setflags(&attributes, flags);
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const int error = ::posix_spawnp(&pid_, words[0], &actions, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (ends[0] >= 0) ::close(ends[0]);
  input_ = ends[1];
  if (error != 0) {
    pid_ = -1;
    close_input();
    fail("cannot run ", name_, ": ", std::strerror(error));
  }
}

NADA_INLINE Child::~Child() {
  close_input();
  if (pid_ > 0) {
    stop();
    try {
      wait();
    } catch (const Error&) {
    }
  }
}

NADA_INLINE void Child::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(input_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    require(n > 0, name_, " stopped reading: ", std::strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

NADA_INLINE bool Child::running() {
  if (pid_ <= 0) return false;
  int status = 0;
  const auto done = ::waitpid(pid_, &status, WNOHANG);
  if (done == 0) return true;
  if (done == pid_) end(status);
  return false;
}

NADA_INLINE int Child::wait() {
  close_input();
  while (pid_ > 0) {
    int status = 0;
    const auto done = ::waitpid(pid_, &status, 0);
    if (done == pid_)
      end(status);
    else
      require(errno == EINTR, "cannot wait for ", name_, ": ", std::strerror(errno));
  }
  return code_;
}

NADA_INLINE void Child::end(int status) {
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = -1;
}

}  // namespace nada
