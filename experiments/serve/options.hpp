/// Options of `serve`.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "http.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/option_table.hpp"

namespace nada::serve {

struct Options {
  static constexpr const char* about = "a web page to generate, stylise and adapt, with a JSON API";
  static constexpr const char* example = "serve --port 8080";
  std::string host = "127.0.0.1";
  std::vector<std::string> names;
  int port = 8080, clients = 24, queue = 8;
  std::filesystem::path runs = "runs";
  bool read_only = false;
  MachineOptions machine;

  void declare(OptionTable& table) {
    using enum OptionTable::Kind;
    table.group("Where");
    table.add("host", host, "address to listen on; others than 127.0.0.1 can be reached from the network", saved,
              "ADDRESS");
    table.add("port", port, "port to listen on; 0: any that is free, printed");
    table.add("name", names, "name by which clients may call this server, beside localhost and addresses", saved,
              "NAME");
    table.add("runs", runs, "folder of the runs", saved, "FOLDER");
    table.group("What");
    table.add("read-only", read_only, "nobody may adapt, stylise or keep: only generate and look");
    table.add("clients", clients, "people at a time to expect");
    table.add("queue", queue, "jobs that may wait");
    machine.declare(table);
  }

  /// Brings the names into lower case.
  /// Errors:  a number out of its range, a name that no host can have.
  void settle() {
    require(port >= 0 && port <= 65535, "option port: expected 0 to 65535, found ", port);
    require(clients >= 1 && clients <= 1000, "option clients: expected 1 to 1000, found ", clients);
    require(queue >= 1 && queue <= 1000, "option queue: expected 1 to 1000, found ", queue);
    for (auto& name : names) {
      require(!host_name(name).empty() && host_name(name).size() == name.size(),
              "option name: expected a host's name, found '", name, "'");
      name = host_name(name);
    }
  }

  /// Returns the names by which clients may call this server.
  Names own_names() const { return {host == "127.0.0.1" || host == "localhost" || host == "::1", names}; }
};

}  // namespace nada::serve
