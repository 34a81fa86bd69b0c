// Bodies of video.hpp.
#pragma once
#include "nada/formats/video.hpp"

#include <cstdio>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/images.hpp"

namespace nada {

NADA_INLINE FilmWriter::FilmWriter(std::filesystem::path path, int frames_per_second, Metadata text)
    : path_(std::move(path)), rate_(frames_per_second), text_(std::move(text)) {
  require(rate_ >= 1 && rate_ <= 240, "expected 1 to 240 frames a second, found ", rate_);
  const auto kind = path_.extension();
  film_ = kind == ".mp4" || kind == ".gif";
  if (film_) {
    temporary_ = detail::temporary_name(path_);
    log_ = detail::temporary_name(path_);
    return;
  }
  make_folders(path_);
  std::error_code error;
  require(std::filesystem::is_empty(path_, error), path_, " is not empty, expected a new folder for the frames");
}

NADA_INLINE FilmWriter::~FilmWriter() {
  if (!film_ || finished_) return;
  encoder_.reset();
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
  std::filesystem::remove(log_, ignored);
}

NADA_INLINE void FilmWriter::add(const Picture& frame) {
  detail::check_picture(frame, "film");
  if (count_ == 0) {
    width_ = frame.width;
    height_ = frame.height;
    if (film_) start();
  }
  require(frame.width == width_ && frame.height == height_, "frames of ", frame.width, "x", frame.height, " and ",
          width_, "x", height_, " pixels in one film");
  if (film_) {
    encoder_->write(std::as_bytes(std::span(frame.pixels)));
  } else {
    char name[32];
    std::snprintf(name, sizeof name, "%06lld.png", static_cast<long long>(count_));
    auto picture = frame;
    picture.text = text_;
    write_picture(path_ / name, picture);
  }
  ++count_;
}

NADA_INLINE void FilmWriter::finish() {
  require(count_ > 0, "a film needs at least one frame");
  if (!film_) return;
  const int code = encoder_->wait();
  if (code != 0) {
    auto told = read_text(log_);
    while (!told.empty() && told.back() == '\n') told.pop_back();
    fail("ffmpeg could not write ", path_, ": ",
         told.empty() ? join("exit code ", code) : told.substr(told.rfind('\n') + 1));
  }
  detail::put_in_place(temporary_, path_);
  std::error_code error;
  std::filesystem::remove(log_, error);
  finished_ = true;
}

NADA_INLINE void FilmWriter::start() {
  std::vector<std::string> command{"ffmpeg",
                                   "-nostdin",
                                   "-loglevel",
                                   "error",
                                   "-y",
                                   "-f",
                                   "rawvideo",
                                   "-pix_fmt",
                                   "rgb24",
                                   "-s",
                                   join(width_, "x", height_),
                                   "-r",
                                   join(rate_),
                                   "-i",
                                   "pipe:0"};
  const auto more = [&](std::vector<std::string> words) { command.insert(command.end(), words.begin(), words.end()); };
  if (path_.extension() == ".gif")
    more({"-vf", "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=sierra2_4a"});
  else  // even sides, as 4:2:0 needs
    more({"-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-movflags",
          "+faststart"});
  for (const auto& [key, value] : text_)
    if (key == "nada:options") more({"-metadata", "comment=" + value});
  more({"-f", path_.extension() == ".gif" ? "gif" : "mp4", temporary_.string()});  // the name tells ffmpeg nothing
  Child::Settings settings;
  settings.write_to_it = true;
  settings.log = log_;
  try {
    encoder_.emplace(command, settings);
  } catch (const Error& error) {
    fail(error.what(), "; it writes MP4 and GIF (Debian's package ffmpeg); name a folder to get numbered PNGs");
  }
}

}  // namespace nada
