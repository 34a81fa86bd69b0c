/// What this server must remember of its runs when it is killed: whose each is, what was asked, and whether it still waits.
#pragma once
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "http.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/sha256.hpp"
#include "owners.hpp"

namespace nada::serve {

/// Record is what is remembered of a run.
struct Record {
  std::string id, kind, owner;          // owner: a token; empty: everybody's
  std::string client;                   // a keyed hash of the address that asked
  std::uint64_t number = 0;             // the order of arrival
  std::int64_t created = 0, ended = 0;  // seconds since 1970; ended 0: the run waits or runs, and goes on after a kill
  std::string state, message;           // of a run that ended
  nlohmann::json asked = nlohmann::json::object();  // the options

  static Record read(const nlohmann::json& from) {
    return {from.at("id"),      from.at("kind"),  from.at("owner"), from.at("client"),  from.at("number"),
            from.at("created"), from.at("ended"), from.at("state"), from.at("message"), from.at("asked")};
  }
  nlohmann::json write() const {
    return {{"id", id},           {"kind", kind},   {"owner", owner}, {"client", client},   {"number", number},
            {"created", created}, {"ended", ended}, {"state", state}, {"message", message}, {"asked", asked}};
  }
};

/// Journal keeps records in the folder `.serve` of the runs, a file each. What it was given is on the disk when a call
/// returns. Its members may be called from any thread.
class Journal {
 public:
  /// Reads what is there. `keeps` is whether it may write: a read-only server only reads.
  /// Errors:  a folder that cannot be made, or that another server has.
  Journal(std::filesystem::path runs, bool keeps) : runs_(std::move(runs)), folder_(runs_ / ".serve"), keeps_(keeps) {
    std::error_code error;
    if (keeps_) {
      std::filesystem::create_directories(folder_, error);
      require(!error, "cannot make the folder ", folder_, ": ", error.message());
      lock_ = detail::Descriptor(::open((folder_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
      require(lock_.number() >= 0 && ::flock(lock_.number(), LOCK_EX | LOCK_NB) == 0, "another server has the runs in ",
              runs_, "; with --read-only a second one may show them");
      remove_stale_temporaries(folder_);
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder_, error))
      if (entry.path().extension() == ".json") try {
          auto record = Record::read(nlohmann::json::parse(read_text(entry.path())));
          if (!is_name(record.id) || entry.path().stem() != record.id) continue;
          last_ = std::max(last_, record.number);
          records_.emplace(record.id, std::move(record));
        } catch (const std::exception&) {
          std::cerr << "warning: " << entry.path() << " is no record of a run" << std::endl;
        }
    try {
      last_ = std::max<std::uint64_t>(last_, std::stoull(read_text(folder_ / "last")));
    } catch (const std::exception&) {  // the first start
    }
    if (keeps_) read_secret();
  }

  /// Returns a name for a run, made of a text and a number that no run had before, and makes its folder.
  /// Errors:  Refusal 507 where the disk takes no more.
  std::string reserve(const std::string& text) {
    const std::lock_guard lock(mutex_);
    auto stem = free_run_folder(text, runs_).filename().string();
    stem.resize(stem.rfind('-'));
    try {
      for (;;) {
        const auto number = ++last_;
        keep(folder_ / "last", std::to_string(number));
        const auto id = stem + "-" + std::to_string(number);
        std::error_code error;
        if (std::filesystem::create_directory(runs_ / id, error)) return id;
        if (error) refuse(507, "no folder for the run can be made here: ", error.message());
      }
    } catch (const Error&) {
      refuse(507, "the disk of this server takes no more");
    }
  }

  /// Writes a record, new or changed.
  /// Errors:  as write_text.
  void put(Record record) {
    const std::lock_guard lock(mutex_);
    if (record.number == 0) record.number = last_;
    if (keeps_) keep(path_of(record.id), record.write().dump());
    records_.insert_or_assign(record.id, std::move(record));
  }
  std::optional<Record> find(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto at = records_.find(id);
    return at == records_.end() ? std::nullopt : std::optional(at->second);
  }
  std::vector<Record> all() const {  // in the order of arrival
    const std::lock_guard lock(mutex_);
    std::vector<Record> out;
    for (const auto& [id, record] : records_) out.push_back(record);
    std::sort(out.begin(), out.end(), [](const Record& a, const Record& b) { return a.number < b.number; });
    return out;
  }
  void forget(const std::string& id) {
    const std::lock_guard lock(mutex_);
    records_.erase(id);
    if (!keeps_) return;
    std::error_code error;
    std::filesystem::remove(path_of(id), error);
    std::filesystem::remove(picture_of(id), error);
  }

  /// The picture that a search begins from, while it is needed.
  std::filesystem::path picture_of(const std::string& id) const { return folder_ / (id + ".png"); }
  std::filesystem::path folder() const { return folder_; }
  /// Returns by what the journal knows an address, which it does not tell.
  std::string known_as(const std::string& address) const {
    Sha256 hash;
    hash.update(secret_ + address);
    return hash.hex().substr(0, 24);
  }

 private:
  std::filesystem::path path_of(const std::string& id) const { return folder_ / (id + ".json"); }
  /// Writes a file whole, also through a loss of power.
  static void keep(const std::filesystem::path& path, const std::string& text) {
    write_text(path, text);
    for (const auto& changed : {path, path.parent_path()})
      if (const int file = ::open(changed.c_str(), O_RDONLY | O_CLOEXEC); file >= 0) ::fsync(file), ::close(file);
  }
  void read_secret() {
    const auto path = folder_ / "secret";
    std::error_code error;
    if (!std::filesystem::exists(path, error)) keep(path, new_token());
    secret_ = read_text(path);
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, error);  // owners' tokens are in there
  }

  std::filesystem::path runs_, folder_;
  bool keeps_;
  detail::Descriptor lock_;
  mutable std::mutex mutex_;
  std::string secret_;
  std::uint64_t last_ = 0;
  std::map<std::string, Record> records_;
};

}  // namespace nada::serve
