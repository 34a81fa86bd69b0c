/// The common parts of all answers: JSON bodies, and one sentence where a request went wrong.
#pragma once
#include <exception>
#include <iostream>
#include <new>
#include <string>

#include <httplib.h>
#include <nlohmann/json.hpp>

#include "http.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/program.hpp"

namespace nada::serve {

using nlohmann::json;

/// Returns JSON in the form that is sent: on one line; bytes that are not UTF-8 become U+FFFD.
inline std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

inline void give(httplib::Response& r, const json& body, int status = 200) {
  r.status = status;
  r.set_content(text_of(body), "application/json");
}

/// Answers with an error: {"error": sentence}.
inline void say(httplib::Response& r, int status, const std::string& sentence) {
  give(r, {{"error", sentence}}, status);
}

/// Answers with the meaning of an exception. An exception that is no fault of the request is written to stderr with its
/// text; the client only learns that there was an error.
inline void say_problem(httplib::Response& r, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Refusal& refused) {
    say(r, refused.status, refused.what());
  } catch (const Error& wrong) {
    say(r, 400, wrong.what());
  } catch (const std::bad_alloc&) {
    say(r, 500, "out of memory");
  } catch (const std::exception& other) {
    std::cerr << "error: " << first_line(other.what()) << '\n';
    say(r, 500, "something went wrong here; the server's own output says what");
  }
}

/// Errors:  Refusal 405 where the method is another one than GET.
inline void expect_get(const httplib::Request& q) {
  if (q.method == "POST") refuse(405, "expected a GET request here");
}
inline void expect_post(const httplib::Request& q) {
  if (q.method != "POST") refuse(405, "expected a POST request here");
}

}  // namespace nada::serve
