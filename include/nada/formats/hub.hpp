/// Files and folders that may lie on the Hugging Face Hub: wherever a model is named, `hf:org/name` may name it.
///
///     const auto path = local_path("hf:openai/clip-vit-base-patch32");  // ~/.cache/huggingface/hub/.../snapshots/<commit>
#pragma once
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nada/formats/hub_address.hpp"

namespace nada {

/// Returns the file or folder that `path` names: the path itself or, of an address of the Hub, its copy in the cache, which is
/// downloaded first where it is not there. With a model come the files that say how to read it (config.json, a vocabulary). A
/// branch or tag is asked for once in a process; without an answer the commit that the cache last saw counts, and a warning
/// says so. A commit whose files are here is asked for never.
/// Errors:  an address that is none; a repository, revision or file that is not there or may not be read; no network and
///          no copy, or HF_HUB_OFFLINE and no copy; a damaged download; a disk that is full.
std::filesystem::path local_path(const std::filesystem::path& path);

/// Returns the same without asking anybody; nothing where the cache has no copy.
std::optional<std::filesystem::path> cached_path(const std::filesystem::path& path);

/// Returns the path of what the file `file` names as seen from itself, such as a delta's base: `named` beside the file, or
/// `named` itself where it is an address. Where the file is the Hub's, what is beside it is there too.
/// Errors:  as local_path() for `file`.
std::filesystem::path named_beside(const std::filesystem::path& file, const std::string& named);

/// HubChoice says which files of a revision are needed.
struct HubChoice {
  std::string path;                // what is opened: a file, or the folder of a model; empty: the top folder
  std::vector<std::string> files;  // what has to be there, the model last
};

/// Chooses among the files of a revision. `wanted` names a file, a folder, or nothing (the top folder). Of a folder the
/// model file is the first that ModelFile::open() would take, or the only one there is; `image_tower_alone` says that
/// model.safetensors is timm's, beside which OpenCLIP's file has the whole CLIP. Shards of an index are not among the files.
/// Returns nothing where there is no such file, or no model or several in the folder.
std::optional<HubChoice> choose_hub_files(const std::set<std::string>& names, const std::string& wanted,
                                          bool image_tower_alone = false);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/hub.ipp"
#endif
