/// The files of the page and the description of the API, which are part of the program (embed.cmake makes the bytes).
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

namespace serve_page {

struct File {
  const char* path;
  const char* type;
  const unsigned char* bytes;
  std::size_t size;
};
extern const std::span<const File> files;
extern const std::string_view openapi;

}  // namespace serve_page
