// Bodies of image_set.hpp.
#pragma once
#include "nada/pretraining/image_set.hpp"

#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture_resize.hpp"
#include "nada/formats/safetensors.hpp"

namespace nada {

NADA_INLINE ImageSet ImageSet::open(const std::filesystem::path& folder, std::int64_t resolution) {
  namespace fs = std::filesystem;
  require(fs::is_directory(folder), folder, fs::exists(folder) ? ": is not a folder" : ": no such folder");
  std::vector<fs::path> files;
  for (auto entry = fs::recursive_directory_iterator(folder); entry != fs::recursive_directory_iterator(); ++entry) {
    const bool hidden = entry->path().filename().string().starts_with('.');
    if (hidden) entry.disable_recursion_pending();
    if (!hidden && entry->is_regular_file()) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  ImageSet out;
  out.resolution_ = resolution;
  for (const auto& file : files)
    if (file.extension() == ".safetensors") out.add_shard(file);
  for (const auto& file : files)
    if (is_picture(file)) out.add_picture(file);
  if (!out.loose_.empty()) {
    out.shards_.push_back({torch::stack(out.loose_), {}, {}});
    out.loose_.clear();
    out.tables_.clear();
  }
  require(!out.records_.empty(), folder, ": holds no pictures (shards *.safetensors with `images`, png or jpg files)");
  std::int64_t first = 0;
  for (const auto& shard : out.shards_) {
    out.first_.push_back(first);
    first += shard.images.size(0);
  }
  for (std::int64_t i = 0; i < out.size(); ++i)
    if (const auto& group = out[i].group; !group.empty()) out.groups_[group].push_back(i);
  return out;
}

NADA_INLINE std::string ImageSet::where(std::int64_t i) const {
  require(i >= 0 && i < size(), "there is no picture ", i, " among ", size());
  const auto s = shard_of(i);
  const auto number = i - first_[s];
  return shards_[s].path.empty() ? files_[static_cast<std::size_t>(number)].string()
                                 : join(shards_[s].path.string(), ", picture ", number);
}

NADA_INLINE Tensor ImageSet::images(const std::vector<std::int64_t>& indices) const {
  auto out = torch::empty({static_cast<std::int64_t>(indices.size()), 3, resolution_, resolution_}, torch::kUInt8);
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const auto i = indices[k];
    require(i >= 0 && i < size(), "there is no picture ", i, " among ", size());
    const auto s = shard_of(i);
    out[static_cast<std::int64_t>(k)].copy_(shards_[s].images[i - first_[s]]);
  }
  return out.to(torch::kFloat32).div_(127.5).sub_(1);
}

NADA_INLINE Tensor ImageSet::images(std::int64_t first, std::int64_t count) const {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = first; i < first + count; ++i) indices.push_back(i);
  return images(indices);
}

NADA_INLINE bool ImageSet::is_picture(const std::filesystem::path& file) {
  auto extension = file.extension().string();
  for (auto& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

NADA_INLINE std::vector<std::string> ImageSet::parted(const std::string& text, char at) {
  auto out = split_at(text, at);
  std::erase(out, "");
  return out;
}

NADA_INLINE ImageSet::Record ImageSet::record(const std::vector<std::string>& header,
                                              const std::vector<std::string>& row) {
  Record out;
  for (std::size_t c = 0; c < header.size(); ++c) {
    if (header[c] == "caption")
      out.captions = parted(row[c], '|');
    else if (header[c] == "group")
      out.group = row[c];
    else if (header[c] != "file" && !row[c].empty())
      out.texts[header[c]] = row[c];
  }
  return out;
}

NADA_INLINE void ImageSet::add_shard(const std::filesystem::path& path) {
  const auto file = Safetensors::open(path);
  const auto* const view = file.find("images");
  if (view == nullptr) return;  // another kind of model file
  require(view->dtype == DType::u8 && view->shape.size() == 4 && view->shape[1] == 3 &&
              view->shape[2] == view->shape[3] && view->shape[2] > 0,
          path, ": `images` is ", name_of(view->dtype), " ", shape_text(view->shape), ", expected U8 [N, 3, S, S]");
  if (resolution_ == 0) resolution_ = view->shape[2];
  require(view->shape[2] == resolution_, path, ": the pictures have ", view->shape[2], " pixels a side, expected ",
          resolution_);
  auto table = path;
  table.replace_extension(".csv");
  const auto n = view->shape[0];
  if (std::filesystem::exists(table)) {
    const auto rows = read_csv(table);
    require(static_cast<std::int64_t>(rows.size()) == n + 1, table, ": has ", rows.size(),
            " rows, expected a header and ", n, ", one a picture");
    for (std::size_t i = 1; i < rows.size(); ++i) records_.push_back(record(rows[0], rows[i]));
  } else {
    records_.resize(records_.size() + static_cast<std::size_t>(n));
  }
  shards_.push_back(
      {torch::from_blob(const_cast<std::byte*>(view->bytes.data()), view->shape, torch::kUInt8), file.mapping(), path});
}

NADA_INLINE void ImageSet::add_picture(const std::filesystem::path& path) {
  const auto picture = read_picture(path);
  if (resolution_ == 0) resolution_ = std::min(picture.width, picture.height);
  const auto square = centre_square(picture, static_cast<int>(resolution_));
  loose_.push_back(
      torch::from_blob(const_cast<std::uint8_t*>(square.pixels.data()), {resolution_, resolution_, 3}, torch::kUInt8)
          .permute({2, 0, 1})
          .contiguous());
  records_.push_back(caption_of(path));
  files_.push_back(path);
}

NADA_INLINE ImageSet::Record ImageSet::caption_of(const std::filesystem::path& path) {
  const auto& known = table_of(path.parent_path() / "captions.csv");
  const auto found = known.find(path.filename().string());
  auto out = found == known.end() ? Record{} : found->second;
  auto text = path;
  text.replace_extension(".txt");
  if (!std::filesystem::exists(text)) return out;
  out.captions.clear();
  for (auto& line : parted(read_text(text), '\n')) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) out.captions.push_back(line);
  }
  return out;
}

NADA_INLINE const std::map<std::string, ImageSet::Record>& ImageSet::table_of(const std::filesystem::path& table) {
  const auto [place, fresh] = tables_.try_emplace(table);
  auto& known = place->second;
  if (!fresh || !std::filesystem::exists(table)) return known;
  const auto rows = read_csv(table);
  require(!rows.empty(), table, ": is empty, expected a header with `file` and `caption`");
  const auto column = std::find(rows[0].begin(), rows[0].end(), "file") - rows[0].begin();
  require(column < static_cast<std::ptrdiff_t>(rows[0].size()), table, ": has no column `file`");
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto& file = rows[i][static_cast<std::size_t>(column)];
    require(known.emplace(file, record(rows[0], rows[i])).second, table, ": row ", i + 1, " names ", file,
            " for the second time");
  }
  return known;
}

}  // namespace nada
