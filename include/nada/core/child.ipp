// Bodies of child.hpp.
#pragma once
#include "nada/core/child.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include <cerrno>
#include <cstring>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {

#if defined(__linux__) && defined(__GLIBC__)
/// Does what posix_spawnp() does for Child, and binds the program to this thread: SIGTERM reaches the program when the
/// thread ends. Between vfork() and exec the child runs in this memory, so it makes system calls and nothing else.
/// Returns the process, or -1 with `error` set.
[[gnu::noinline]] inline pid_t start_bound(char* const* words, const char* log, bool own_group, volatile int& error) {
  const pid_t parent = ::getpid();
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  error = 0;
  const pid_t pid = ::vfork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(127);  // it was killed meanwhile
    struct sigaction usual = {};
    usual.sa_handler = SIG_DFL;
    for (const int signal : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM}) ::sigaction(signal, &usual, nullptr);
    if (own_group) ::setpgid(0, 0);
    const int null = ::open("/dev/null", O_RDONLY),
              out = log != nullptr ? ::open(log, O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;
    ::dup2(null, 0);
    if (out >= 0) ::dup2(out, 1), ::dup2(out, 2);
    ::syscall(SYS_close_range, 3U, ~0U, 0U);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execvp(words[0], words);
    error = errno;
    ::_exit(127);
  }
  if (pid < 0) error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid > 0 && error != 0) {
    ::waitpid(pid, nullptr, 0);
    return -1;
  }
  return pid;
}
#endif

/// Closes all files but the standard ones when a program is started.
inline void close_the_rest([[maybe_unused]] posix_spawn_file_actions_t& actions) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
#endif
}

}  // namespace detail

NADA_INLINE Child::Child(const std::vector<std::string>& command, const Settings& settings) : name_(command.at(0)) {
  int ends[2] = {-1, -1};
  if (settings.write_to_it)  // a socket, not a pipe: with MSG_NOSIGNAL a write that nobody reads raises no signal
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0,
            "cannot make a pipe: ", std::strerror(errno));
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
#if defined(__linux__) && defined(__GLIBC__)
  if (settings.ends_with_parent) {
    require(!settings.write_to_it, "a child that is written to cannot be bound to its parent");
    volatile int error = 0;
    pid_ = detail::start_bound(words.data(), settings.log ? settings.log->c_str() : nullptr, settings.own_group, error);
    require(pid_ > 0, "cannot run ", name_, ": ", std::strerror(error));
    return;
  }
#endif
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
  detail::close_the_rest(actions);
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
