/// The start and the end of every program.
#pragma once
#include <algorithm>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <string>
#include <string_view>

#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/formats/file.hpp"

namespace nada {

/// Runs `body` and turns exceptions into one line on stderr and an exit code: 1 for an error of the user, 2 for one of
/// the program or the machine.
template <class Body>
int guarded(Body&& body) {
  ignore_file_size_signal();  // a file-size limit is an error to report, not a signal to die of
  try {
    return body();
  } catch (const Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  } catch (const std::filesystem::filesystem_error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  } catch (const std::bad_alloc&) {
    std::cerr << "error: out of memory\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "error: " << first_line(error.what()) << '\n';
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
template <class Options, class Body>
int run_tool(int argc, char** argv, Body&& body) {
  return guarded([&] {
    Options options;
    OptionTable table{std::filesystem::path(argv[0]).filename().string(), Options::about, Options::example};
    options.declare(table);
    if constexpr (requires { options.before_help(table); })
      if (asks_for_help(argc, argv)) options.before_help(table);
    if (!table.read_command_line(argc, argv, made_by(table.program()) + "\n" + libtorch_origin())) return 0;
    return body(options, table);
  });
}

}  // namespace nada
