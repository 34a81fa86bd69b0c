/// Films: pictures of one size in a row, as MP4 or GIF through ffmpeg, or as numbered PNGs.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "nada/core/child.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/picture.hpp"

namespace nada {

/// Writes a film frame by frame. The name's extension gives the format: `.mp4` (H.264, 4:2:0), `.gif` (a palette of its
/// own); any other name is a new folder of PNGs `000000.png`, `000001.png`, ... A file appears under its name when
/// finish() has succeeded.
/// Errors:  ffmpeg that is not there or fails; frames of different sizes; a folder that is not empty.
class FilmWriter {
 public:
  FilmWriter(std::filesystem::path path, int frames_per_second, Metadata text = {});
  FilmWriter(const FilmWriter&) = delete;
  FilmWriter& operator=(const FilmWriter&) = delete;
  ~FilmWriter();

  void add(const Picture& frame);

  void finish();

 private:
  void start();

  std::filesystem::path path_, temporary_, log_;
  int rate_ = 0, width_ = 0, height_ = 0;
  Metadata text_;
  bool film_ = false, finished_ = false;
  std::int64_t count_ = 0;
  std::optional<Child> encoder_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/video.ipp"
#endif
