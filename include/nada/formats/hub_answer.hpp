/// What the answers of the Hugging Face Hub say: bytes of somebody else's server, read within bounds.
/// Source:  huggingface_hub 1.x, hf_api.py (the list of a revision) and file_download.py (the headers of a file).
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "nada/core/error.hpp"

namespace nada {

namespace detail {
/// Returns the whole number that is all of a text, 0 or more; nothing of another text.
std::optional<std::int64_t> number_if_any(const std::string& text);
}  // namespace detail

/// HubUnanswered is a question that the Hub did not answer, for want of a network or of access; a copy in the cache
/// answers it as well.
struct HubUnanswered : Error {
  using Error::Error;
};

/// HubListing is what a revision of a repository holds.
struct HubListing {
  std::string commit;
  std::set<std::string> files;  // paths with slashes that stay inside of a folder
};

/// HubFile is what the Hub says of a file before it is downloaded.
struct HubFile {
  std::string etag;  // SHA-256 of a large file, git's SHA-1 of a small one; the name of its blob
  std::int64_t size = 0;
};

/// Reads the JSON that lists a revision; `what` is who answers and begins every error. A name that no path here can have (a
/// control character, a backslash) is not among the files.
/// Errors:  HubUnanswered: no such JSON; a name that would leave the folder (an absolute path, a part ".."), which no
///          repository has.
HubListing parse_hub_listing(std::string_view body, const std::string& what);

/// Reads the headers that describe a file of `commit`; `header` returns one by its name in small letters, empty where it is not there.
/// `elsewhere` says that the answer leads to another host, whose length is not the file's.
/// Errors:  HubUnanswered: no commit, or another; an ETag that is no file name; no size.
HubFile parse_hub_file(const std::function<std::string(const std::string& name)>& header, bool elsewhere,
                       const std::string& commit, const std::string& what);

/// Returns the names of the shards that an index of Hugging Face lists, each with `folder` before it; none where the text is no
/// index, and no names that leave the folder.
std::set<std::string> parse_hub_shards(std::string_view index, const std::string& folder);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/hub_answer.ipp"
#endif
