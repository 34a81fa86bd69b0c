// Bodies of html_references.hpp.
#pragma once
#include "nada/encoders/html_references.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/unicode.hpp"

namespace nada::detail {

/// The names of U+00A0 to U+00FF, in order; all of them are legacy names.
inline constexpr std::array<std::string_view, 96> kLatinReferences = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",    "copy",   "ordf",
    "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",   "acute",  "micro",
    "para",   "middot", "cedil",  "sup1",   "ordm",   "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave",
    "Aacute", "Acirc",  "Atilde", "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",
    "Igrave", "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",
    "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",  "szlig",  "agrave", "aacute",
    "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil", "egrave", "eacute", "ecirc",  "euml",   "igrave",
    "iacute", "icirc",  "iuml",   "eth",    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide",
    "oslash", "ugrave", "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};

/// The legacy names outside U+00A0 to U+00FF.
inline constexpr std::pair<std::string_view, char32_t> kBasicReferences[] = {
    {"amp", '&'}, {"lt", '<'}, {"gt", '>'},   {"quot", '"'},  {"AMP", '&'},
    {"LT", '<'},  {"GT", '>'}, {"QUOT", '"'}, {"COPY", 0xA9}, {"REG", 0xAE}};

/// Names that need their semicolon.
inline constexpr std::pair<std::string_view, char32_t> kOtherReferences[] = {
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

struct NamedReferences {
  std::unordered_map<std::string_view, char32_t> any;     // names that need their semicolon
  std::unordered_map<std::string_view, char32_t> legacy;  // names that are also read without a semicolon
};

/// Returns the named references: all names of HTML 4 (with the code points of HTML 5) and common names of HTML 5.
NADA_INLINE const NamedReferences& named_references() {
  static const NamedReferences references = [] {
    NamedReferences all;
    all.legacy.insert(std::begin(kBasicReferences), std::end(kBasicReferences));
    for (std::size_t i = 0; i < kLatinReferences.size(); ++i)
      all.legacy.emplace(kLatinReferences[i], static_cast<char32_t>(0xA0 + i));
    all.any = all.legacy;
    all.any.insert(std::begin(kOtherReferences), std::end(kOtherReferences));
    return all;
  }();
  return references;
}

NADA_INLINE char32_t windows_1252(char32_t point) {
  static constexpr std::array<char16_t, 32> meant = {0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                     0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,   0x017D, 0x8F,
                                                     0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                     0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
  return within(point, 0x80, 0x9F) ? meant[point - 0x80] : point;
}

inline bool is_digit(char32_t c) { return within(c, '0', '9'); }

/// Returns the ASCII start of `text`, as a key of the tables.
NADA_INLINE std::string ascii_prefix(std::u32string_view text) {
  std::string key;
  for (const char32_t c : text) {
    if (c >= 0x80) break;
    key += static_cast<char>(c);
  }
  return key;
}

/// Returns the upper case of a single character.
NADA_INLINE std::u32string capital(char32_t point) {
  if (point == 0xDF) return U"SS";
  return {static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(point)))};
}

/// Returns the text that `&#number;` stands for, with HTML's corrections; nothing for code
/// points that are no characters.
NADA_INLINE std::u32string numbered_character(std::uint32_t number) {
  if (number == 0 || within(number, 0xD800, 0xDFFF) || number > 0x10FFFF) return U"\uFFFD";
  if (within(number, 0x80, 0x9F)) return {windows_1252(number)};
  const bool control = within(number, 1, 8) || number == 0xB || within(number, 0xE, 0x1F) || number == 0x7F;
  if (control || within(number, 0xFDD0, 0xFDEF) || (number & 0xFFFE) == 0xFFFE) return {};
  return {static_cast<char32_t>(number)};
}

/// Reads `#12`, `#x1F` with or without `;` at the start of `text` (which stands after `&`) and removes it from there.
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

/// Replaces the references of `text`. For each `&`, `take(rest)` gets the text from there on, removes the reference (or
/// the ampersand alone) from its start and returns the replacement.
template <class Take>
std::u32string with_references(std::u32string_view text, Take take) {
  std::u32string result;
  result.reserve(text.size());
  for (;;) {
    const auto ampersand = std::min(text.find(U'&'), text.size());
    result += text.substr(0, ampersand);
    text.remove_prefix(ampersand);
    if (text.empty()) return result;
    result += take(text);
  }
}

/// Reads a reference as html.unescape does.
NADA_INLINE std::u32string take_reference(std::u32string_view& text) {
  text.remove_prefix(1);
  if (const auto character = take_number(text)) return *character;
  const auto stop = std::min(text.find_first_of(U"\t\n\f <&#;"), std::min<std::size_t>(text.size(), 32));
  const std::string name = ascii_prefix(text.substr(0, stop));
  const auto& [any, legacy] = named_references();
  if (name.size() == stop && stop < text.size() && text[stop] == ';') {
    if (const auto found = any.find(name); found != any.end()) {
      text.remove_prefix(stop + 1);
      return {found->second};
    }
  }
  for (std::size_t size = std::min<std::size_t>(name.size(), 6); size > 1; --size) {
    const auto found = legacy.find(std::string_view(name).substr(0, size));
    if (found == legacy.end()) continue;
    text.remove_prefix(size);
    return {found->second};
  }
  return U"&";
}

/// Returns the text that ftfy reads the closed reference `&name;` as; nothing where the table has no such name.
NADA_INLINE std::optional<std::u32string> named_character(std::string name) {
  const auto& references = named_references().any;
  if (const auto found = references.find(name); found != references.end()) return std::u32string{found->second};
  if (std::any_of(name.begin(), name.end(), [](char c) { return within(c, 'a', 'z'); })) return std::nullopt;
  for (char& c : name) c = within(c, 'A', 'Z') ? static_cast<char>(c | 0x20) : c;
  const auto small = references.find(name);
  return small == references.end() ? std::nullopt : std::optional(capital(small->second));
}

/// Reads a reference as ftfy does.
NADA_INLINE std::u32string take_closed_reference(std::u32string_view& text) {
  const std::size_t first = text.size() > 1 && text[1] == '#' ? 2 : 1;
  std::size_t last = first;
  while (last < text.size() && last < first + 24 && (is_digit(text[last]) || is_ascii_letter(text[last]))) ++last;
  const bool closed = last > first && last < text.size() && text[last] == ';';
  std::u32string written(text.substr(0, closed ? last + 1 : 1));
  text.remove_prefix(written.size());
  if (!closed) return written;
  if (first == 1)
    return named_character(ascii_prefix(std::u32string_view(written).substr(1, last - 1))).value_or(written);
  std::u32string meant = unescape_html(written);
  return meant.find(U';') == std::u32string::npos ? meant : written;
}

NADA_INLINE std::u32string unescape_html(std::u32string_view text) { return with_references(text, take_reference); }

NADA_INLINE std::u32string unescape_closed(std::u32string_view text) {
  return with_references(text, take_closed_reference);
}

}  // namespace nada::detail
