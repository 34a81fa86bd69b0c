// Bodies of text_cleaning.hpp.
#pragma once
#include "nada/encoders/text_cleaning.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE std::u32string decode_utf8(std::string_view bytes) {
  std::u32string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const auto first = static_cast<unsigned char>(bytes[at++]);
    if (first < 0x80) {
      text += first;
      continue;
    }
    const int more = first >= 0xC2 && first < 0xE0   ? 1
                     : first >= 0xE0 && first < 0xF0 ? 2
                     : first >= 0xF0 && first < 0xF5 ? 3
                                                     : 0;
    char32_t point = more == 1 ? first & 0x1F : more == 2 ? first & 0x0F : first & 0x07;
    // The second byte's range rules out overlong forms, surrogates and code points past U+10FFFF.
    unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    int read = 0;
    for (; read < more && at < bytes.size(); ++read, ++at) {
      const auto next = static_cast<unsigned char>(bytes[at]);
      if (next < low || next > high) break;
      point = point << 6 | (next & 0x3F);
      low = 0x80;
      high = 0xBF;
    }
    text += more > 0 && read == more ? point : U'\uFFFD';
  }
  return text;
}

NADA_INLINE std::string encode_utf8(std::u32string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (char32_t point : text) {
    if (!utf8proc_codepoint_valid(static_cast<utf8proc_int32_t>(point))) point = 0xFFFD;
    std::array<utf8proc_uint8_t, 4> buffer;
    const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(point), buffer.data());
    bytes.append(buffer.begin(), buffer.begin() + size);
  }
  return bytes;
}

namespace detail {
NADA_INLINE bool is_letter(char32_t point) {
  const auto kind = category(point);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

NADA_INLINE bool is_mark(char32_t point) {
  const auto kind = category(point);
  return kind >= UTF8PROC_CATEGORY_MN && kind <= UTF8PROC_CATEGORY_ME;
}

NADA_INLINE bool is_number(char32_t point) {
  const auto kind = category(point);
  return kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO;
}

NADA_INLINE bool is_space(char32_t point) {
  return (point >= 9 && point <= 13) || point == 0x85 || point == 0x2028 || point == 0x2029 ||
         category(point) == UTF8PROC_CATEGORY_ZS;
}

NADA_INLINE std::u32string normalized(std::u32string text, int options) {
  // Long runs of marks are put in order here, which utf8proc does as well but in quadratic time.
  const auto order = [](char32_t point) {
    return utf8proc_get_property(static_cast<utf8proc_int32_t>(point))->combining_class;
  };
  for (auto first = text.begin(); first != text.end();) {
    first = std::find_if(first, text.end(), [&](char32_t point) { return order(point) != 0; });
    const auto last = std::find_if(first, text.end(), [&](char32_t point) { return order(point) == 0; });
    std::stable_sort(first, last, [&](char32_t a, char32_t b) { return order(a) < order(b); });
    first = last;
  }
  const std::string bytes = encode_utf8(text);
  utf8proc_uint8_t* result = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()), static_cast<utf8proc_ssize_t>(bytes.size()),
                   &result, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | options));
  if (size < 0) throw std::bad_alloc();
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
  return decode_utf8({reinterpret_cast<const char*>(result), static_cast<std::size_t>(size)});
}

NADA_INLINE char32_t windows_1252(char32_t point) {
  static constexpr std::array<char16_t, 32> meant = {0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                     0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,   0x017D, 0x8F,
                                                     0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                     0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
  return within(point, 0x80, 0x9F) ? meant[point - 0x80] : point;
}

NADA_INLINE const NamedReferences& named_references() {
  static const NamedReferences references = [] {
    // The names of U+00A0 to U+00FF, in order.
    static constexpr std::array<std::string_view, 96> latin = {
        "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",    "copy",   "ordf",
        "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",   "acute",  "micro",
        "para",   "middot", "cedil",  "sup1",   "ordm",   "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave",
        "Aacute", "Acirc",  "Atilde", "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",
        "Igrave", "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",
        "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",  "szlig",  "agrave", "aacute",
        "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil", "egrave", "eacute", "ecirc",  "euml",   "igrave",
        "iacute", "icirc",  "iuml",   "eth",    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide",
        "oslash", "ugrave", "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};
    static constexpr std::pair<std::string_view, char32_t> basic[] = {
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'},   {"quot", '"'},  {"AMP", '&'},
        {"LT", '<'},  {"GT", '>'}, {"QUOT", '"'}, {"COPY", 0xA9}, {"REG", 0xAE}};
    static constexpr std::pair<std::string_view, char32_t> other[] = {
        {"Tab", 0x9},       {"NewLine", 0xA},    {"excl", 0x21},     {"num", 0x23},       {"dollar", 0x24},
        {"percnt", 0x25},   {"apos", 0x27},      {"lpar", 0x28},     {"rpar", 0x29},      {"ast", 0x2A},
        {"plus", 0x2B},     {"comma", 0x2C},     {"period", 0x2E},   {"sol", 0x2F},       {"colon", 0x3A},
        {"semi", 0x3B},     {"equals", 0x3D},    {"quest", 0x3F},    {"commat", 0x40},    {"lbrack", 0x5B},
        {"lsqb", 0x5B},     {"bsol", 0x5C},      {"rbrack", 0x5D},   {"rsqb", 0x5D},      {"Hat", 0x5E},
        {"lowbar", 0x5F},   {"grave", 0x60},     {"lbrace", 0x7B},   {"lcub", 0x7B},      {"verbar", 0x7C},
        {"vert", 0x7C},     {"rbrace", 0x7D},    {"rcub", 0x7D},     {"half", 0xBD},      {"div", 0xF7},
        {"Amacr", 0x100},   {"amacr", 0x101},    {"Abreve", 0x102},  {"abreve", 0x103},   {"Aogon", 0x104},
        {"aogon", 0x105},   {"Cacute", 0x106},   {"cacute", 0x107},  {"Ccaron", 0x10C},   {"ccaron", 0x10D},
        {"Dcaron", 0x10E},  {"dcaron", 0x10F},   {"Dstrok", 0x110},  {"dstrok", 0x111},   {"Emacr", 0x112},
        {"emacr", 0x113},   {"Eogon", 0x118},    {"eogon", 0x119},   {"Ecaron", 0x11A},   {"ecaron", 0x11B},
        {"Gbreve", 0x11E},  {"gbreve", 0x11F},   {"Imacr", 0x12A},   {"imacr", 0x12B},    {"Idot", 0x130},
        {"imath", 0x131},   {"Lstrok", 0x141},   {"lstrok", 0x142},  {"Nacute", 0x143},   {"nacute", 0x144},
        {"Ncaron", 0x147},  {"ncaron", 0x148},   {"Omacr", 0x14C},   {"omacr", 0x14D},    {"Odblac", 0x150},
        {"odblac", 0x151},  {"OElig", 0x152},    {"oelig", 0x153},   {"Rcaron", 0x158},   {"rcaron", 0x159},
        {"Sacute", 0x15A},  {"sacute", 0x15B},   {"Scedil", 0x15E},  {"scedil", 0x15F},   {"Scaron", 0x160},
        {"scaron", 0x161},  {"Tcaron", 0x164},   {"tcaron", 0x165},  {"Umacr", 0x16A},    {"umacr", 0x16B},
        {"Uring", 0x16E},   {"uring", 0x16F},    {"Udblac", 0x170},  {"udblac", 0x171},   {"Yuml", 0x178},
        {"Zacute", 0x179},  {"zacute", 0x17A},   {"Zdot", 0x17B},    {"zdot", 0x17C},     {"Zcaron", 0x17D},
        {"zcaron", 0x17E},  {"fnof", 0x192},     {"circ", 0x2C6},    {"tilde", 0x2DC},    {"Alpha", 0x391},
        {"Beta", 0x392},    {"Gamma", 0x393},    {"Delta", 0x394},   {"Epsilon", 0x395},  {"Zeta", 0x396},
        {"Eta", 0x397},     {"Theta", 0x398},    {"Iota", 0x399},    {"Kappa", 0x39A},    {"Lambda", 0x39B},
        {"Mu", 0x39C},      {"Nu", 0x39D},       {"Xi", 0x39E},      {"Omicron", 0x39F},  {"Pi", 0x3A0},
        {"Rho", 0x3A1},     {"Sigma", 0x3A3},    {"Tau", 0x3A4},     {"Upsilon", 0x3A5},  {"Phi", 0x3A6},
        {"Chi", 0x3A7},     {"Psi", 0x3A8},      {"Omega", 0x3A9},   {"alpha", 0x3B1},    {"beta", 0x3B2},
        {"gamma", 0x3B3},   {"delta", 0x3B4},    {"epsilon", 0x3B5}, {"zeta", 0x3B6},     {"eta", 0x3B7},
        {"theta", 0x3B8},   {"iota", 0x3B9},     {"kappa", 0x3BA},   {"lambda", 0x3BB},   {"mu", 0x3BC},
        {"nu", 0x3BD},      {"xi", 0x3BE},       {"omicron", 0x3BF}, {"pi", 0x3C0},       {"rho", 0x3C1},
        {"sigmaf", 0x3C2},  {"sigma", 0x3C3},    {"tau", 0x3C4},     {"upsilon", 0x3C5},  {"phi", 0x3C6},
        {"chi", 0x3C7},     {"psi", 0x3C8},      {"omega", 0x3C9},   {"thetasym", 0x3D1}, {"upsih", 0x3D2},
        {"piv", 0x3D6},     {"ensp", 0x2002},    {"emsp", 0x2003},   {"numsp", 0x2007},   {"thinsp", 0x2009},
        {"hairsp", 0x200A}, {"zwnj", 0x200C},    {"zwj", 0x200D},    {"lrm", 0x200E},     {"rlm", 0x200F},
        {"dash", 0x2010},   {"hyphen", 0x2010},  {"ndash", 0x2013},  {"mdash", 0x2014},   {"horbar", 0x2015},
        {"lsquo", 0x2018},  {"rsquo", 0x2019},   {"sbquo", 0x201A},  {"ldquo", 0x201C},   {"rdquo", 0x201D},
        {"bdquo", 0x201E},  {"dagger", 0x2020},  {"Dagger", 0x2021}, {"bull", 0x2022},    {"hellip", 0x2026},
        {"permil", 0x2030}, {"prime", 0x2032},   {"Prime", 0x2033},  {"lsaquo", 0x2039},  {"rsaquo", 0x203A},
        {"oline", 0x203E},  {"frasl", 0x2044},   {"euro", 0x20AC},   {"image", 0x2111},   {"numero", 0x2116},
        {"weierp", 0x2118}, {"real", 0x211C},    {"trade", 0x2122},  {"TRADE", 0x2122},   {"alefsym", 0x2135},
        {"frac13", 0x2153}, {"frac23", 0x2154},  {"larr", 0x2190},   {"uarr", 0x2191},    {"rarr", 0x2192},
        {"darr", 0x2193},   {"harr", 0x2194},    {"crarr", 0x21B5},  {"lArr", 0x21D0},    {"uArr", 0x21D1},
        {"rArr", 0x21D2},   {"dArr", 0x21D3},    {"hArr", 0x21D4},   {"forall", 0x2200},  {"part", 0x2202},
        {"exist", 0x2203},  {"empty", 0x2205},   {"nabla", 0x2207},  {"isin", 0x2208},    {"notin", 0x2209},
        {"ni", 0x220B},     {"prod", 0x220F},    {"sum", 0x2211},    {"minus", 0x2212},   {"lowast", 0x2217},
        {"radic", 0x221A},  {"prop", 0x221D},    {"infin", 0x221E},  {"ang", 0x2220},     {"and", 0x2227},
        {"or", 0x2228},     {"cap", 0x2229},     {"cup", 0x222A},    {"int", 0x222B},     {"there4", 0x2234},
        {"sim", 0x223C},    {"cong", 0x2245},    {"asymp", 0x2248},  {"ne", 0x2260},      {"equiv", 0x2261},
        {"le", 0x2264},     {"ge", 0x2265},      {"sub", 0x2282},    {"sup", 0x2283},     {"nsub", 0x2284},
        {"sube", 0x2286},   {"supe", 0x2287},    {"oplus", 0x2295},  {"otimes", 0x2297},  {"perp", 0x22A5},
        {"sdot", 0x22C5},   {"lceil", 0x2308},   {"rceil", 0x2309},  {"lfloor", 0x230A},  {"rfloor", 0x230B},
        {"loz", 0x25CA},    {"starf", 0x2605},   {"star", 0x2606},   {"phone", 0x260E},   {"female", 0x2640},
        {"male", 0x2642},   {"spades", 0x2660},  {"clubs", 0x2663},  {"hearts", 0x2665},  {"diams", 0x2666},
        {"flat", 0x266D},   {"natural", 0x266E}, {"sharp", 0x266F},  {"check", 0x2713},   {"cross", 0x2717},
        {"lang", 0x27E8},   {"rang", 0x27E9}};
    NamedReferences all;
    all.legacy.insert(std::begin(basic), std::end(basic));
    for (std::size_t i = 0; i < latin.size(); ++i) all.legacy.emplace(latin[i], static_cast<char32_t>(0xA0 + i));
    all.any = all.legacy;
    all.any.insert(std::begin(other), std::end(other));
    return all;
  }();
  return references;
}

NADA_INLINE std::string ascii_prefix(std::u32string_view text) {
  std::string key;
  for (const char32_t c : text) {
    if (c >= 0x80) break;
    key += static_cast<char>(c);
  }
  return key;
}

NADA_INLINE std::u32string capital(char32_t point) {
  if (point == 0xDF) return U"SS";
  return {static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(point)))};
}

NADA_INLINE std::u32string numbered_character(std::uint32_t number) {
  if (number == 0 || within(number, 0xD800, 0xDFFF) || number > 0x10FFFF) return U"\uFFFD";
  if (within(number, 0x80, 0x9F)) return {windows_1252(number)};
  const bool control = within(number, 1, 8) || number == 0xB || within(number, 0xE, 0x1F) || number == 0x7F;
  if (control || within(number, 0xFDD0, 0xFDEF) || (number & 0xFFFE) == 0xFFFE) return {};
  return {static_cast<char32_t>(number)};
}

NADA_INLINE std::optional<std::u32string> take_number(std::u32string_view& text) {
  if (!text.starts_with(U'#')) return std::nullopt;
  const bool hexadecimal = text.size() > 1 && (text[1] == 'x' || text[1] == 'X');
  const std::size_t first = hexadecimal ? 2 : 1;
  std::size_t at = first;
  std::uint32_t number = 0;
  for (; at < text.size(); ++at) {
    const char32_t c = text[at];
    const bool letter = hexadecimal && within(c | 0x20, 'a', 'f') && c < 0x80;
    if (!is_digit(c) && !letter) break;
    const std::uint32_t digit = letter ? (c | 0x20) - 'a' + 10 : c - '0';
    number = std::min<std::uint32_t>(number * (hexadecimal ? 16 : 10) + digit, 0x110000);
  }
  if (at == first) return std::nullopt;
  text.remove_prefix(at < text.size() && text[at] == ';' ? at + 1 : at);
  return numbered_character(number);
}

NADA_INLINE std::u32string unescape_html(std::u32string_view text) {
  std::u32string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto ampersand = std::min(text.find(U'&'), text.size());
    result += text.substr(0, ampersand);
    text.remove_prefix(ampersand);
    if (text.empty()) break;
    text.remove_prefix(1);
    if (const auto character = take_number(text)) {
      result += *character;
      continue;
    }
    const auto stop = std::min(text.find_first_of(U"\t\n\f <&#;"), std::min<std::size_t>(text.size(), 32));
    const std::string name = ascii_prefix(text.substr(0, stop));
    const bool closed = name.size() == stop && stop < text.size() && text[stop] == ';';
    const auto& [any, legacy] = named_references();
    char32_t character = '&';
    std::size_t used = 0;
    if (const auto found = any.find(name); closed && found != any.end()) {
      character = found->second;
      used = name.size() + 1;
    } else {
      for (std::size_t size = std::min<std::size_t>(name.size(), 6); size > 1 && used == 0; --size) {
        const auto prefix = legacy.find(std::string_view(name).substr(0, size));
        if (prefix == legacy.end()) continue;
        character = prefix->second;
        used = size;
      }
    }
    result += character;
    text.remove_prefix(used);
  }
  return result;
}

NADA_INLINE std::u32string unescape_closed(std::u32string_view text) {
  std::u32string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto ampersand = std::min(text.find(U'&'), text.size());
    result += text.substr(0, ampersand);
    text.remove_prefix(ampersand);
    if (text.empty()) break;
    const std::size_t first = text.size() > 1 && text[1] == '#' ? 2 : 1;
    std::size_t last = first;
    while (last < text.size() && last < first + 24 && (is_digit(text[last]) || is_ascii_letter(text[last]))) ++last;
    const bool closed = last > first && last < text.size() && text[last] == ';';
    std::u32string meant(text.substr(0, closed ? last + 1 : 1));
    text.remove_prefix(meant.size());
    if (first == 2 && closed) {
      const std::u32string unescaped = unescape_html(meant);
      if (unescaped.find(U';') == std::u32string::npos) meant = unescaped;
    } else if (closed) {
      std::string name = ascii_prefix(std::u32string_view(meant).substr(1, last - 1));
      const auto& references = named_references().any;
      if (const auto found = references.find(name); found != references.end()) {
        meant = found->second;
      } else if (std::none_of(name.begin(), name.end(), [](char c) { return within(c, 'a', 'z'); })) {
        for (char& c : name) c = within(c, 'A', 'Z') ? static_cast<char>(c | 0x20) : c;
        const auto small = references.find(name);
        if (small != references.end()) meant = capital(small->second);
      }
    }
    result += meant;
  }
  return result;
}

NADA_INLINE std::u32string without_terminal_escapes(std::u32string_view text) {
  std::u32string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == 0x1B && at + 1 < text.size() && text[at + 1] == '[') {
      const auto letter = text.find_first_not_of(U"0123456789;", at + 2);
      if (letter != std::u32string_view::npos && is_ascii_letter(text[letter])) {
        at = letter;
        continue;
      }
    }
    result += text[at];
  }
  return result;
}

NADA_INLINE const char32_t* ligature(char32_t point) {
  static constexpr std::array<const char32_t*, 9> croatian = {U"D\u017D", U"D\u017E", U"d\u017E", U"LJ", U"Lj",
                                                              U"lj",      U"NJ",      U"Nj",      U"nj"};
  static constexpr std::array<const char32_t*, 7> latin = {U"ff", U"fi", U"fl", U"ffi", U"ffl", U"\u017Ft", U"st"};
  if (within(point, 0x1C4, 0x1CC)) return croatian[point - 0x1C4];
  if (within(point, 0xFB00, 0xFB06)) return latin[point - 0xFB00];
  switch (point) {
    case 0x132:
      return U"IJ";
    case 0x133:
      return U"ij";
    case 0x149:
      return U"\u02BCn";
    case 0x1F1:
      return U"DZ";
    case 0x1F2:
      return U"Dz";
    case 0x1F3:
      return U"dz";
    default:
      return nullptr;
  }
}

NADA_INLINE bool is_stray_control(char32_t point) {
  return point <= 8 || point == 0xB || within(point, 0xE, 0x1F) || point == 0x7F || within(point, 0x206A, 0x206F) ||
         point == 0xFEFF || within(point, 0xFFF9, 0xFFFC);
}

NADA_INLINE std::u32string repaired_once(std::u32string text, bool unescape) {
  if (unescape) text = unescape_closed(text);
  text = without_terminal_escapes(text);
  std::u32string result;
  result.reserve(text.size());
  bool ascii = true;
  const auto put = [&](char32_t point) {
    if (point == 0x2BC || within(point, 0x2018, 0x201B)) point = '\'';
    if (within(point, 0x201C, 0x201F)) point = '"';
    if (point == '\r' || point == 0x2028 || point == 0x2029) point = '\n';
    if (is_stray_control(point)) return;
    ascii = ascii && point < 0x80;
    result += point;
  };
  for (char32_t point : text) {
    point = windows_1252(point);
    if (const char32_t* apart = ligature(point)) {
      for (; *apart != 0; ++apart) put(*apart);
    } else if (point == 0x3000) {
      put(' ');
    } else if (within(point, 0xFF01, 0xFFEF)) {  // full and half width
      for (const char32_t plain : normalized({point}, UTF8PROC_COMPAT)) put(plain);
    } else {
      put(point);
    }
  }
  return ascii ? result : normalized(std::move(result), 0);
}

NADA_INLINE std::u32string repaired(std::u32string_view text) {
  std::u32string result;
  bool unescape = true;
  while (!text.empty()) {
    const auto size = std::min(text.find(U'\n'), text.size() - 1) + 1;
    std::u32string line(text.substr(0, size));
    text.remove_prefix(size);
    if (line.find(U'<') != std::u32string::npos) unescape = false;
    for (int round = 0; round < 32; ++round) {
      auto next = repaired_once(line, unescape);
      if (next == line) break;
      line = std::move(next);
    }
    result += line;
  }
  return result;
}

NADA_INLINE std::u32string with_single_spaces(std::u32string_view text) {
  std::u32string result;
  bool space = false;
  for (const char32_t point : text) {
    if (is_space(point)) {
      space = true;
      continue;
    }
    if (space && !result.empty()) result += U' ';
    space = false;
    result += point;
  }
  return result;
}

NADA_INLINE bool is_cased(char32_t point) {
  const auto kind = category(point);
  if (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LT) return true;
  static constexpr std::pair<char32_t, char32_t> others[] = {
      // Other_Lowercase and Other_Uppercase
      {0xAA, 0xAA},       {0xBA, 0xBA},       {0x2B0, 0x2B8},     {0x2C0, 0x2C1},     {0x2E0, 0x2E4},
      {0x345, 0x345},     {0x37A, 0x37A},     {0x1D2C, 0x1D6A},   {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},
      {0x2071, 0x2071},   {0x207F, 0x207F},   {0x2090, 0x209C},   {0x2160, 0x217F},   {0x24B6, 0x24E9},
      {0x2C7C, 0x2C7D},   {0xA69C, 0xA69D},   {0xA770, 0xA770},   {0xA7F8, 0xA7F9},   {0xAB5C, 0xAB5F},
      {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA}, {0x1F130, 0x1F149},
      {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
  return std::any_of(std::begin(others), std::end(others),
                     [&](auto range) { return within(point, range.first, range.second); });
}

NADA_INLINE bool is_case_ignorable(char32_t point) {
  switch (category(point)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      break;
  }
  static constexpr std::u32string_view in_words =
      U"'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A";
  return in_words.find(point) != std::u32string_view::npos;
}

NADA_INLINE std::u32string lower_case(std::u32string_view text) {
  std::vector<bool> followed(text.size());  // by a cased letter, case-ignorable ones in between aside
  bool cased = false;
  for (std::size_t at = text.size(); at-- > 0;) {
    followed[at] = cased;
    if (!is_case_ignorable(text[at])) cased = is_cased(text[at]);
  }
  std::u32string result;
  result.reserve(text.size());
  cased = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char32_t point = text[at];
    if (point == 0x130) {
      result += U"i\u0307";
    } else if (point == 0x3A3) {
      result += cased && !followed[at] ? U'\u03C2' : U'\u03C3';
    } else {
      result += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point)));
    }
    if (!is_case_ignorable(point)) cased = is_cased(point);
  }
  return result;
}

NADA_INLINE std::u32string cleaned(std::string_view text) {
  auto points = repaired(decode_utf8(text));
  for (int round = 0; round < 2; ++round) points = unescape_html(points);
  return lower_case(with_single_spaces(points));
}

}  // namespace detail

}  // namespace nada
