// Fuzz target: the Hub's answers (the list of a revision, the headers of a file, an index of shards) and addresses. What is read
// names files inside of a folder, and nothing else.
#include "nada/formats/hub_answer.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "fuzz.hpp"
#include "nada/formats/hub_address.hpp"

using namespace nada;

namespace {

void hold_inside(const std::string& name) {
  const std::filesystem::path top = "/cache/snapshot", file = top / name;
  const auto place = file.lexically_normal().lexically_relative(top);
  fuzz::hold(!name.empty() && !place.empty() && *place.begin() != ".." && place != ".", "a file outside of its folder");
  fuzz::hold(name.find('\0') == name.npos && name.find('\\') == name.npos, "an odd character in a name");
}

void read_listing(std::string_view text) {
  const auto listing = parse_hub_listing(text, "input: the server");
  fuzz::hold(is_commit(listing.commit), "a commit that is none");
  for (const auto& name : listing.files) hold_inside(name);
}

/// Reads lines "name: value".
void read_headers(std::string_view text) {
  std::map<std::string, std::string> headers;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (const auto colon = line.find(": "); colon != line.npos)
      headers[std::string(line.substr(0, colon))] = line.substr(colon + 2);
  }
  const auto header = [&](const std::string& name) {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  };
  const auto file =
      parse_hub_file(header, headers.count("location") > 0, headers["x-repo-commit"], "input: the server");
  hold_inside(file.etag);
  fuzz::hold(file.size >= 0 && file.etag.find('/') == file.etag.npos, "a blob that is no file");
}

void read_address(std::string_view text) {
  HubAddress address;
  try {
    address = HubAddress::parse(text);
  } catch (const Error& error) {  // which begins with the address
    throw Error("input: " + in_quotes(error.what()));
  }
  hold_inside(address.repository);
  hold_inside(address.revision);
  if (!address.file.empty()) hold_inside(address.file);
  const auto again = HubAddress::parse(address.text());
  fuzz::hold(again.repository == address.repository && again.file == address.file && again.revision == address.revision,
             "another address when written and read");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::as_input(data, size);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  fuzz::attempt("input", size, [&] {
    if (text.starts_with("hf:")) return read_address(text);
    if (!text.starts_with("{")) return read_headers(text);
    for (const auto& shard : parse_hub_shards(text, "folder/")) hold_inside(shard);
    read_listing(text);
  });
  return 0;
}
