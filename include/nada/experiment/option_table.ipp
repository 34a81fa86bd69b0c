// Bodies of option_table.hpp.
#pragma once
#include "nada/experiment/option_table.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <map>

#include "nada/core/config.hpp"
#include "nada/experiment/build.hpp"
#include "nada/formats/hub.hpp"
#include "nada/formats/options_file.hpp"

namespace nada {

namespace detail {
NADA_INLINE std::string saved_path(const std::filesystem::path& path, const std::filesystem::path& base) {
  if (is_hub_address(path)) local_path(path);
  return relative_to(path, base).string();
}
}  // namespace detail

NADA_INLINE EncoderChoice read_encoder_choice(const std::string& text, const std::filesystem::path& base) {
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
  out.path = detail::OptionText<std::filesystem::path>::read("encoder", file, base);
  return out;
}

NADA_INLINE void OptionTable::alias(std::string old_name, std::string name) {
  require(find(name) != nullptr, "alias ", old_name, ": there is no option ", name);
  const bool taken =
      find(old_name) != nullptr ||
      std::any_of(aliases_.begin(), aliases_.end(), [&](const Alias& known) { return known.old_name == old_name; });
  require(!taken, "alias ", old_name, ": the name is taken");
  aliases_.push_back({std::move(old_name), std::move(name)});
}

NADA_INLINE void OptionTable::synonym(std::string other_name, std::string name) {
  alias(std::move(other_name), std::move(name));
  aliases_.back().told = true;
}

NADA_INLINE std::vector<std::string> OptionTable::read_file(const std::filesystem::path& path, Unknown unknown) {
  std::map<std::string, std::pair<std::filesystem::path, int>> last;  // where each option was given before
  std::vector<std::string> passed;
  for (const auto& line : read_options(path, find_configs().value_or(std::filesystem::path()))) {
    auto* entry = find_or_alias(line.key);
    if (!entry || entry->kind != Kind::saved) {
      require(unknown == Unknown::pass_over, line.file, ":", line.line, ": unknown key '", line.key, "'; the keys are ",
              saved_names());
      if (std::find(passed.begin(), passed.end(), line.key) == passed.end()) passed.push_back(line.key);
      continue;
    }
    in_file_.insert(entry->name);
    if (given(entry->name)) continue;  // the command line has the last word
    const auto [before, first] = last.try_emplace(entry->name, line.file, line.line);
    if (first || before->second.first != line.file || line.line <= before->second.second)
      entry->clear();  // another file, or the same included again
    before->second = {line.file, line.line};
    try {
      entry->read(line.value, line.file.parent_path());
    } catch (const Error& error) {
      fail(line.file, ":", line.line, ": ", error.what());
    }
  }
  return passed;
}

NADA_INLINE std::string OptionTable::saved_names() const {
  std::string out;
  for (const auto& g : groups_)
    for (const auto& e : g.entries)
      if (e.kind == Kind::saved) out += (out.empty() ? "" : ", ") + e.name;
  return out;
}

NADA_INLINE const OptionTable::Entry& OptionTable::saved(std::string_view name) const {
  const auto* entry = find(name);
  require(entry && entry->kind == Kind::saved, "there is no option '", name, "'; the options are ", saved_names());
  return *entry;
}

NADA_INLINE void OptionTable::assign(const std::string& name, const std::vector<std::string>& values,
                                     const std::filesystem::path& base) {
  const auto& entry = saved(name);
  entry.clear();
  for (const auto& text : values) entry.read(text, base);
}

NADA_INLINE std::vector<std::string> OptionTable::value(const std::string& name,
                                                        const std::filesystem::path& base) const {
  return saved(name).write(base);
}

NADA_INLINE bool OptionTable::saves(std::string_view name) const {
  const auto* entry = find(name);
  return entry && entry->kind == Kind::saved;
}

NADA_INLINE bool OptionTable::takes_several(std::string_view name) const { return saved(name).list; }

NADA_INLINE void OptionTable::demand(const std::string& by,
                                     const std::vector<std::pair<std::string, std::string>>& values) {
  for (const auto& [name, value] : values) {
    auto* entry = find(name);
    const auto now = entry->write({});
    if (now == std::vector{value}) continue;
    require(!given(name) && !(in_file_.count(by) && !given(by) && in_file_.count(name)), "--", by, " means ", name,
            " = ", value, ", but ", now.empty() ? "nothing" : now.front(), " was given for it");
    entry->read(value, {});
  }
}

NADA_INLINE bool OptionTable::read_command_line(int argc, const char* const* argv,
                                                const std::function<std::string()>& version) {
  namespace po = boost::program_options;
  po::options_description all;
  auto add = all.add_options();
  const auto declare = [&](const std::string& name, bool flag) {
    auto* value = po::value<std::vector<std::string>>();
    add(name.c_str(), flag ? value->zero_tokens()->implicit_value({"true"}, "") : value->composing(), "");
  };
  po::positional_options_description bare;
  for (const auto& g : groups_)
    for (const auto& e : g.entries) {
      declare(e.name, e.flag);
      if (e.positional) bare.add(e.name.c_str(), e.list ? -1 : 1);
    }
  for (const auto& a : aliases_) declare(a.old_name, find(a.name)->flag);
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
      std::cout << version() << '\n';
      return false;
    }
  }
  for (const auto& option : parsed) {
    auto* entry = find_or_alias(option.string_key);
    if (given_.insert(entry->name).second) entry->clear();
    if (entry->flag) {
      entry->read("true", {});
    } else {
      for (const auto& value : option.value) entry->read(value, {});
    }
  }
  return true;
}

NADA_INLINE std::string OptionTable::render(const std::filesystem::path& base) const {
  std::string out;
  for (const auto& [name, value] : values(base)) out += format_option(name, value) + "\n";
  return out;
}

NADA_INLINE std::vector<std::pair<std::string, std::string>> OptionTable::values(
    const std::filesystem::path& base) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& g : groups_)
    for (const auto& e : g.entries)
      if (e.kind == Kind::saved)
        for (auto& value : e.write(base)) out.emplace_back(e.name, std::move(value));
  return out;
}

namespace detail {
/// Prints words up to 100 columns a line, each line but the first indented by `indent`, where the first one begins.
NADA_INLINE void print_wrapped(std::ostream& out, const std::string& text, std::size_t indent) {
  std::size_t column = indent;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    if (column + (end - at) > 100 && column > indent) out << '\n' << std::string(indent, ' '), column = indent;
    out << text.substr(at, end - at) << ' ';
    column += end - at + 1;
    at = end + 1;
  }
  out << '\n';
}
}  // namespace detail

NADA_INLINE void OptionTable::print_help(std::ostream& out) const {
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
      detail::print_wrapped(out, help, 28);
    }
  }
  for (const auto& n : notes_) {
    out << '\n' << n.title << ":\n  ";
    detail::print_wrapped(out, n.text, 2);
  }
  out << "\n  --help                    this text\n  --version                 the version of this program\n";
}

NADA_INLINE const OptionTable::Entry* OptionTable::find(std::string_view name) const {
  for (const auto& g : groups_)
    for (const auto& e : g.entries)
      if (e.name == name) return &e;
  return nullptr;
}

NADA_INLINE OptionTable::Entry* OptionTable::find(std::string_view name) {
  return const_cast<Entry*>(std::as_const(*this).find(name));
}

NADA_INLINE OptionTable::Entry* OptionTable::find_or_alias(std::string_view name) {
  for (auto& a : aliases_) {
    if (a.old_name != name) continue;
    if (!a.told) std::cerr << "note: the option " << a.old_name << " is now called " << a.name << '\n';
    a.told = true;
    return find(a.name);
  }
  return find(name);
}

}  // namespace nada
