// Bodies of run_folder.hpp.
#pragma once
#include "nada/experiment/run_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <iostream>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"

namespace nada {

NADA_INLINE RunFolder RunFolder::create(const std::filesystem::path& path, RunNotes notes) {
  namespace fs = std::filesystem;
  std::error_code error;
  require(!fs::exists(path, error) || fs::is_directory(path, error), path,
          " is a file, expected an empty folder or a new one");
  require(!fs::exists(path, error) || fs::is_empty(path, error), path,
          " is not empty; give another --out, or continue the run in it with --resume ", path);
  make_folders(path);
  RunFolder out(path, std::move(notes), false);
  write_text(path / "options.cfg", out.notes_.options_text);
  return out;
}

NADA_INLINE RunFolder RunFolder::open(const std::filesystem::path& path, RunNotes notes) {
  namespace fs = std::filesystem;
  std::error_code error;
  require(fs::exists(path / "options.cfg", error), path, " is not the folder of a run: it has no options.cfg");
  RunFolder out(path, std::move(notes), true);
  require(fs::exists(path / "state.safetensors", error), path,
          ": the run was stopped before its first state was saved; there is nothing to resume, start it again");
  for (const auto& folder : {path, path / "samples", path / "deltas"})
    if (fs::exists(folder, error)) remove_stale_temporaries(folder);
  if (read_text(path / "options.cfg") != out.notes_.options_text)
    write_text(path / "options.cfg", out.notes_.options_text);
  return out;
}

NADA_INLINE RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)),
      notes_(std::move(other.notes_)),
      resumed_(other.resumed_),
      lock_(std::exchange(other.lock_, -1)) {}

NADA_INLINE RunFolder::~RunFolder() {
  if (lock_ >= 0) ::close(lock_);
}

NADA_INLINE std::string RunFolder::step_name(std::int64_t step) {
  char text[32];
  std::snprintf(text, sizeof text, "%06lld", static_cast<long long>(step));
  return text;
}

NADA_INLINE std::filesystem::path RunFolder::picture(std::int64_t step) const {
  return path_ / "samples" / (step_name(step) + ".png");
}

NADA_INLINE std::filesystem::path RunFolder::subfolder(const std::string& name) const {
  const auto path = path_ / name;
  make_folders(path);
  return path;
}

NADA_INLINE RunFolder::RunFolder(std::filesystem::path path, RunNotes notes, bool resumed)
    : path_(std::move(path)), notes_(std::move(notes)), resumed_(resumed) {
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  require(lock_ >= 0, "cannot open the folder ", path_, ": ", detail::reason(errno));
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return;
  const int error = errno;
  if (error == EWOULDBLOCK) {
    ::close(std::exchange(lock_, -1));
    fail(path_, " is in use by another run");
  }
  std::cerr << "warning: the file system of " << path_.string() << " has no locks (" << detail::reason(error)
            << "), so nothing keeps a second run out of this folder; start none in it\n";
}

NADA_INLINE std::filesystem::path free_run_folder(std::string_view target, const std::filesystem::path& runs) {
  std::string slug;
  for (const unsigned char c : target) {
    if (std::isalnum(c))
      slug += static_cast<char>(std::tolower(c));
    else if (!slug.empty() && slug.back() != '-')
      slug += '-';
    if (slug.size() >= 60) break;
  }
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  if (slug.empty()) slug = "run";
  std::error_code error;
  for (int n = 1;; ++n)
    if (const auto path = runs / (slug + "-" + std::to_string(n)); !std::filesystem::exists(path, error)) return path;
}

}  // namespace nada
