// Bodies of hub_cache.hpp.
#pragma once
#include "nada/formats/hub_cache.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <span>
#include <system_error>
#include <thread>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/warning.hpp"
#include "nada/formats/hub_address.hpp"
#include "nada/formats/sha256.hpp"

namespace nada {

namespace detail {

NADA_INLINE std::filesystem::path folder_in_environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return {};
  const std::string text = value;
  const char* const home = std::getenv("HOME");
  if (home == nullptr || (text != "~" && !text.starts_with("~/"))) return text;
  return std::string(home) + text.substr(1);
}

}  // namespace detail

NADA_INLINE std::filesystem::path hub_home() {
  if (auto home = detail::folder_in_environment("HF_HOME"); !home.empty()) return home;
  if (auto caches = detail::folder_in_environment("XDG_CACHE_HOME"); !caches.empty()) return caches / "huggingface";
  const auto home = detail::folder_in_environment("HOME");
  require(!home.empty(), "there is no place for downloads: neither HF_HOME nor HOME is set");
  return home / ".cache" / "huggingface";
}

NADA_INLINE std::filesystem::path hub_cache_folder() {
  for (const auto* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (auto folder = detail::folder_in_environment(name); !folder.empty()) return folder;
  return hub_home() / "hub";
}

NADA_INLINE CachedRepository::CachedRepository(const std::string& repository, const std::filesystem::path& cache) {
  const auto slash = repository.find('/');
  const auto name = "models--" + repository.substr(0, slash) + "--" + repository.substr(slash + 1);
  folder_ = cache / name;
  locks_ = cache / ".locks" / name;
}

NADA_INLINE std::optional<std::string> CachedRepository::commit_of(const std::string& revision) const {
  if (is_commit(revision)) return revision;
  std::error_code error;
  const auto file = folder_ / "refs" / revision;
  if (!std::filesystem::is_regular_file(file, error)) return std::nullopt;
  auto commit = read_text(file, 1024);
  while (!commit.empty() && (commit.back() == '\n' || commit.back() == ' ')) commit.pop_back();
  return is_commit(commit) ? std::optional(commit) : std::nullopt;
}

NADA_INLINE void CachedRepository::keep_commit(const std::string& revision, const std::string& commit) const {
  if (commit_of(revision) == commit) return;
  const auto file = folder_ / "refs" / revision;
  try {
    make_folders(file.parent_path());
    write_text(file, commit);
  } catch (const Error& error) {  // a cache that others keep: only a later run without network misses it
    warn(error.what());
  }
}

NADA_INLINE std::set<std::string> CachedRepository::files(const std::string& commit) const {
  namespace fs = std::filesystem;
  std::set<std::string> out;
  std::error_code error;
  const auto top = snapshot(commit);
  for (fs::recursive_directory_iterator at(top, error), end; !error && at != end; at.increment(error)) {
    std::error_code broken;  // a link to a blob that is gone
    if (at->is_regular_file(broken)) out.insert(at->path().lexically_relative(top).generic_string());
  }
  return out;
}

NADA_INLINE bool CachedRepository::has(const std::string& commit, const std::string& file) const {
  std::error_code error;
  return std::filesystem::is_regular_file(snapshot(commit) / file, error);
}

NADA_INLINE bool CachedRepository::lacks(const std::string& commit, const std::string& file) const {
  std::error_code error;
  return std::filesystem::is_regular_file(folder_ / ".no_exist" / commit / file, error);
}

NADA_INLINE void CachedRepository::keep_lack(const std::string& commit, const std::string& file) const {
  const auto mark = folder_ / ".no_exist" / commit / file;
  std::error_code error;
  std::filesystem::create_directories(mark.parent_path(), error);
  const detail::Descriptor made(::open(mark.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));  // a hint: may fail
}

NADA_INLINE void CachedRepository::link(const std::string& commit, const std::string& file,
                                        const std::string& etag) const {
  namespace fs = std::filesystem;
  const auto target = snapshot(commit) / file;
  make_folders(target.parent_path());
  const auto goal = blob(etag).lexically_relative(target.parent_path());
  const auto temporary = detail::temporary_name(target);
  std::error_code error;
  fs::create_symlink(goal, temporary, error);
  if (error == std::errc::operation_not_permitted || error == std::errc::operation_not_supported ||
      error == std::errc::function_not_supported) {
    fs::rename(blob(etag), target, error);
    require(!error, "cannot write ", target, ": ", error.message());
    return;
  }
  require(!error, "cannot write ", target, ": ", error.message());
  fs::rename(temporary, target, error);
  if (!error) return;
  std::error_code ignored;
  fs::remove(temporary, ignored);
  fail("cannot write ", target, ": ", error.message());
}

NADA_INLINE HubLock::HubLock(const std::filesystem::path& file, const std::string& what) : path_(file) {
  make_folders(path_.parent_path());
  for (int tries = 0; !take(); ++tries) {
    if (tries == 10) std::cerr << "waiting for another process that downloads " << what << '\n';
    require(!StopToken::requested(), "the wait for another process that downloads ", what, " was stopped");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

NADA_INLINE bool HubLock::take() {
  file_ = detail::Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664));
  require(file_.number() >= 0, "cannot write ", path_, ": ", detail::reason(errno));
  if (::flock(file_.number(), LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error == EWOULDBLOCK || error == EINTR) return false;
    warn("the file system of ", path_.parent_path(), " has no locks (", detail::reason(error),
         "), so two processes may download one file twice");
    return true;
  }
  // Who held it may have removed the file meanwhile: then this lock is on a file that nobody else will open.
  struct stat ours {
  }, there{};
  return ::fstat(file_.number(), &ours) == 0 && ::stat(path_.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
         ours.st_dev == there.st_dev;
}

NADA_INLINE std::string git_blob_sha1(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  const std::string head = "blob " + std::to_string(bytes.size());
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> state(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  require(state != nullptr && EVP_DigestInit_ex(state.get(), EVP_sha1(), nullptr) == 1 &&
              EVP_DigestUpdate(state.get(), head.c_str(), head.size() + 1) == 1 &&
              EVP_DigestUpdate(state.get(), bytes.data(), bytes.size()) == 1 &&
              EVP_DigestFinal_ex(state.get(), digest.data(), &size) == 1,
          "OpenSSL cannot compute SHA-1 on this machine");
  return detail::hexadecimal(std::span(digest).first(size));
}

}  // namespace nada
