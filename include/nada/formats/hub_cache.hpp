/// The cache of the Hugging Face Hub on this machine, which is huggingface_hub's own: what Python downloaded is found here, and
/// the other way round.
///
///     <cache>/models--org--name/refs/main                            the commit of a branch or a tag
///                              /blobs/<etag>                         a file by its content, <etag>.incomplete a part of it
///                              /snapshots/<commit>/<file>            a link to ../../blobs/<etag>
///                              /.no_exist/<commit>/<file>            empty: the commit has no such file
///     <cache>/.locks/models--org--name/<etag>.lock                   held while a file is downloaded
///
/// Source:  huggingface_hub 1.x, file_download.py and constants.py.
#pragma once
#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "nada/formats/file.hpp"

namespace nada {

namespace detail {
/// Returns the folder that a variable of the environment names, where ~ is the home folder; empty where it is not set.
std::filesystem::path folder_in_environment(const char* name);
}  // namespace detail

/// Returns Hugging Face's folder: HF_HOME, else huggingface in XDG_CACHE_HOME or in ~/.cache.
std::filesystem::path hub_home();

/// Returns the folder of the cache: HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else hub in hub_home().
std::filesystem::path hub_cache_folder();

/// CachedRepository is what the cache has of a model repository.
class CachedRepository {
 public:
  /// `repository` is "org/name". Nothing is written before link() or the like.
  explicit CachedRepository(const std::string& repository, const std::filesystem::path& cache = hub_cache_folder());

  const std::filesystem::path& folder() const { return folder_; }

  /// Returns the commit of a revision as it was last seen; a commit is its own.
  std::optional<std::string> commit_of(const std::string& revision) const;
  void keep_commit(const std::string& revision, const std::string& commit) const;

  /// Returns the folder of a commit's files.
  std::filesystem::path snapshot(const std::string& commit) const { return folder_ / "snapshots" / commit; }
  /// Returns the paths of all files of a commit that are here.
  std::set<std::string> files(const std::string& commit) const;
  /// Whether a commit's file is here; whether the commit is known to have no such file.
  bool has(const std::string& commit, const std::string& file) const;
  bool lacks(const std::string& commit, const std::string& file) const;
  void keep_lack(const std::string& commit, const std::string& file) const;

  std::filesystem::path blob(const std::string& etag) const { return folder_ / "blobs" / etag; }
  std::filesystem::path incomplete(const std::string& etag) const { return folder_ / "blobs" / (etag + ".incomplete"); }
  std::filesystem::path lock(const std::string& etag) const { return locks_ / (etag + ".lock"); }

  /// Makes the blob the commit's file: by a link, or by moving the blob where the file system has no links.
  void link(const std::string& commit, const std::string& file, const std::string& etag) const;

 private:
  std::filesystem::path folder_, locks_;
};

/// HubLock keeps other processes away from a file of the cache while it lives, Python's too: the lock is flock()'s. Where
/// the file system has no locks nothing is kept away; writers of one blob then write the same bytes to the same places.
class HubLock {
 public:
  /// Waits for the lock; `what` is named where that takes longer than a moment.
  /// Errors:  a lock file that cannot be made; a request to stop the program.
  HubLock(const std::filesystem::path& file, const std::string& what);

 private:
  bool take();

  std::filesystem::path path_;
  detail::Descriptor file_;
};

/// Returns the SHA-1 by which git names a file of these bytes: of "blob SIZE", a zero byte and the bytes.
/// Errors:  a file that cannot be read; OpenSSL cannot compute SHA-1 on this machine.
std::string git_blob_sha1(const std::filesystem::path& path);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/hub_cache.ipp"
#endif
