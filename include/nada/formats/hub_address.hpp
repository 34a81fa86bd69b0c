/// Addresses of what lies on the Hugging Face Hub: `hf:ORG/NAME[/FILE][@REVISION]`.
///
///     hf:openai/clip-vit-base-patch32                     the model of a repository: the files that a folder of it needs
///     hf:laion/CLIP-ViT-B-32-laion2B-s34B-b79K/open_clip_model.safetensors@main         one file of a branch, tag or commit
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace nada {

namespace detail {
/// Returns what is wrong with a path of parts between slashes, or an empty text.
std::string fault_of_parts(std::string_view path);
}  // namespace detail

/// HubAddress names a file of a model repository, or the repository's model.
struct HubAddress {
  std::string repository;         // "openai/clip-vit-base-patch32"
  std::string file;               // path in the repository of a file or a folder; empty: the repository's model
  std::string revision = "main";  // branch, tag or commit

  /// Reads an address.
  /// Errors:  a text that is none, and why: no ORG/NAME, a part "..", a character that no repository has.
  static HubAddress parse(std::string_view text);

  /// Returns the address as a text that parse() reads; its revision is written in any case.
  std::string text() const;
};

/// Whether a path is an address of the Hub: it begins with "hf:". A file of such a name is reached by ./hf:...
inline bool is_hub_address(const std::filesystem::path& path) { return path.native().starts_with("hf:"); }

/// Whether a revision is a commit, 40 hexadecimal digits, which always names the same files.
bool is_commit(std::string_view revision);

/// Returns `path` itself; where it is an address that this process has resolved, the address with the commit for its
/// revision, which names the same bytes from then on.
std::filesystem::path pinned(const std::filesystem::path& path);

/// Keeps for pinned() which commit an address was resolved to.
void remember_commit(const std::filesystem::path& address, const std::string& commit);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/hub_address.ipp"
#endif
