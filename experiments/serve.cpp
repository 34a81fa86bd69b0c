// Question: what can this generator be talked into? A page to play with it, and a JSON API (docs/api.md).
// Run:      serve [--port 8080] [--runs runs] [--read-only]      then open http://127.0.0.1:8080
// Writes:   <runs>/<id>/: what `adapt` and `stylize` write, one folder a run; <runs>/presets/: presets that were kept
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <thread>
#include <vector>

#include <httplib.h>

#include "nada/adaptation/preset.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stop.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "serve/answers.hpp"
#include "serve/gate.hpp"
#include "serve/options.hpp"
#include "serve/server.hpp"
#include "serve/service.hpp"
#include "serve/studio.hpp"
#include "serve/training.hpp"

namespace {

using namespace nada;
using namespace nada::serve;

/// Connects the server to the service, which gets requests once their heads were looked at.
void set_answers(DeadlineServer& server, Service& service) {
  server.on_head = [&](httplib::Request& q) { return service.head(q); };
  server.set_pre_routing_handler([&](const httplib::Request& q, httplib::Response& r) {
    const auto refused = service.refusal(q);
    if (!refused) return httplib::Server::HandlerResponse::Unhandled;
    say(r, refused->status, refused->what());
    return httplib::Server::HandlerResponse::Handled;
  });
  server.set_expect_100_continue_handler([&](const httplib::Request& q, httplib::Response& r) {
    const auto refused = service.refusal(q);  // the client is told at once, before a body is sent
    if (refused) say(r, refused->status, refused->what());
    return refused ? refused->status : 100;
  });
  const auto answer = [&](const httplib::Request& q, httplib::Response& r) { service.answer(q, r); };
  server.Get(".*", answer);
  server.Post(".*", answer);
}

/// Sets the headers of all answers, and the answers to requests that cpp-httplib refuses by itself.
void set_manners(DeadlineServer& server) {
  server.set_default_headers({{"X-Content-Type-Options", "nosniff"},
                              {"Referrer-Policy", "no-referrer"},
                              {"X-Frame-Options", "DENY"},
                              {"Cross-Origin-Resource-Policy", "same-origin"}});
  server.set_post_routing_handler([](const httplib::Request&, httplib::Response& r) {
    if (!r.has_header("Content-Security-Policy"))
      r.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    if (!r.has_header("Cache-Control")) r.set_header("Cache-Control", "no-cache");
  });
  server.set_error_handler([](const httplib::Request&, httplib::Response& r) {
    if (!r.body.empty()) return;
    const int status = r.status;
    say(r, status,
        status == 414   ? "the address is too long"
        : status == 413 ? "the body is too large"
        : status == 404 ? "there is nothing of that name"
                        : "this is not a request that can be understood");
  });
  server.set_exception_handler(
      [](const httplib::Request&, httplib::Response& r, std::exception_ptr error) { say_problem(r, error); });
}

/// Binds the server and returns its port.
/// Errors:  a port that is taken.
int bind(DeadlineServer& server, const serve::Options& o) {
  server.set_socket_options([](socket_t socket) {  // one server for each port: a second one gets an error
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  const int port = o.port == 0 ? server.bind_to_any_port(o.host) : server.bind_to_port(o.host, o.port) ? o.port : -1;
  require(port > 0, "cannot listen on ", o.host, " port ", o.port, "; is another program there?");
  server.widen(std::max(64, 2 * o.clients));
  return port;
}

/// Loads the models and presets of the embedded default.
/// Errors:  files that cannot be loaded.
Studio make_studio(const serve::Options& o, const OptionTable& table) {
  InvertOptions inversion;
  inversion.use_defaults(table);
  std::vector<std::filesystem::path> texts;
  for (const auto& encoder : embedded_encoders()) texts.push_back(encoder.path);
  return {inversion, o.machine.place(), texts};
}

int run_server(serve::Options& o, OptionTable& table) {
  o.settle();
  o.machine.use();
  const StopSignals signals;
  const AdaptDefaults defaults;
  auto studio = make_studio(o, table);
  studio.add_source("source", defaults.text("source"));
  for (const auto& path : list_presets(embedded_presets())) studio.add_preset(path, false);
  Service service(o, studio, defaults);

  DeadlineServer server{ConnectionLimits{}};
  server.new_task_queue = [&] { return new httplib::ThreadPool(static_cast<std::size_t>(3 * o.clients)); };
  server.set_payload_max_length(picture_limit);
  set_answers(server, service);
  set_manners(server);
  const int port = bind(server, o);
  std::cout << "open     http://" << (o.host.find(':') == o.host.npos ? o.host : "[" + o.host + "]") << ':' << port
            << "\nruns     " << o.runs.string() << (o.read_only ? "  (read-only)" : "") << std::endl;
  std::thread listening([&] { server.listen_after_bind(); });
  while (!StopToken::requested()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  std::cout << "stopping" << std::endl;
  service.close();
  server.stop();
  listening.join();
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<nada::serve::Options>(argc, argv, run_server); }
