// Bodies of hub.hpp.
#pragma once
#include "nada/formats/hub.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <span>
#include <string_view>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/warning.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/hub_answer.hpp"
#include "nada/formats/hub_cache.hpp"
#include "nada/formats/hub_client.hpp"

namespace nada {

namespace detail {

/// Names of model files in a folder, in the order in which ModelFile::open() looks for them.
inline constexpr std::string_view folder_models[] = {"model.safetensors", "open_clip_model.safetensors",
                                                     "model.safetensors.index.json", "pytorch_model.bin",
                                                     "open_clip_pytorch_model.bin"};
/// The same where model.safetensors and pytorch_model.bin are an image tower alone.
inline constexpr std::string_view openclip_models[] = {"open_clip_model.safetensors", "open_clip_pytorch_model.bin"};

/// What read_clip() looks for beside a model; of a line the first that is there.
inline const std::vector<std::vector<std::string>> beside_models = {
    {"config.json"},
    {"open_clip_config.json"},
    {"preprocessor_config.json"},
    {"merges.txt", "spiece.model", "tokenizer.json", "tokenizer.model", "bpe_simple_vocab_16e6.txt.gz"},
    {"tokenizer_config.json"}};

NADA_INLINE std::span<const std::string_view> names_of_models(bool image_tower_alone) {
  if (image_tower_alone) return openclip_models;
  return folder_models;
}

/// Whether other files may say how this one is read.
NADA_INLINE bool has_companions(std::string_view file) {
  return file.ends_with(".safetensors") || file.ends_with(".bin") || file.ends_with(".pt") ||
         file.ends_with(".safetensors.index.json");
}

NADA_INLINE bool may_be_model(std::string_view file) {
  return has_companions(file) || file.ends_with(".pth") || file.ends_with(".pkl");
}

/// Returns the folder of a file, with a slash at its end; empty for the top folder.
NADA_INLINE std::string folder_of(const std::string& file) {
  const auto slash = file.rfind('/');
  return slash == file.npos ? "" : file.substr(0, slash + 1);
}

/// Resolver finds what one address means.
class HubResolver {
 public:
  struct Found {
    std::filesystem::path path;
    std::string commit;
    bool settled = false;  // nothing that the Hub could add would change what is read
  };

  explicit HubResolver(const std::string& text) : address_(HubAddress::parse(text)), cache_(address_.repository) {}

  std::optional<Found> cached() const;
  Found resolve() const;

 private:
  Found download() const;
  /// Whether the file config.json of a commit, beside which OpenCLIP's files lie, is timm's.
  bool is_timm(const std::string& commit, const std::string& folder) const;
  bool is_settled(const std::string& commit, const HubChoice& choice) const;
  void fetch(const HubClient& client, const std::string& commit, const std::string& file) const {
    client.fetch(cache_, {address_.repository, file, address_.revision}, commit);
  }
  [[noreturn]] void refuse(const std::set<std::string>& names) const;

  HubAddress address_;
  CachedRepository cache_;
};

NADA_INLINE bool HubResolver::is_timm(const std::string& commit, const std::string& folder) const {
  const auto config = cache_.snapshot(commit) / (folder + "config.json");
  std::error_code error;
  if (!std::filesystem::is_regular_file(config, error)) return false;
  const auto json = nlohmann::json::parse(read_text(config), nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains("architecture") && !json.contains("model_type");
}

NADA_INLINE bool HubResolver::is_settled(const std::string& commit, const HubChoice& choice) const {
  const auto& model = choice.files.back();
  const auto folder = folder_of(model);
  const auto first_is_known = [&](const auto& names) {
    for (const auto& name : names) {
      const auto file = folder + std::string(name);
      if (cache_.has(commit, file)) return true;
      if (!cache_.lacks(commit, file)) return false;
    }
    return true;
  };
  if (choice.path != model && !first_is_known(names_of_models(is_timm(commit, folder)))) return false;
  return !has_companions(model) || std::ranges::all_of(beside_models, first_is_known);
}

NADA_INLINE std::optional<HubResolver::Found> HubResolver::cached() const {
  const auto commit = cache_.commit_of(address_.revision);
  if (!commit) return std::nullopt;
  const auto names = cache_.files(*commit);
  auto folder = address_.file.empty() || names.count(address_.file) > 0 ? "" : address_.file + "/";
  const auto choice = choose_hub_files(names, address_.file, is_timm(*commit, folder));
  if (!choice) return std::nullopt;
  const auto top = cache_.snapshot(*commit);
  if (const auto& model = choice->files.back(); model.ends_with(".index.json"))
    for (const auto& shard : parse_hub_shards(read_text(top / model), folder_of(model)))
      if (names.count(shard) == 0) return std::nullopt;
  return Found{choice->path.empty() ? top : top / choice->path, *commit, is_settled(*commit, *choice)};
}

NADA_INLINE void HubResolver::refuse(const std::set<std::string>& names) const {
  const auto folder = address_.file.empty() ? "" : address_.file + "/";
  std::string models;
  for (const auto& name : names)
    if (may_be_model(name) && name.starts_with(folder)) models += (models.empty() ? "" : ", ") + name;
  if (!address_.file.empty() && models.empty())
    fail(address_.text(), ": ", address_.repository, " has no file ", address_.file);
  fail(address_.text(), ": ", models.empty() ? "holds no model" : "holds several models; name one of ", models);
}

NADA_INLINE HubResolver::Found HubResolver::download() const {
  const HubClient client;
  const auto listing = client.list(address_);
  const auto& names = listing.files;
  const bool is_file = names.count(address_.file) > 0;
  const auto folder = address_.file.empty() || is_file ? folder_of(address_.file) : address_.file + "/";
  if (!is_file && names.count(folder + "config.json") > 0 && names.count(folder + "open_clip_config.json") > 0)
    fetch(client, listing.commit, folder + "config.json");
  const auto choice = choose_hub_files(names, address_.file, is_timm(listing.commit, folder));
  if (!choice) refuse(names);
  for (const auto& file : choice->files) fetch(client, listing.commit, file);
  const auto top = cache_.snapshot(listing.commit);
  const auto& model = choice->files.back();
  if (model.ends_with(".index.json"))
    for (const auto& shard : parse_hub_shards(read_text(top / model), folder)) fetch(client, listing.commit, shard);
  for (const auto& group : beside_models)
    for (const auto& name : group)
      if (has_companions(model) && names.count(folder + name) == 0) cache_.keep_lack(listing.commit, folder + name);
  for (const auto name : folder_models)
    if (names.count(folder + std::string(name)) == 0) cache_.keep_lack(listing.commit, folder + std::string(name));
  if (!is_commit(address_.revision)) cache_.keep_commit(address_.revision, listing.commit);
  return {choice->path.empty() ? top : top / choice->path, listing.commit, true};
}

NADA_INLINE HubResolver::Found HubResolver::resolve() const {
  const auto here = cached();
  if (here && here->settled && is_commit(address_.revision)) return *here;
  if (HubClient::offline()) {
    require(here.has_value(), address_.text(), ": HF_HUB_OFFLINE forbids to ask for it, and there is no copy in ",
            hub_cache_folder());
    return *here;
  }
  try {
    return download();
  } catch (const HubUnanswered& error) {
    const bool reached = dynamic_cast<const HubUnreached*>(&error) == nullptr;
    if (!here && reached) throw;
    require(here.has_value(), error.what(), ", and there is no copy in ", hub_cache_folder());
    warn(error.what(), "; the copy of commit ", here->commit.substr(0, 7), " in ", hub_cache_folder(), " is taken");
    return *here;
  }
}

}  // namespace detail

NADA_INLINE std::optional<HubChoice> choose_hub_files(const std::set<std::string>& names, const std::string& wanted,
                                                      bool image_tower_alone) {
  HubChoice out;
  std::string folder, model;
  if (names.count(wanted) > 0) {
    model = wanted;
    folder = detail::folder_of(model);
    out.path = model;
  } else {
    folder = wanted.empty() ? "" : wanted + "/";
    for (const auto name : detail::names_of_models(image_tower_alone))
      if (model.empty() && names.count(folder + std::string(name)) > 0) model = folder + std::string(name);
    out.path = wanted;
    if (model.empty()) {
      std::vector<std::string> models;
      for (const auto& name : names)
        if (detail::may_be_model(name) && detail::folder_of(name) == folder) models.push_back(name);
      if (models.size() != 1) return std::nullopt;
      out.path = model = models.front();
    }
  }
  if (detail::has_companions(model))
    for (const auto& group : detail::beside_models) {
      const auto first = std::ranges::find_if(group, [&](const auto& name) { return names.count(folder + name) > 0; });
      if (first != group.end()) out.files.push_back(folder + *first);
    }
  out.files.push_back(model);
  return out;
}

NADA_INLINE std::filesystem::path local_path(const std::filesystem::path& path) {
  if (!is_hub_address(path)) return path;
  static std::mutex one_at_a_time;
  static std::map<std::string, std::filesystem::path> known;
  const std::lock_guard lock(one_at_a_time);
  if (const auto found = known.find(path.native()); found != known.end()) return found->second;
  const auto found = detail::HubResolver(path.native()).resolve();
  remember_commit(path, found.commit);
  known[path.native()] = found.path;
  return found.path;
}

NADA_INLINE std::optional<std::filesystem::path> cached_path(const std::filesystem::path& path) {
  if (!is_hub_address(path)) return path;
  const auto found = detail::HubResolver(path.native()).cached();
  return found ? std::optional(found->path) : std::nullopt;
}

NADA_INLINE std::filesystem::path named_beside(const std::filesystem::path& file, const std::string& named) {
  if (is_hub_address(named)) return named;
  const auto real = local_path(file);
  const auto beside = real.parent_path() / named;
  std::error_code error;
  if (named.empty() || std::filesystem::exists(beside, error) || real.native().find("/snapshots/") == std::string::npos)
    return beside;
  const auto inside = real.lexically_relative(hub_cache_folder());
  // models--org--name/snapshots/<commit>/<file>
  std::vector<std::string> parts;
  for (const auto& part : inside) parts.push_back(part.string());
  if (parts.size() < 4 || !parts[0].starts_with("models--") || parts[1] != "snapshots" || !is_commit(parts[2]))
    return beside;
  const auto top = hub_cache_folder() / parts[0] / parts[1] / parts[2];
  const auto wanted = beside.lexically_relative(top).lexically_normal().generic_string();
  if (wanted.starts_with("..")) return beside;
  auto repository = parts[0].substr(std::string_view("models--").size());
  const auto between = repository.find("--");
  if (between == repository.npos) return beside;
  repository.replace(between, 2, "/");
  return local_path("hf:" + repository + "/" + wanted + "@" + parts[2]);
}

}  // namespace nada
