// Question: what can this generator be talked into? A page to play with it, and a JSON API (docs/api.md).
// Run:      serve [--port 8080] [--runs runs] [--read-only]      then open http://127.0.0.1:8080
// Writes:   <runs>/<id>/: what `adapt` and `stylize` write, one folder a run; <runs>/presets/: presets that were kept
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "nada/adaptation/preset.hpp"
#include "nada/core/error.hpp"
#include "nada/core/process_group.hpp"
#include "nada/core/stop.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/shifts/text_shift.hpp"
#include "serve/http_server.hpp"
#include "serve/options.hpp"
#include "serve/service.hpp"
#include "serve/studio.hpp"
#include "serve/training.hpp"

namespace {

using namespace nada;
using namespace nada::serve;

/// Loads the models and presets of the embedded default.
/// Errors:  files that cannot be loaded.
Studio make_studio(const serve::Options& o, const OptionTable& table) {
  InvertOptions inversion;
  inversion.use_defaults(table);
  std::vector<std::filesystem::path> texts;
  for (const auto& encoder : embedded_encoders()) texts.push_back(encoder.path);
  return {inversion, o.machine.place(), texts, read_templates(embedded_templates())};
}

/// Returns the handlers of a server for a service.
HttpServer::Handlers handlers_of(Service& service) {
  return {.head = [&](Request& q) { return service.head(q); },
          .answer = [&](Request q, const Answer& done) { service.answer(std::move(q), done); },
          .problem = [&](int status, const std::string& sentence) { return service.problem(status, sentence); },
          .log = [&](const Request& q, int status, std::size_t bytes,
                     double seconds) { service.log(q, status, bytes, seconds); }};
}

std::string metrics_of(const HttpServer& server) {
  const auto numbers = server.numbers();
  return join("# TYPE nada_connections gauge\nnada_connections ", numbers.connections,
              "\n# TYPE nada_connections_total counter\nnada_connections_total ", numbers.accepted,
              "\n# TYPE nada_connections_refused_total counter\nnada_connections_refused_total ", numbers.turned_away,
              "\n# TYPE nada_bad_heads_total counter\nnada_bad_heads_total ", numbers.bad_heads, "\n");
}

int run_server(serve::Options& o, OptionTable& table) {
  require_one_process(table.program());
  o.settle();
  o.machine.use();
  const StopSignals signals;
  const AdaptDefaults defaults;
  auto studio = make_studio(o, table);
  studio.add_source("source", defaults.text("source"));
  for (const auto& path : list_presets(embedded_presets())) studio.add_preset(path, false);
  Service service(o, studio, defaults);

  ServerLimits limits;
  limits.client_connections = o.connections;
  HttpServer server(o.host, o.port, limits, o.trusted, handlers_of(service));
  service.more_metrics = [&] { return metrics_of(server); };
  service.begin();
  server.start();
  std::cout << "open     http://" << (o.host.find(':') == o.host.npos ? o.host : "[" + o.host + "]") << ':'
            << server.port() << "\nruns     " << o.runs.string() << (o.read_only ? "  (read-only)" : "") << std::endl;
  while (!StopToken::requested()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  std::cout << "stopping" << std::endl;
  server.stop();
  service.close();
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<nada::serve::Options>(argc, argv, run_server); }
