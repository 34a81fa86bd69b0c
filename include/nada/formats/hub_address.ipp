// Bodies of hub_address.hpp.
#pragma once
#include "nada/formats/hub_address.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {

NADA_INLINE std::string fault_of_parts(std::string_view path) {
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto part = path.substr(at, end - at);
    if (part.empty()) return "an empty part between slashes";
    if (part == "." || part == "..") return "the part '" + std::string(part) + "'";
    at = end + 1;
  }
  for (const char c : path)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '\\') return "a character that no name there has";
  return {};
}

/// Returns what is wrong with "org/name", or an empty text. The rules are those of huggingface_hub's validate_repo_id.
NADA_INLINE std::string fault_of_repository(std::string_view repository) {
  if (repository.find('/') == repository.npos) return "no slash between the two";
  if (auto fault = fault_of_parts(repository); !fault.empty()) return fault;
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./";
  if (repository.find_first_not_of(letters) != repository.npos)
    return "another character than letters, digits, '-', '_' and '.' in '" + std::string(repository) + "'";
  const auto slash = repository.find('/');
  for (const auto part : {repository.substr(0, slash), repository.substr(slash + 1)})
    if (std::string_view("-.").find(part.front()) != std::string_view::npos ||
        std::string_view("-.").find(part.back()) != std::string_view::npos)
      return "'" + std::string(part) + "', which begins or ends with '-' or '.'";
  if (repository.find("--") != repository.npos || repository.find("..") != repository.npos) return "'--' or '..'";
  if (repository.size() > 96) return "a name of more than 96 characters";
  return {};
}

/// Returns what is wrong with a branch, tag or commit, or an empty text. The rules are a part of git-check-ref-format's.
NADA_INLINE std::string fault_of_revision(std::string_view revision) {
  if (revision.empty()) return "nothing behind the @";
  if (auto fault = fault_of_parts(revision); !fault.empty()) return fault + " in the revision";
  if (revision.find_first_of(" ~^:?*[") != revision.npos || revision.find("..") != revision.npos)
    return "a character that no revision has";
  return {};
}

/// The commits that remember_commit() was told, by address.
struct KnownCommits {
  std::mutex one_at_a_time;
  std::map<std::string, std::string> by_address;
  static KnownCommits& all() {
    static KnownCommits known;
    return known;
  }
};

}  // namespace detail

NADA_INLINE HubAddress HubAddress::parse(std::string_view text) {
  const auto refuse = [&](const std::string& fault) {
    fail(text, ": expected an address hf:ORG/NAME, hf:ORG/NAME/FILE or either with @REVISION, found ", fault);
  };
  if (!text.starts_with("hf:")) refuse("no hf: at its start");
  auto rest = text.substr(3);
  HubAddress out;
  if (const auto at = rest.rfind('@'); at != rest.npos) {
    out.revision = rest.substr(at + 1);
    if (const auto fault = detail::fault_of_revision(out.revision); !fault.empty()) refuse(fault);
    rest = rest.substr(0, at);
  }
  if (rest.starts_with('/')) refuse("an absolute path");
  const auto org = rest.find('/');
  const auto name = org == rest.npos ? org : rest.find('/', org + 1);
  out.repository = rest.substr(0, name);
  if (const auto fault = detail::fault_of_repository(out.repository); !fault.empty()) refuse(fault);
  if (name == rest.npos) return out;
  out.file = rest.substr(name + 1);
  if (const auto fault = detail::fault_of_parts(out.file); !fault.empty()) refuse(fault);
  return out;
}

NADA_INLINE std::string HubAddress::text() const {
  return "hf:" + repository + (file.empty() ? "" : "/" + file) + "@" + revision;
}

NADA_INLINE bool is_commit(std::string_view revision) {
  return revision.size() == 40 && revision.find_first_not_of("0123456789abcdef") == revision.npos;
}

NADA_INLINE std::filesystem::path pinned(const std::filesystem::path& path) {
  if (!is_hub_address(path)) return path;
  auto& known = detail::KnownCommits::all();
  const std::lock_guard lock(known.one_at_a_time);
  const auto found = known.by_address.find(path.native());
  if (found == known.by_address.end()) return path;
  auto address = HubAddress::parse(path.native());
  address.revision = found->second;
  return address.text();
}

NADA_INLINE void remember_commit(const std::filesystem::path& address, const std::string& commit) {
  auto& known = detail::KnownCommits::all();
  const std::lock_guard lock(known.one_at_a_time);
  known.by_address[address.native()] = commit;
}

}  // namespace nada
