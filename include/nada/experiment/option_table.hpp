/// Options of a program: declared once, read from the command line and from option files, written into run folders.
#pragma once
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/program_options.hpp>

#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/options_file.hpp"

namespace nada {

/// An encoder's file and its share in the objective: FILE[:weight].
struct EncoderChoice {
  std::filesystem::path path;
  double weight = 1;
};

namespace detail {

template <class T>
struct is_list : std::false_type {};
template <class T>
struct is_list<std::vector<T>> : std::true_type {};

/// Text to value and back. `base`: the folder that relative paths are relative to, both ways.
template <class T>
struct OptionText {
  static T read(const std::string& name, const std::string& text, const std::filesystem::path& base) {
    if constexpr (std::is_same_v<T, std::string>) {
      return text;
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
      const std::filesystem::path path(text);
      return path.empty() || path.is_absolute() || base.empty() ? path : (base / path).lexically_normal();
    } else if constexpr (std::is_same_v<T, EncoderChoice>) {
      EncoderChoice out;
      auto file = text;
      if (const auto colon = text.rfind(':'); colon != std::string::npos) {
        const char *begin = text.data() + colon + 1, *end = text.data() + text.size();
        double weight = 0;
        if (const auto [stop, error] = std::from_chars(begin, end, weight);
            error == std::errc{} && stop == end && begin != end) {
          out.weight = weight;
          file = text.substr(0, colon);
        }
      }
      out.path = OptionText<std::filesystem::path>::read(name, file, base);
      return out;
    } else if constexpr (std::is_same_v<T, bool>) {
      require(text == "true" || text == "false", "option ", name, ": expected true or false, found '", text, "'");
      return text == "true";
    } else if constexpr (std::is_arithmetic_v<T>) {
      T value{};
      const char* end = text.data() + text.size();
      const auto [stop, error] = std::from_chars(text.data(), end, value);
      require(error == std::errc{} && stop == end && !text.empty(), "option ", name, ": expected ",
              std::is_floating_point_v<T> ? "a number"
              : std::is_unsigned_v<T>     ? "a whole number >= 0"
                                          : "a whole number",
              ", found '", text, "'");
      return value;
    } else {
      return T{OptionText<typename T::value_type>::read(name, text, base)};  // std::optional
    }
  }
  static std::string write(const T& value, const std::filesystem::path& base) {
    if constexpr (std::is_same_v<T, std::string>) {
      return value;
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
      if (value.empty() || base.empty()) return value.string();
      return relative_to(value, base).string();
    } else if constexpr (std::is_same_v<T, EncoderChoice>) {
      return OptionText<std::filesystem::path>::write(value.path, base) + ":" +
             OptionText<double>::write(value.weight, base);
    } else if constexpr (std::is_same_v<T, bool>) {
      return value ? "true" : "false";
    } else if constexpr (std::is_floating_point_v<T>) {
      char text[64];
      const auto [end, error] =
          std::to_chars(text, text + sizeof text, value);  // the shortest that reads back the same
      return {text, end};
    } else if constexpr (std::is_arithmetic_v<T>) {
      return std::to_string(value);
    } else {
      return value ? OptionText<typename T::value_type>::write(*value, base) : "";
    }
  }
};

}  // namespace detail

/// What a program understands. Each option writes to a variable of the caller; the variable's value is the default.
class OptionTable {
 public:
  enum class Kind {
    saved,    // part of what repeats a run: in option files
    session,  // of this call alone: --config, --out, --dry-run
  };

  /// `example`: one command line, shown by --help.
  OptionTable(std::string program, std::string summary, std::string example)
      : program_(std::move(program)), summary_(std::move(summary)), example_(std::move(example)) {}

  /// Options that follow stand under this title.
  void group(std::string title) { groups_.push_back({std::move(title), {}}); }

  /// Adds --name. Lists may be given several times; `positional` options take the bare arguments in order.
  template <class T>
  void add(std::string name, T& target, std::string help, Kind kind = Kind::saved, std::string value = {},
           bool positional = false) {
    Entry entry{name,
                std::move(help),
                value.empty() ? placeholder<T>() : std::move(value),
                kind,
                std::is_same_v<T, bool>,
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

  bool given(const std::string& name) const { return given_.count(name) > 0; }  ///< on the command line

  /// Reads an option file; paths in it are relative to it. Errors: file and line of an unknown key or a bad value.
  void read_file(const std::filesystem::path& path) {
    std::set<std::string> seen;
    for (const auto& line : read_options(path)) {
      auto* entry = find(line.key);
      if (!entry || entry->kind != Kind::saved) {
        std::string known;
        for (const auto& g : groups_)
          for (const auto& e : g.entries)
            if (e.kind == Kind::saved) known += (known.empty() ? "" : ", ") + e.name;
        fail(path, ":", line.line, ": unknown key '", line.key, "'; the keys are ", known);
      }
      in_file_.insert(line.key);
      if (given(line.key)) continue;  // the command line has the last word
      const bool first = seen.insert(line.key).second;
      if (first) entry->clear();
      try {
        entry->read(line.value, path.parent_path());
      } catch (const Error& error) {
        fail(path, ":", line.line, ": ", error.what());
      }
    }
  }

  /// Gives options the values that the option `by` stands for. Values of an option file yield, unless the file sets
  /// `by` too. Errors: one that was given another value beside `by`.
  void demand(const std::string& by, const std::vector<std::pair<std::string, std::string>>& values) {
    for (const auto& [name, value] : values) {
      auto* entry = find(name);
      const auto now = entry->write({});
      if (now == std::vector{value}) continue;
      require(!given(name) && !(in_file_.count(by) && !given(by) && in_file_.count(name)), "--", by, " means ", name,
              " = ", value, ", but ", now.empty() ? "nothing" : now.front(), " was given for it");
      entry->read(value, {});
    }
  }

  /// Reads the command line. Returns false where --help or --version was asked for and printed.
  bool read_command_line(int argc, const char* const* argv, const std::string& version) {
    namespace po = boost::program_options;
    po::options_description all;
    auto add = all.add_options();
    const auto text = [] { return po::value<std::vector<std::string>>()->composing(); };
    po::positional_options_description bare;
    for (const auto& g : groups_)
      for (const auto& e : g.entries) {
        if (e.flag) {
          add(e.name.c_str(), po::value<std::vector<std::string>>()->zero_tokens()->implicit_value({"true"}, ""), "");
        } else {
          add(e.name.c_str(), text(), "");
        }
        if (e.positional) bare.add(e.name.c_str(), 1);
      }
    add("help,h", "")("version", "");
    namespace style = po::command_line_style;
    std::vector<po::option> parsed;
    try {
      parsed = po::command_line_parser(argc, argv)
                   .options(all)
                   .positional(bare)
                   .style(style::unix_style & ~style::allow_guessing)
                   .run()
                   .options;
    } catch (const po::too_many_positional_options_error&) {
      fail("an argument too many; `", program_, " --help` lists the options (texts with blanks need quotes)");
    } catch (const po::error& error) {
      fail(error.what(), "; `", program_, " --help` lists the options");
    }
    for (const auto& option : parsed) {
      if (option.string_key == "help") {
        print_help(std::cout);
        return false;
      }
      if (option.string_key == "version") {
        std::cout << program_ << " of nada " << version << '\n';
        return false;
      }
    }
    for (const auto& option : parsed) {
      auto* entry = find(option.string_key);
      if (given_.insert(entry->name).second) entry->clear();
      if (entry->flag) {
        entry->read("true", {});
      } else {
        for (const auto& value : option.value) entry->read(value, {});
      }
    }
    return true;
  }

  /// The saved options as an option file for the folder `base`.
  std::string render(const std::filesystem::path& base) const {
    std::string out;
    for (const auto& [name, value] : values(base)) out += format_option(name, value) + "\n";
    return out;
  }
  /// The saved options as (name, value), paths relative to `base`.
  std::vector<std::pair<std::string, std::string>> values(const std::filesystem::path& base) const {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& g : groups_)
      for (const auto& e : g.entries)
        if (e.kind == Kind::saved)
          for (auto& value : e.write(base)) out.emplace_back(e.name, std::move(value));
    return out;
  }
  /// Names of all options that were given on the command line.
  const std::set<std::string>& given() const { return given_; }
  const std::string& program() const { return program_; }

  void print_help(std::ostream& out) const {
    out << program_ << ": " << summary_ << "\n\n  " << example_ << "\n";
    for (const auto& g : groups_) {
      out << '\n' << g.title << ":\n";
      for (const auto& e : g.entries) {
        std::string left = "  --" + e.name + (e.flag ? "" : " " + e.value);
        if (left.size() < 28)
          left.resize(28, ' ');
        else
          left.append("\n").append(28, ' ');
        out << left;
        auto help = e.help;
        if (!e.flag)
          if (const auto now = e.write(std::filesystem::path{}); !now.empty() && !now.front().empty()) {
            help += " (default ";
            for (std::size_t i = 0; i < now.size(); ++i) help += (i ? ", " : "") + now[i];
            help += ")";
          }
        std::size_t column = 28;
        for (std::size_t at = 0; at < help.size();) {  // wrapped at 100 columns
          const auto end = std::min(help.find(' ', at), help.size());
          if (column + (end - at) > 100 && column > 28) out << '\n' << std::string(28, ' '), column = 28;
          out << help.substr(at, end - at) << ' ';
          column += end - at + 1;
          at = end + 1;
        }
        out << '\n';
      }
    }
    out << "\n  --help                    this text\n  --version                 the version of this program\n";
  }

 private:
  struct Entry {
    std::string name, help, value;
    Kind kind;
    bool flag;
    std::function<void()> clear;
    std::function<void(const std::string&, const std::filesystem::path&)> read;
    std::function<std::vector<std::string>(const std::filesystem::path&)> write;
    bool positional;
  };
  struct Group {
    std::string title;
    std::vector<Entry> entries;
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
  Entry* find(std::string_view name) {
    for (auto& g : groups_)
      for (auto& e : g.entries)
        if (e.name == name) return &e;
    return nullptr;
  }

  std::string program_, summary_, example_;
  std::vector<Group> groups_;
  std::set<std::string> given_, in_file_;
};

}  // namespace nada
