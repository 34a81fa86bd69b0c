/// A set of pictures to learn from, with captions: a folder of picture files, or of shards that a renderer wrote.
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

/// ImageSet holds square RGB pictures of one size with their descriptions. Two layouts, which may be mixed,
/// stand at any depth of a folder:
///   - `NAME.safetensors` with `images` [N, 3, S, S] uint8, and beside it `NAME.csv` with a row for each picture;
///   - picture files (png, jpg), with `captions.csv` in their folder (column `file`), or `NAME.txt` beside each (a
///     caption on each line; they replace the table's captions). Pictures are cut to their middle square and resized.
/// Files and folders whose name begins with a dot are passed over.
/// The tables have the columns `caption` (several captions, parted by |), `group` (pictures of one content
/// share it), and any others, which hold texts that name the picture by one aspect; an empty cell says nothing.
/// All columns are optional. Within a group, captions of the same index (from 1) use the same words and differ
/// only where the pictures differ.
class ImageSet {
 public:
  struct Record {
    std::vector<std::string> captions;
    std::string group;
    std::map<std::string, std::string> texts;  // column -> text
  };

  /// Opens a folder. The pictures have `resolution` pixels a side; 0 means the size of the first picture.
  /// Errors:  no such folder; no pictures in it; a shard of another size; a table that does not fit.
  static ImageSet open(const std::filesystem::path& folder, std::int64_t resolution = 0);

  std::int64_t size() const { return static_cast<std::int64_t>(records_.size()); }
  std::int64_t resolution() const { return resolution_; }
  const Record& operator[](std::int64_t i) const { return records_.at(static_cast<std::size_t>(i)); }
  /// Returns where a picture comes from, for messages: its file, or a shard and its number there.
  std::string where(std::int64_t i) const;
  /// Returns the indices of pictures by group.
  const std::map<std::string, std::vector<std::int64_t>>& groups() const { return groups_; }

  /// Returns pictures as images [N, 3, R, R] in [-1, 1].
  Tensor images(const std::vector<std::int64_t>& indices) const;
  Tensor images(std::int64_t first, std::int64_t count) const;

 private:
  struct Shard {
    Tensor images;                              // [N, 3, R, R] uint8
    std::shared_ptr<const MappedFile> mapping;  // the file that holds the images, if they were not decoded
    std::filesystem::path path;                 // file of the shard; empty: picture files
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

  /// Returns a table's records by file; no records where there is no such table.
  const std::map<std::string, Record>& table_of(const std::filesystem::path& table);

  std::int64_t resolution_ = 0;
  std::vector<Record> records_;
  std::vector<Shard> shards_;
  std::vector<std::int64_t> first_;
  std::vector<Tensor> loose_;
  std::vector<std::filesystem::path> files_;  // the picture files, which come after the shards
  std::map<std::string, std::vector<std::int64_t>> groups_;
  std::map<std::filesystem::path, std::map<std::string, Record>> tables_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/image_set.ipp"
#endif
