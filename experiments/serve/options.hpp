/// Options of `serve`.
#pragma once
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "clients.hpp"
#include "http.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/formats/file.hpp"

namespace nada::serve {

/// Returns the bytes that a text like "20G", "500M" or "4096" means.
/// Errors:  another text.
inline std::uintmax_t size_of(std::string_view text) {
  std::uintmax_t number = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const int shift = unit.empty() ? 0 : unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : unit == "T" ? 40 : -1;
  require(bad == std::errc{} && shift >= 0 && number <= (UINTMAX_MAX >> shift),
          "option quota: expected a size such as 20G, found '", text, "'");
  return number << shift;
}

struct Options {
  static constexpr const char* about = "a web page to generate, stylise and adapt, with a JSON API";
  static constexpr const char* example = "serve --port 8080";
  std::string host = "127.0.0.1", quota = "0", password;
  std::vector<std::string> names, trusted;
  int port = 8080, queue = 8, keep = 0;
  double upload = 64;  // MiB a minute
  ClientLimits client;
  int connections = 64;
  std::filesystem::path runs = "runs", password_file;
  bool read_only = false, shared = false, quiet = false;
  std::uintmax_t quota_bytes = 0;
  MachineOptions machine;

  void declare(OptionTable& table) {
    using enum OptionTable::Kind;
    table.group("Where");
    table.add("host", host, "address to listen on; others than 127.0.0.1 can be reached from the network", saved,
              "ADDRESS");
    table.add("port", port, "port to listen on; 0: any that is free, printed");
    table.add("name", names, "name by which clients may call this server, beside localhost and addresses", saved,
              "NAME");
    table.add("trusted-proxy", trusted, "address of a proxy whose X-Forwarded headers are believed", saved, "ADDRESS");
    table.add("runs", runs, "folder of the runs", saved, "FOLDER");
    table.group("Who");
    table.add("shared", shared, "everybody sees and changes everybody's runs; else each browser its own");
    table.add("password-file", password_file, "file whose first line every client must know", saved, "FILE");
    table.add("read-only", read_only, "nobody may adapt, stylise or keep: only generate and look");
    table.group("How much");
    table.add("queue", queue, "jobs that may wait");
    table.add("keep", keep, "days after which a run that ended is deleted; 0: never", saved, "DAYS");
    table.add("quota", quota, "size of all runs beyond which no new one is taken, such as 20G; 0: none", saved, "SIZE");
    table.add("client-requests", client.requests, "requests of one address a second; ten seconds of them at once");
    table.add("client-connections", connections, "connections of one address at a time");
    table.add("client-upload", upload, "MiB that one address may send a minute");
    table.add("client-jobs", client.jobs, "jobs of one address that may wait or run");
    table.add("client-pictures", client.pictures, "pictures of one address that are kept");
    table.add("quiet", quiet, "no line of log for each request and job");
    machine.declare(table);
  }

  /// Brings the names into lower case and reads the password.
  /// Errors:  a number out of its range, a name that no host can have, a password file without a password.
  void settle() {
    const auto within = [](const char* name, auto value, auto least, auto most) {
      require(value >= least && value <= most, "option ", name, ": expected ", least, " to ", most, ", found ", value);
    };
    within("port", port, 0, 65535);
    within("queue", queue, 1, 1000);
    within("keep", keep, 0, 36500);
    within("client-requests", client.requests, 0.1, 1e6);
    within("client-connections", connections, 1, 100'000);
    within("client-upload", upload, 1.0, 1e6);
    within("client-jobs", client.jobs, 1, 1000);
    within("client-pictures", client.pictures, 1, 1'000'000);
    client.upload = upload * (1 << 20);
    quota_bytes = size_of(quota);
    for (const auto& proxy : trusted)
      require(is_address(proxy) || is_address("[" + proxy + "]"), "option trusted-proxy: expected an address, found '",
              proxy, "'");
    for (auto& name : names) {
      require(!host_name(name).empty() && host_name(name).size() == name.size(),
              "option name: expected a host's name, found '", name, "'");
      name = host_name(name);
    }
    if (password_file.empty()) return;
    password = read_text(password_file, 4096);
    password.resize(std::min(password.find_first_of("\r\n"), password.size()));
    require(!password.empty(), "option password-file: the first line of ", password_file, " is empty");
  }

  /// Returns the names by which clients may call this server.
  Names own_names() const { return {host == "127.0.0.1" || host == "localhost" || host == "::1", names}; }
};

}  // namespace nada::serve
