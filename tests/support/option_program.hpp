/// Programs with options for the tests of option tables, and their output.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <ostream>
#include <sstream>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

#include "nada/experiment/option_table.hpp"

namespace nada::test {

/// A program of these tests: a table, and command lines for the table.
struct WithTable {
  OptionTable table{"program", "does something", "program --steps 3"};

  /// Reads a command line. Returns false where help or the version was asked for.
  bool read(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "program");
    return table.read_command_line(static_cast<int>(arguments.size()), arguments.data(),
                                   [] { return std::string("program 1"); });
  }
};

/// A program with a list, a number and a text.
struct Program : WithTable {
  std::vector<std::filesystem::path> models;
  std::int64_t steps = 5;
  std::string target;

  Program() {
    table.add("model", models, "files");
    table.add("steps", steps, "how many");
    table.add("target", target, "a text");
  }
};

/// A program with one option of each kind.
struct Everything : WithTable {
  std::string text;
  std::filesystem::path path;
  std::int64_t whole = 5;
  std::uint64_t seed = 0;
  double real = 0.5;
  bool flag = false;
  std::optional<double> perhaps;
  std::optional<std::filesystem::path> file;
  std::vector<EncoderChoice> encoders;
  std::filesystem::path first, second, out;

  Everything() {
    using enum OptionTable::Kind;
    table.group("Texts");
    table.add("text", text, "a text");
    table.add("path", path, "a file");
    table.group("Numbers");
    table.add("whole", whole, "a whole number");
    table.add("seed", seed, "a number from 0");
    table.add("real", real, "a number");
    table.add("flag", flag, "yes or no");
    table.add("perhaps", perhaps, "a number or none");
    table.add("file", file, "a file or none");
    table.add("encoder", encoders, "files with weights");
    table.add("in", first, "first argument", saved, "FILE", /*positional=*/true);
    table.add("into", second, "second argument", saved, "FILE", /*positional=*/true);
    table.add("out", out, "folder", session, "FOLDER");
  }
};

/// Collects the text that is written to a standard stream while this object lives.
class Captured {
 public:
  explicit Captured(std::ostream& stream) : stream_(stream), before_(stream.rdbuf(text_.rdbuf())) {}
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  ~Captured() { stream_.rdbuf(before_); }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::ostream& stream_;
  std::streambuf* before_;
};

}  // namespace nada::test
