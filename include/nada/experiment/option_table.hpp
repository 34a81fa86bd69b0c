/// Options of a program: declared once, read from the command line and from option files, written into run folders.
#pragma once
#include <charconv>
#include <filesystem>
#include <functional>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/hub_address.hpp"

namespace nada {

/// EncoderChoice is an encoder's file and its weight in the objective: FILE[:weight].
struct EncoderChoice {
  std::filesystem::path path;
  double weight = 1;
};

/// Returns the number that `text` spells, for the option `name`; T is an integer or floating-point type.
/// Errors:  "option <name>: expected a number, found '<text>'" where the text is no number or out of T's range.
template <class T>
requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) T
    read_number(const std::string& name, const std::string& text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  require(error == std::errc{} && stop == end && !text.empty(), "option ", name, ": expected ",
          std::is_floating_point_v<T> ? "a number"
          : std::is_unsigned_v<T>     ? "a whole number >= 0"
                                      : "a whole number",
          ", found '", text, "'");
  return value;
}

/// Returns the encoder that FILE or FILE:weight names; a relative path is taken from the folder `base`. The part after
/// the last colon is a weight only where that part is a number, so that paths may have colons.
EncoderChoice read_encoder_choice(const std::string& text, const std::filesystem::path& base);

namespace detail {

/// Returns the text of a path in an option file in the folder `base`: relative to it; an address of the Hub with its commit,
/// for which it is resolved.
/// Errors:  as local_path().
std::string saved_path(const std::filesystem::path& path, const std::filesystem::path& base);

template <class T>
struct is_list : std::false_type {};
template <class T>
struct is_list<std::vector<T>> : std::true_type {};

/// OptionText turns text into a value and back. Relative paths are relative to the folder `base`, both ways.
template <class T>
struct OptionText {
  static T read(const std::string& name, const std::string& text, const std::filesystem::path& base) {
    if constexpr (std::is_same_v<T, std::string>) {
      return text;
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
      const std::filesystem::path path(text);
      const bool as_it_is = path.empty() || path.is_absolute() || base.empty() || is_hub_address(path);
      return as_it_is ? path : (base / path).lexically_normal();
    } else if constexpr (std::is_same_v<T, EncoderChoice>) {
      return read_encoder_choice(text, base);
    } else if constexpr (std::is_same_v<T, bool>) {
      require(text == "true" || text == "false", "option ", name, ": expected true or false, found '", text, "'");
      return text == "true";
    } else if constexpr (std::is_arithmetic_v<T>) {
      return read_number<T>(name, text);
    } else {
      return T{OptionText<typename T::value_type>::read(name, text, base)};  // for std::optional
    }
  }
  static std::string write(const T& value, const std::filesystem::path& base) {
    if constexpr (std::is_same_v<T, std::string>) {
      return value;
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
      if (value.empty() || base.empty()) return value.string();
      return saved_path(value, base);
    } else if constexpr (std::is_same_v<T, EncoderChoice>) {
      return OptionText<std::filesystem::path>::write(value.path, base) + ":" +
             OptionText<double>::write(value.weight, base);
    } else if constexpr (std::is_same_v<T, bool>) {
      return value ? "true" : "false";
    } else if constexpr (std::is_floating_point_v<T>) {
      char text[64];
      const auto [end, error] =
          std::to_chars(text, text + sizeof text, value);  // the shortest text that reads back the same
      return {text, end};
    } else if constexpr (std::is_arithmetic_v<T>) {
      return std::to_string(value);
    } else {
      return value ? OptionText<typename T::value_type>::write(*value, base) : "";
    }
  }
};

}  // namespace detail

/// OptionTable holds the options that a program understands. Each option writes to a variable of the caller; the
/// variable's value is the default.
class OptionTable {
 public:
  enum class Kind {
    saved,    // needed to repeat a run, so written into option files
    session,  // only for this call: --config, --out, --dry-run
  };

  /// `example` is one command line, which --help shows.
  OptionTable(std::string program, std::string summary, std::string example)
      : program_(std::move(program)), summary_(std::move(summary)), example_(std::move(example)) {}

  /// Starts a group: the options that follow stand under this title.
  void group(std::string title) { groups_.push_back({std::move(title), {}}); }

  /// Adds the option --name. Lists may be given several times; `positional` options take the bare arguments in order, a
  /// list all that are left.
  template <class T>
  void add(std::string name, T& target, std::string help, Kind kind = Kind::saved, std::string value = {},
           bool positional = false) {
    Entry entry{name,
                std::move(help),
                value.empty() ? placeholder<T>() : std::move(value),
                kind,
                std::is_same_v<T, bool>,
                detail::is_list<T>::value,
                {},
                {},
                {},
                positional};
    if constexpr (detail::is_list<T>::value) {
      using Text = detail::OptionText<typename T::value_type>;
      entry.clear = [&target] { target.clear(); };
      entry.read = [&target, name](const std::string& text, const std::filesystem::path& base) {
        target.push_back(Text::read(name, text, base));
      };
      entry.write = [&target](const std::filesystem::path& base) {
        std::vector<std::string> out;
        for (const auto& v : target) out.push_back(Text::write(v, base));
        return out;
      };
    } else {
      using Text = detail::OptionText<T>;
      entry.clear = [] {};
      entry.read = [&target, name](const std::string& text, const std::filesystem::path& base) {
        target = Text::read(name, text, base);
      };
      entry.write = [&target](const std::filesystem::path& base) {
        auto text = Text::write(target, base);
        return text.empty() && !std::is_same_v<T, std::string> ? std::vector<std::string>{}
                                                               : std::vector<std::string>{std::move(text)};
      };
    }
    if (groups_.empty()) group("Options");
    groups_.back().entries.push_back(std::move(entry));
  }

  /// Takes `old_name` for the option `name` too, on the command line and in option files; the first use writes a notice
  /// to stderr. Help, written option files and given() use the new name alone.
  /// Errors:  an option that was not added; an old name that an option or an alias has.
  void alias(std::string old_name, std::string name);

  /// Takes `other_name` for the option `name` too, as alias() does, but without a notice: both names are good.
  void synonym(std::string other_name, std::string name);

  /// Adds a paragraph to the help text, after the options, under this title.
  void note(std::string title, std::string text) { notes_.push_back({std::move(title), std::move(text)}); }

  bool given(const std::string& name) const { return given_.count(name) > 0; }  ///< on the command line

  /// Whether an option file that was read sets the option.
  bool in_file(const std::string& name) const { return in_file_.count(name) > 0; }

  /// What happens to the keys of a file that the table does not have.
  enum class Unknown { refuse, pass_over };

  /// Reads an option file, whose paths are relative to the file. A list that several included files give holds the last
  /// file's values. Returns the keys that were passed over, each once.
  /// Errors:  file and line of an unknown key or a bad value.
  std::vector<std::string> read_file(const std::filesystem::path& path, Unknown unknown = Unknown::refuse);

  /// Sets a saved option to `values`, as the lines of an option file in the folder `base` would: a list has them all, another
  /// option the last.
  /// Errors:  a name that no saved option has; a value that does not fit.
  void assign(const std::string& name, const std::vector<std::string>& values, const std::filesystem::path& base = {});

  /// Returns what assign() would be given: the values of a saved option, with paths relative to `base`.
  /// Errors:  a name that no saved option has.
  std::vector<std::string> value(const std::string& name, const std::filesystem::path& base = {}) const;

  /// Whether this is the name of a saved option; whether that option may be given several times.
  bool saves(std::string_view name) const;
  bool takes_several(std::string_view name) const;

  /// Returns the names of all saved options, with commas between them.
  std::string saved_names() const;

  /// Sets the options that `by` implies. Values from an option file are overridden, unless the file itself sets `by`.
  /// Errors:  an option whose value on the command line, or in a file that sets `by`, contradicts `by`.
  void demand(const std::string& by, const std::vector<std::pair<std::string, std::string>>& values);

  /// Reads the command line. Returns false where --help or --version was asked for and printed; `version` is the line
  /// that --version prints.
  bool read_command_line(int argc, const char* const* argv, const std::function<std::string()>& version);

  /// Returns the saved options as an option file for the folder `base`.
  std::string render(const std::filesystem::path& base) const;
  /// Returns the saved options as (name, value), with paths relative to `base`.
  std::vector<std::pair<std::string, std::string>> values(const std::filesystem::path& base) const;
  /// The names of all options that were given on the command line.
  const std::set<std::string>& given() const { return given_; }
  const std::string& program() const { return program_; }

  void print_help(std::ostream& out) const;

 private:
  struct Entry {
    std::string name, help, value;
    Kind kind;
    bool flag, list;
    std::function<void()> clear;
    std::function<void(const std::string&, const std::filesystem::path&)> read;
    std::function<std::vector<std::string>(const std::filesystem::path&)> write;
    bool positional;
  };
  struct Group {
    std::string title;
    std::vector<Entry> entries;
  };
  struct Note {
    std::string title, text;
  };
  struct Alias {
    std::string old_name, name;
    bool told = false;  // whether the notice was written
  };

  template <class T>
  static std::string placeholder() {
    if constexpr (detail::is_list<T>::value) {
      return placeholder<typename T::value_type>();
    } else if constexpr (std::is_same_v<T, EncoderChoice>) {
      return "FILE[:WEIGHT]";
    } else if constexpr (std::is_same_v<T, std::filesystem::path> ||
                         std::is_same_v<T, std::optional<std::filesystem::path>>) {
      return "FILE";
    } else if constexpr (std::is_same_v<T, std::string>) {
      return "TEXT";
    } else {
      return "N";
    }
  }
  Entry* find(std::string_view name);
  const Entry* find(std::string_view name) const;
  /// Errors:  a name that no saved option has.
  const Entry& saved(std::string_view name) const;
  /// Returns the option of this name or old name, or nullptr; an old name writes the notice.
  Entry* find_or_alias(std::string_view name);

  std::string program_, summary_, example_;
  std::vector<Group> groups_;
  std::vector<Alias> aliases_;
  std::vector<Note> notes_;
  std::set<std::string> given_, in_file_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/option_table.ipp"
#endif
