/// Pictures to learn from, with captions: a folder of picture files, or of shards that a renderer wrote.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"

namespace nada {

/// Square RGB pictures of one size, with what is said of each. Two layouts, which may be mixed, at any depth of a
/// folder:
///   - `NAME.safetensors` with `images` [N, 3, S, S] uint8, and beside it `NAME.csv` with a row a picture;
///   - picture files (png, jpg), with `captions.csv` in their folder (column `file`), or `NAME.txt` beside each (a
///     caption a line; it comes before the table's). They are cut to their middle square and resized.
/// Names that begin with a dot are passed over.
/// Columns of the tables: `caption` (several, parted by |), `group` (pictures of one content share it), and any others,
/// which hold texts that name the picture by one aspect; an empty cell says nothing. All are optional. The i-th
/// captions of a group's pictures, i > 0, say the same but for what sets the pictures apart.
class ImageSet {
 public:
  struct Record {
    std::vector<std::string> captions;
    std::string group;
    std::map<std::string, std::string> texts;  // column -> text
  };

  /// Errors: no such folder, no pictures in it, a shard of another size (`resolution` 0: as the first one), a table
  /// that does not fit.
  static ImageSet open(const std::filesystem::path& folder, std::int64_t resolution = 0);

  std::int64_t size() const { return static_cast<std::int64_t>(records_.size()); }
  std::int64_t resolution() const { return resolution_; }
  const Record& operator[](std::int64_t i) const { return records_.at(static_cast<std::size_t>(i)); }
  /// Where a picture comes from, for messages: its file, or a shard and its number there.
  std::string where(std::int64_t i) const;
  /// Pictures by group.
  const std::map<std::string, std::vector<std::int64_t>>& groups() const { return groups_; }

  /// Pictures as images [N, 3, R, R] in [-1, 1].
  Tensor images(const std::vector<std::int64_t>& indices) const;
  Tensor images(std::int64_t first, std::int64_t count) const;

 private:
  struct Shard {
    Tensor images;                              // [N, 3, R, R] uint8
    std::shared_ptr<const MappedFile> mapping;  // what the images lie in, if they were not decoded
    std::filesystem::path path;                 // the shard's; empty: of picture files
  };

  std::size_t shard_of(std::int64_t i) const {
    return static_cast<std::size_t>(std::upper_bound(first_.begin(), first_.end(), i) - first_.begin() - 1);
  }
  static bool is_picture(const std::filesystem::path& file);
  static std::vector<std::string> parted(const std::string& text, char at);
  static Record record(const std::vector<std::string>& header, const std::vector<std::string>& row);

  void add_shard(const std::filesystem::path& path);

  void add_picture(const std::filesystem::path& path);

  Record caption_of(const std::filesystem::path& path);

  /// A table's records by file; none where there is no such table.
  const std::map<std::string, Record>& table_of(const std::filesystem::path& table);

  std::int64_t resolution_ = 0;
  std::vector<Record> records_;
  std::vector<Shard> shards_;
  std::vector<std::int64_t> first_;
  std::vector<Tensor> loose_;
  std::vector<std::filesystem::path> files_;  // of the picture files, which follow the shards
  std::map<std::string, std::vector<std::int64_t>> groups_;
  std::map<std::filesystem::path, std::map<std::string, Record>> tables_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/image_set.ipp"
#endif
