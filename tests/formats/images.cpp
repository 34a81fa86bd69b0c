#include "nada/formats/images.hpp"

#include <png.h>
#include <turbojpeg.h>
#include <zlib.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "nada/formats/canvas.hpp"
#include "nada/formats/exif.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_images)

using namespace nada;

namespace {

using Octets = std::vector<std::uint8_t>;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string big_endian(std::uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xFF);
  return text;
}

// PNG files by the words of the standard, without libpng.
std::string chunk(const std::string& name, const std::string& content) {
  const std::string body = name + content;
  const auto sum = ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return big_endian(static_cast<std::uint32_t>(content.size())) + body + big_endian(static_cast<std::uint32_t>(sum));
}
std::string deflated(const std::string& content) {
  std::string out(::compressBound(content.size()), '\0');
  auto size = static_cast<uLongf>(out.size());
  BOOST_REQUIRE(::compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(content.data()),
                           content.size()) == Z_OK);
  return out.substr(0, size);
}
enum Colour { grey = 0, rgb = 2, palette = 3, grey_alpha = 4, rgb_alpha = 6 };
// `rows` are the scanlines, each behind its filter byte; `chunks` come before the data.
std::string png(int width, int height, int depth, Colour colour, const Octets& rows, const std::string& chunks = {},
                bool interlaced = false) {
  const std::string header = big_endian(static_cast<std::uint32_t>(width)) +
                             big_endian(static_cast<std::uint32_t>(height)) + static_cast<char>(depth) +
                             static_cast<char>(colour) + std::string(2, '\0') + static_cast<char>(interlaced);
  return "\x89PNG\r\n\x1A\n" + chunk("IHDR", header) + chunks + chunk("IDAT", deflated({rows.begin(), rows.end()})) +
         chunk("IEND", "");
}

Picture decode(std::string_view bytes) { return decode_picture(bytes_of(bytes), "picture"); }
std::string refusal(std::string_view bytes, PictureLimits limits = {}) {
  return error_of([&] { decode_picture(bytes_of(bytes), "picture", limits); });
}

// A smooth picture with a distinct colour in each corner.
Picture scenery(int width, int height) {
  auto picture = make_canvas(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      auto* const pixel = &picture.pixels[static_cast<std::size_t>(3 * (y * width + x))];
      pixel[0] = static_cast<std::uint8_t>(20 + 200 * x / width);
      pixel[1] = static_cast<std::uint8_t>(30 + 200 * y / height);
      pixel[2] = static_cast<std::uint8_t>(128 + 60 * std::sin(0.2 * (x - y)));
    }
  return picture;
}

std::array<int, 3> pixel(const Picture& picture, int x, int y) {
  const auto at = static_cast<std::size_t>(3 * (y * picture.width + x));
  return {picture.pixels.at(at), picture.pixels.at(at + 1), picture.pixels.at(at + 2)};
}

int largest_difference(const Picture& a, const Picture& b) {
  if (a.width != b.width || a.height != b.height || a.pixels.size() != b.pixels.size()) return 256;
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  return largest;
}

// A JPEG by TurboJPEG itself, from pixels of any of its formats.
std::string jpeg(const Octets& pixels, int width, int height, int format, int sampling, int flags = 0) {
  const auto handle = tjInitCompress();
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  BOOST_REQUIRE(tjCompress2(handle, pixels.data(), width, 0, height, format, &buffer, &size, sampling, 95, flags) == 0);
  std::string bytes(reinterpret_cast<const char*>(buffer), size);
  tjFree(buffer);
  tjDestroy(handle);
  return bytes;
}
std::string jpeg(const Picture& picture, int flags = 0) {
  return jpeg(picture.pixels, picture.width, picture.height, TJPF_RGB, TJSAMP_420, flags);
}

// `bytes`, a JPEG, with an EXIF segment that says how the camera was held.
std::string with_orientation(std::string bytes, int orientation, bool little) {
  const auto number = [&](std::uint32_t value, int size) {
    auto text = big_endian(value).substr(static_cast<std::size_t>(4 - size));
    return little ? std::string(text.rbegin(), text.rend()) : text;
  };
  const auto directory = number(2, 2) + number(0x010F, 2) + number(2, 2) + number(2, 4) +
                         std::string("N\0\0\0", 4) +  // Make
                         number(0x0112, 2) + number(3, 2) + number(1, 4) +
                         number(static_cast<std::uint32_t>(orientation), 2) + number(0, 2) + number(0, 4);
  const auto content = std::string("Exif\0\0", 6) + (little ? "II" : "MM") + number(42, 2) + number(8, 4) + directory;
  const auto size = big_endian(static_cast<std::uint32_t>(content.size() + 2)).substr(2);
  return bytes.insert(2, "\xFF\xE1" + size + content);
}

const std::filesystem::path field = std::filesystem::path(NADA_SOURCE_DIR) / "tests/data/field";

/// A TIFF header with one entry, Orientation of the given type.
std::string tiff_with_orientation(std::uint32_t value, int type, bool little) {
  const auto number = [&](std::uint32_t n, int size) {
    std::string out;
    for (int i = 0; i < size; ++i) out += static_cast<char>(n >> (8 * (little ? i : size - 1 - i)) & 0xFF);
    return out;
  };
  const int size = type == 3 ? 2 : type == 4 ? 4 : 1;
  return (little ? "II" : "MM") + number(42, 2) + number(8, 4) + number(1, 2) + number(0x0112, 2) +
         number(static_cast<std::uint32_t>(type), 2) + number(1, 4) + number(value, size) +
         std::string(static_cast<std::size_t>(4 - size), '\0');
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_png_comes_back_exactly_with_its_text) {
  const TemporaryFolder folder;
  auto picture = scenery(37, 21);
  picture.text = {{"nada.options", "target = caf\xC3\xA9 \xF0\x9F\x8E\xA8\nsteps = 5\n"},
                  {"\xC3\xA9t\xC3\xA9", "x"},
                  {"Title", ""}};
  write_picture(folder / "a.PNG", picture);
  const auto read = read_picture(folder / "a.PNG");
  BOOST_TEST(read.width == 37);
  BOOST_TEST(read.height == 21);
  BOOST_TEST((read.pixels == picture.pixels));
  BOOST_TEST((read.text == picture.text));
  const auto bytes = read_text(folder / "a.PNG");
  BOOST_TEST(bytes.find(std::string("iTXtnada.options\0\0\0\0\0target", 27)) != std::string::npos);
  BOOST_TEST(text_of(encode_png(picture)) == bytes);  // the same bytes each time
}

BOOST_AUTO_TEST_CASE(a_jpeg_comes_back_nearly) {
  const TemporaryFolder folder;
  const auto picture = scenery(64, 48);
  for (const auto* const name : {"a.jpg", "a.JPEG"}) {
    write_picture(folder / name, picture);
    BOOST_TEST(largest_difference(read_picture(folder / name), picture) <= 10);
  }
  BOOST_TEST(encode_jpeg(picture, 30).size() < encode_jpeg(picture, 95).size());
  BOOST_TEST(largest_difference(decode(jpeg(picture)), picture) <= 16);  // 4:2:0
  BOOST_TEST(largest_difference(decode(jpeg(picture, TJFLAG_PROGRESSIVE)), picture) <= 16);
}

BOOST_AUTO_TEST_CASE(every_kind_of_png_becomes_rgb) {
  // 8-bit RGB, the second row as a difference to the row above (filter 2).
  BOOST_TEST((decode(png(2, 2, 8, rgb, {0, 1, 2, 3, 4, 5, 6, 2, 10, 10, 10, 0, 0, 250})).pixels ==
              Octets{1, 2, 3, 4, 5, 6, 11, 12, 13, 4, 5, 0}));
  BOOST_TEST((decode(png(3, 1, 8, grey, {0, 0, 100, 255})).pixels == Octets{0, 0, 0, 100, 100, 100, 255, 255, 255}));
  BOOST_TEST((decode(png(3, 1, 1, grey, {0, 0b10100000})).pixels == Octets{255, 255, 255, 0, 0, 0, 255, 255, 255}));
  BOOST_TEST((decode(png(3, 1, 2, grey, {0, 0b00011100})).pixels == Octets{0, 0, 0, 85, 85, 85, 255, 255, 255}));
  BOOST_TEST((decode(png(2, 1, 4, grey, {0, 0x1F})).pixels == Octets{17, 17, 17, 255, 255, 255}));
  const auto colours = chunk("PLTE", std::string("\x01\x02\x03\xFA\xFB\xFC", 6));
  BOOST_TEST(
      (decode(png(3, 1, 8, palette, {0, 1, 0, 1}, colours)).pixels == Octets{250, 251, 252, 1, 2, 3, 250, 251, 252}));
  BOOST_TEST(
      (decode(png(3, 1, 1, palette, {0, 0b01000000}, colours)).pixels == Octets{1, 2, 3, 250, 251, 252, 1, 2, 3}));
  // 16 bits are rounded: 0x0000, 0x0080 (128 / 257 = 0.498), 0x0081 (0.502), 0x01FF (1.99), 0xFFFF
  BOOST_TEST((decode(png(5, 1, 16, grey, {0, 0, 0, 0, 0x80, 0, 0x81, 0x01, 0xFF, 0xFF, 0xFF})).pixels ==
              Octets{0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 255, 255, 255}));
  BOOST_TEST((decode(png(1, 1, 16, rgb, {0, 0x10, 0x10, 0x20, 0x20, 0xFE, 0xFE})).pixels == Octets{16, 32, 254}));
}

BOOST_AUTO_TEST_CASE(alpha_is_composited_on_white) {
  BOOST_TEST(
      (decode(png(4, 1, 8, rgb_alpha, {0, 10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 51, 0, 0, 0, 128})).pixels ==
       Octets{10, 20, 30, 255, 255, 255, 204, 224, 244, 127, 127, 127}));
  BOOST_TEST((decode(png(2, 1, 8, grey_alpha, {0, 100, 51, 100, 255})).pixels == Octets{224, 224, 224, 100, 100, 100}));
  BOOST_TEST((decode(png(1, 1, 16, grey_alpha, {0, 0, 0, 0x33, 0x33})).pixels == Octets{204, 204, 204}));
  const auto colours = chunk("PLTE", "abcdef"), clear = chunk("tRNS", std::string(1, '\0'));
  BOOST_TEST(
      (decode(png(2, 1, 8, palette, {0, 0, 1}, colours + clear)).pixels == Octets{255, 255, 255, 'd', 'e', 'f'}));
  const auto clear_grey = chunk("tRNS", std::string("\0\x64", 2));
  BOOST_TEST((decode(png(2, 1, 8, grey, {0, 100, 101}, clear_grey)).pixels == Octets{255, 255, 255, 101, 101, 101}));
}

BOOST_AUTO_TEST_CASE(an_interlaced_png_is_put_together) {
  // Adam7 of 3x3: pass 1 (0,0); 4: (2,0); 5: (0,2) (2,2); 6: (1,0) then (1,2); 7: the row y = 1. Passes 2, 3 are empty.
  const Octets rows{0, 1, 0, 3, 0, 7, 9, 0, 2, 0, 8, 0, 4, 5, 6};
  const auto picture = decode(png(3, 3, 8, grey, rows, {}, true));
  for (int i = 0; i < 9; ++i) BOOST_TEST(pixel(picture, i % 3, i / 3)[0] == i + 1);
}

BOOST_AUTO_TEST_CASE(gamma_and_colour_profiles_do_not_change_values) {
  const auto chunks = chunk("gAMA", big_endian(100'000)) + chunk("iCCP", std::string("p\0\0garbage", 10));
  BOOST_TEST((decode(png(1, 1, 8, rgb, {0, 10, 100, 200}, chunks)).pixels == Octets{10, 100, 200}));
}

BOOST_AUTO_TEST_CASE(text_of_all_three_kinds_is_read_as_utf8) {
  const auto chunks = chunk("tEXt", std::string("Author\0caf\xE9", 11)) +
                      chunk("zTXt", std::string("Comment\0\0", 9) + deflated("long \xE9")) +
                      chunk("iTXt", std::string("Title\0\0\0en\0\0\xE2\x82\xAC", 15)) +
                      chunk("iTXt", std::string("Zipped\0\1\0\0\0", 11) + deflated("\xC3\xA9")) +
                      chunk("iTXt", std::string("Wrong\0\0\0\0\0\xE9", 11)) +
                      chunk("tEXt", std::string("Author\0again", 12));
  const Metadata expected{{"Author", "caf\xC3\xA9"},
                          {"Comment", "long \xC3\xA9"},
                          {"Title", "\xE2\x82\xAC"},
                          {"Zipped", "\xC3\xA9"},
                          {"Wrong", "\xC3\xA9"}};
  BOOST_TEST((decode(png(1, 1, 8, grey, {0, 0}, chunks)).text == expected));
}

BOOST_AUTO_TEST_CASE(grey_and_cmyk_jpegs_become_rgb) {
  Octets greys(16 * 16, 100), inks;
  const auto grey_picture = decode(jpeg(greys, 16, 16, TJPF_GRAY, TJSAMP_GRAY));
  for (const auto value : pixel(grey_picture, 7, 9)) BOOST_TEST(std::abs(value - 100) <= 1);
  for (int i = 0; i < 16 * 16; ++i) inks.insert(inks.end(), {255, 128, 0, 200});  // as stored: 255 is no ink
  const auto colour = pixel(decode(jpeg(inks, 16, 16, TJPF_CMYK, TJSAMP_444)), 3, 3);
  BOOST_TEST(std::abs(colour[0] - 200) <= 3);
  BOOST_TEST(std::abs(colour[1] - 100) <= 3);
  BOOST_TEST(std::abs(colour[2] - 0) <= 3);
}

BOOST_AUTO_TEST_CASE(what_a_camera_wrote_beside_the_pixels_ends_with_decoding) {
  const TemporaryFolder folder;
  // An EXIF segment with a marker where GPS coordinates would be, and an XMP segment and a comment with it.
  const std::string marker = "GPS-48.2082N-16.3738E";
  const auto segment = [&](const char* kind, const std::string& head) {
    const auto content = head + marker;
    return kind + big_endian(static_cast<std::uint32_t>(content.size() + 2)).substr(2) + content;
  };
  auto bytes = with_orientation(jpeg(scenery(48, 32)), 6, true);
  bytes.insert(2, segment("\xFF\xE1", std::string("Exif\0\0", 6)) +
                      segment("\xFF\xE1", std::string("http://ns.adobe.com/xap/1.0/\0", 29)) + segment("\xFF\xFE", ""));
  const auto picture = decode(bytes);
  BOOST_TEST(picture.text.empty());
  for (const auto* const name : {"a.png", "a.jpg"}) {
    write_picture(folder / name, picture);
    const auto written = read_text(folder / name);
    BOOST_TEST(written.find(marker) == written.npos);
    BOOST_TEST(written.find("Exif") == written.npos);
    BOOST_TEST(written.find("eXIf") == written.npos);
  }
}

BOOST_AUTO_TEST_CASE(exif_orientation_is_applied) {
  const auto stored = scenery(48, 32);
  const auto bytes = jpeg(stored);
  const auto plain = decode(bytes);
  // Where the stored picture's corners top left, top right, bottom left are seen, by the table of the EXIF standard:
  // "the 0th row is at the visual <a> and the 0th column at the visual <b>".
  enum Corner { top_left, top_right, bottom_right, bottom_left };
  const std::array<std::array<Corner, 3>, 9> seen{{{},
                                                   {top_left, top_right, bottom_left},       // 1: top, left
                                                   {top_right, top_left, bottom_right},      // 2: top, right
                                                   {bottom_right, bottom_left, top_right},   // 3: bottom, right
                                                   {bottom_left, bottom_right, top_left},    // 4: bottom, left
                                                   {top_left, bottom_left, top_right},       // 5: left, top
                                                   {top_right, bottom_right, top_left},      // 6: right, top
                                                   {bottom_right, top_right, bottom_left},   // 7: right, bottom
                                                   {bottom_left, top_left, bottom_right}}};  // 8: left, bottom
  for (int orientation = 1; orientation <= 8; ++orientation)
    for (const bool little : {true, false}) {
      BOOST_TEST_CONTEXT("orientation " << orientation << (little ? " little" : " big")) {
        const auto turned = decode(with_orientation(bytes, orientation, little));
        BOOST_TEST(turned.width == (orientation >= 5 ? 32 : 48));
        BOOST_TEST(turned.height == (orientation >= 5 ? 48 : 32));
        const auto at = [&](Corner corner) {
          return pixel(turned, corner == top_right || corner == bottom_right ? turned.width - 1 : 0,
                       corner == bottom_left || corner == bottom_right ? turned.height - 1 : 0);
        };
        const auto& corners = seen[static_cast<std::size_t>(orientation)];
        BOOST_TEST((at(corners[0]) == pixel(plain, 0, 0)));
        BOOST_TEST((at(corners[1]) == pixel(plain, 47, 0)));
        BOOST_TEST((at(corners[2]) == pixel(plain, 0, 31)));
      }
    }
  for (const int none : {0, 9, 65535})
    BOOST_TEST(largest_difference(decode(with_orientation(bytes, none, true)), plain) == 0);
}

BOOST_AUTO_TEST_CASE(the_orientation_may_be_long_or_byte_and_stand_in_a_png) {
  for (const int type : {1, 3, 4})
    for (const bool little : {true, false})
      BOOST_TEST(nada::detail::exif_orientation(bytes_of(tiff_with_orientation(6, type, little))) == 6);
  BOOST_TEST(nada::detail::exif_orientation(bytes_of(tiff_with_orientation(6, 2, true))) == 1);  // ASCII
  BOOST_TEST(nada::detail::exif_orientation({}) == 1);
  // PIL turns this picture so that it runs from black at the left to red at the right.
  const auto turned = read_picture(field / "exif6.png");
  BOOST_TEST((turned.width == 64 && turned.height == 64));
  for (const int y : {0, 63}) {
    BOOST_TEST((pixel(turned, 0, y) == std::array<int, 3>{0, 0, 0}));
    BOOST_TEST((pixel(turned, 63, y) == std::array<int, 3>{255, 0, 0}));
  }
}

BOOST_AUTO_TEST_CASE(jpegs_that_are_only_odd_are_read_as_they_are_meant) {
  const auto as_text = [](const char* name) { return read_text(field / name); };
  const auto odd = as_text("sos.jpg");
  auto usual = odd;
  const auto scan = usual.find("\xFF\xDA");
  BOOST_REQUIRE(usual.at(scan + 12) == '\0');
  usual[scan + 12] = 63;  // Se: the last coefficient of a sequential scan
  BOOST_TEST(largest_difference(decode(odd), decode(usual)) == 0);
  auto jfif = as_text("jfif21.jpg");
  BOOST_REQUIRE(jfif.at(11) == 2);
  const auto newer = decode(jfif);
  jfif[11] = 1;
  BOOST_TEST(largest_difference(newer, decode(jfif)) == 0);
  BOOST_TEST(largest_difference(newer, decode(usual)) == 0);  // both were made of one picture
  // The harmless warning comes first; what is lost behind it still counts.
  for (const auto& bytes : {odd, as_text("jfif21.jpg")}) {
    BOOST_TEST(refusal(bytes.substr(0, bytes.size() - 300) + "\xFF\xD9")
                   .starts_with("picture: is not a complete JPEG picture: "));
    BOOST_TEST(refusal(bytes.substr(0, bytes.size() - 2)) != "");
  }
}

BOOST_AUTO_TEST_CASE(a_claim_of_many_pixels_is_refused_before_anything_is_decoded) {
  BOOST_TEST(refusal(png(20000, 20000, 8, rgb, {0})) ==
             "picture: the picture is 20000x20000 pixels, expected at most 64000000 in all");
  BOOST_TEST(refusal(png(2147483647, 2147483647, 16, rgb_alpha, {0})).find("expected at most 64000000 in all") !=
             std::string::npos);
  BOOST_TEST(refusal(png(8000, 8000, 8, rgb, {0})).find("8000x8000 pixels cannot be in") != std::string::npos);
  BOOST_TEST(refusal(png(0, 1, 8, rgb, {0})) != "");
  BOOST_TEST(refusal(png(3, 2, 8, grey, {0, 1, 2, 3, 0, 4, 5, 6}), {.pixels = 5}) ==
             "picture: the picture is 3x2 pixels, expected at most 5 in all");
  BOOST_TEST(refusal(png(3, 2, 8, grey, {0, 1, 2, 3, 0, 4, 5, 6}), {.pixels = 6}) == "");
  auto bytes = jpeg(scenery(16, 16));
  const auto frame = bytes.find("\xFF\xC0");
  BOOST_REQUIRE(frame != std::string::npos);
  bytes.replace(frame + 5, 4, "\x4E\x20\x4E\x20");
  BOOST_TEST(refusal(bytes) == "picture: the picture is 20000x20000 pixels, expected at most 64000000 in all");
  bytes.replace(frame + 5, 4, "\x1F\x40\x1F\x40");
  BOOST_TEST(refusal(bytes).find("8000x8000 pixels cannot be in") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_png_cut_anywhere_is_an_error) {
  auto picture = scenery(9, 7);
  picture.text = {{"k", "v"}};
  const auto bytes = text_of(encode_png(picture));
  BOOST_TEST(refusal(bytes) == "");
  BOOST_TEST(refusal(bytes + "trailing") == "");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    BOOST_TEST(refusal(bytes.substr(0, size)) != "", "cut to " << size << " bytes");
  BOOST_TEST(refusal(bytes.substr(0, bytes.size() - 1)) == "picture: is not a complete PNG picture: it is cut off");
}

BOOST_AUTO_TEST_CASE(a_jpeg_cut_anywhere_is_an_error) {
  for (const int flags : {0, TJFLAG_PROGRESSIVE}) {
    const auto bytes = jpeg(scenery(32, 24), flags);
    BOOST_TEST(refusal(bytes) == "");
    BOOST_TEST(refusal(bytes + "trailing") == "");
    for (std::size_t size = 0; size < bytes.size(); ++size)
      BOOST_TEST(refusal(bytes.substr(0, size)) != "", "cut to " << size << " bytes");
    BOOST_TEST(refusal(bytes.substr(0, bytes.size() - 1)) == "picture: is not a complete JPEG picture: it is cut off");
    // Cut in the middle of the scan, yet with the end marker.
    BOOST_TEST(refusal(bytes.substr(0, bytes.size() - 40) + "\xFF\xD9")
                   .starts_with("picture: is not a complete JPEG picture: "));
  }
}

BOOST_AUTO_TEST_CASE(a_picture_with_any_byte_changed_is_decoded_or_refused) {
  auto picture = scenery(9, 7);
  picture.text = {{"k", "v"}};
  for (const auto& bytes : {text_of(encode_png(picture)), with_orientation(jpeg(scenery(16, 16)), 6, true),
                            jpeg(scenery(16, 16), TJFLAG_PROGRESSIVE)})
    for (std::size_t at = 0; at < bytes.size(); ++at)
      for (const int change : {1, 0x80, 0xFF}) {
        auto changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ change);
        refusal(changed, {.pixels = 1'000'000});  // no other exception, no crash
      }
}

BOOST_AUTO_TEST_CASE(a_damaged_png_is_an_error) {
  auto bytes = png(2, 1, 8, grey, {0, 1, 2});
  bytes[bytes.find("IDAT") + 8] ^= 1;
  BOOST_TEST(refusal(bytes).starts_with("picture: is not a complete PNG picture: "));
  BOOST_TEST(
      refusal(png(2, 2, 8, grey, {0, 1, 2})).starts_with("picture: is not a complete PNG picture: "));  // a row short
  BOOST_TEST(refusal(png(2, 1, 8, grey, {9, 1, 2}))
                 .starts_with("picture: is not a complete PNG picture: "));  // no such filter
  BOOST_TEST(
      refusal(png(1, 1, 8, palette, {0, 0})).starts_with("picture: is not a complete PNG picture: "));  // no palette
}

BOOST_AUTO_TEST_CASE(a_png_chunk_cannot_ask_for_memory_that_the_file_does_not_justify) {
  const std::string refused =
      "picture: is not a complete PNG picture: it asks for more memory than a file of its size has reason to";
  const auto announced = "\x49\x49\x10\x10tEXt" + std::string(100, 'a');
  // libpng 1.6.48 reads in pieces before it allocates, 1.6.39 asks for all of it.
  const auto expected = PNG_LIBPNG_VER < 10648 ? refused : "picture: is not a complete PNG picture: it is cut off";
  BOOST_TEST(refusal(png(1, 1, 8, grey, {0, 0}, announced)) == expected);
  // Packed texts: 8 KB become 8 MB each.
  const auto packed = deflated(std::string(7'900'000, '\xE9'));
  std::string chunks;
  for (int i = 0; i < 20; ++i) chunks += chunk("zTXt", std::to_string(i) + std::string(2, '\0') + packed);
  BOOST_TEST(refusal(png(1, 1, 8, grey, {0, 0}, chunks)) == refused);
  // A long text that is there is read.
  const std::string long_text(3'000'000, 'x');
  const auto read = decode(png(1, 1, 8, grey, {0, 0}, chunk("tEXt", std::string("k\0", 2) + long_text)));
  BOOST_TEST((read.text.at("k") == long_text));
}

BOOST_AUTO_TEST_CASE(a_palette_index_beyond_the_palette_stays_in_bounds) {
  decode(png(1, 1, 8, palette, {0, 200}, chunk("PLTE", "abc")));  // the sanitizers watch
}

BOOST_AUTO_TEST_CASE(what_is_no_picture_is_described) {
  BOOST_TEST(refusal("") == "picture: expected a PNG or JPEG picture, found an empty file");
  BOOST_TEST(refusal("GIF89a\1\1").ends_with("found GIF (47 49 46 38 39 61 01 01)"));
  BOOST_TEST(refusal("RIFF\1\1\1\1WEBPVP8 ").find("found WebP (52 49 46 46 01") != std::string::npos);
  BOOST_TEST(refusal("hello world").ends_with("found the bytes 68 65 6C 6C 6F 20 77 6F \"hello wo\""));
  BOOST_TEST(refusal("\xFF").ends_with("found the bytes FF \"\\xFF\""));
  const TemporaryFolder folder;
  write_text(folder / "a.png", "BM");
  BOOST_TEST(error_of([&] { read_picture(folder / "a.png"); }) ==
             (folder / "a.png").string() + ": expected a PNG or JPEG picture, found BMP (42 4D)");
  BOOST_TEST(error_of([&] { read_picture(folder / "b.png"); }) == (folder / "b.png").string() + ": no such file");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_refused) {
  const TemporaryFolder folder;
  const auto picture = scenery(2, 2);
  BOOST_TEST(error_of([&] { write_picture(folder / "a.gif", picture); }) ==
             "cannot write " + (folder / "a.gif").string() + ": expected a name that ends in .png, .jpg or .jpeg");
  BOOST_TEST(error_of([&] {
               encode_png({2, 2, Octets(11), {}});
             }) == "cannot write a picture of 2x2 pixels that has 11 bytes");
  BOOST_TEST(error_of([&] { encode_jpeg({0, 2, {}, {}}); }) == "cannot write a picture of 0x2 pixels that has 0 bytes");
  BOOST_TEST(error_of([&] { encode_jpeg(picture, 0); }) == "the JPEG quality must be in [1, 100], found 0");
  BOOST_TEST(
      error_of([&] { encode_jpeg(make_canvas(65501, 1)); }).starts_with("a JPEG picture has sides of at most 65500"));
  const auto with = [&](const std::string& key, const std::string& value) {
    auto changed = picture;
    changed.text = {{key, value}};
    return error_of([&] { encode_png(changed); });
  };
  BOOST_TEST(with(std::string(79, 'k'), "") == "");
  for (const std::string& key :
       {std::string(80, 'k'), std::string(), std::string(" a"), std::string("a "), std::string("a  b"),
        std::string("a\nb"), std::string("\xE2\x82\xAC"), std::string("\xFF"), std::string("\xC2\xA0")})
    BOOST_TEST(with(key, "").starts_with("expected a PNG keyword of 1 to 79 printable Latin-1 characters, found "),
               key);
  BOOST_TEST(with("k", "\xFF") == "the PNG text \"k\" must be UTF-8 without NUL, found \"\\xFF\"");
  BOOST_TEST(with("k", std::string(1, '\0')).find("without NUL") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(wide_pictures_beyond_the_usual_limit_of_libpng_can_be_written_and_read) {
  const auto wide = make_canvas(1'200'000, 1, {1, 2, 3});
  BOOST_TEST((decode(text_of(encode_png(wide))).pixels == wide.pixels));
}

BOOST_AUTO_TEST_SUITE_END()
