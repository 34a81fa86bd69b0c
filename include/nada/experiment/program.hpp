/// The start and the end of every program.
#pragma once
#include <algorithm>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <optional>
#include <streambuf>
#include <string>
#include <string_view>
#include <system_error>

#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/core/process_group.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/formats/file.hpp"

namespace nada {

/// Returns what --version prints: the program's build, and which LibTorch it runs with.
inline std::string version_text(const std::string& program) { return made_by(program) + "\n" + libtorch_origin(); }

/// Whether an exception's text tells of memory that could not be had: LibTorch's, the system's or CUDA's.
inline bool is_out_of_memory(std::string_view text) {
  for (const std::string_view part : {"can't allocate memory", "not enough memory", "out of memory", "bad_alloc"})
    if (text.find(part) != text.npos) return true;
  return text.find(std::generic_category().message(ENOMEM)) != text.npos;
}

/// Returns what an exception says of the memory that could not be had, in few words: LibTorch's texts are long.
inline std::string memory_reason(const std::string& text) {
  const auto start = text.find("you tried to allocate");
  return start == std::string::npos ? first_line(text) : text.substr(start, text.find('.', start) - start);
}

/// Returns the options of a program by which it takes less memory, for the sentence about memory: "--batch, --exit".
inline std::string what_saves_memory(const OptionTable& table) {
  std::string out;
  for (const auto* name : {"micro-batch", "batch", "exit", "select-at-once", "columns"})
    if (table.saves(name)) out += std::string(out.empty() ? "a smaller --" : ", --") + name;
  return out;
}

/// While a GroupMember lives, this process is in the group that the environment tells of (join_launched_group()), and
/// what it says is heard of rank 0 alone. The destructor gives the others their voice back, for errors; who tells of an
/// error, guarded() knows.
class GroupMember {
 public:
  GroupMember() {
    join_launched_group();
    if (world().is_first()) return;
    out_ = std::cout.rdbuf(nullptr);
    error_ = std::cerr.rdbuf(nullptr);
  }
  GroupMember(const GroupMember&) = delete;
  GroupMember& operator=(const GroupMember&) = delete;
  ~GroupMember() {
    if (out_ == nullptr) return;
    std::cout.rdbuf(out_);  // which clears the stream's state, too
    std::cerr.rdbuf(error_);
  }

 private:
  std::streambuf *out_ = nullptr, *error_ = nullptr;
};

/// Tells an error on stderr, unless another rank of this process's group has told the same. The group is left, so that
/// no other rank waits for this one.
inline void tell_error(const std::string& text, bool of_peer = false) {
  if (world().leave(text, of_peer)) std::cerr << "error: " << text << '\n';
  leave_launched_group();
}

/// Runs `body` and turns exceptions into one line on stderr and an exit code: 1 for an error of the user, 2 for one of
/// the program or the machine. `hint` is what would need less memory, for the sentence where it ran out.
template <class Body>
int guarded(Body&& body, const std::string& hint = {}) {
  const auto out_of_memory = [&](const std::string& reason) {
    tell_error(join("not enough memory", reason.empty() ? "" : " (" + reason + ")",
                    hint.empty() ? "" : "; less is needed with " + hint));
    return 2;
  };
  ignore_file_size_signal();  // a file-size limit is an error to report, not a signal to die of
  try {
    const int code = body();
    leave_launched_group();
    return code;
  } catch (const PeerError& error) {
    tell_error(error.what(), /*of_peer=*/true);
    return 1;
  } catch (const Error& error) {
    if (is_out_of_memory(error.what())) return out_of_memory(error.what());
    tell_error(error.what());
    return 1;
  } catch (const std::filesystem::filesystem_error& error) {
    tell_error(error.what());
    return 1;
  } catch (const std::bad_alloc&) {
    return out_of_memory({});
  } catch (const std::exception& error) {
    if (is_out_of_memory(error.what())) return out_of_memory(memory_reason(error.what()));
    tell_error(first_line(error.what()));
    return 2;
  }
}

/// Whether a command line asks for the help text.
inline bool asks_for_help(int argc, char** argv) {
  return std::any_of(argv, argv + argc, [](const char* word) {
    return std::string_view(word) == "--help" || std::string_view(word) == "-h";
  });
}

/// Runs a tool: `Options` has `about`, `example` and declare(OptionTable&); `body(options, table)` returns
/// the exit code. Where `Options` has before_help(OptionTable&), that function is called before the help text is printed.
/// With `in_group` it is a rank of the group that the environment tells of.
template <class Options, class Body>
int run_tool(int argc, char** argv, Body&& body, bool in_group = false) {
  std::string hint;
  return guarded(
      [&] {
        std::optional<GroupMember> member;
        if (in_group) member.emplace();
        Options options;
        OptionTable table{std::filesystem::path(argv[0]).filename().string(), Options::about, Options::example};
        options.declare(table);
        hint = what_saves_memory(table);
        if constexpr (requires { options.before_help(table); })
          if (asks_for_help(argc, argv)) options.before_help(table);
        if (!table.read_command_line(argc, argv, [&] { return version_text(table.program()); })) return 0;
        return body(options, table);
      },
      hint);
}

}  // namespace nada
