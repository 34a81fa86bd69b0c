// Bodies of hub_client.hpp.
#pragma once
#include "nada/formats/hub_client.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <thread>

#include "nada/core/config.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/sha256.hpp"

namespace nada {

namespace detail {

NADA_INLINE bool is_true(std::string value) {
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

NADA_INLINE std::string without_blanks(std::string text) {
  constexpr const char* blanks = " \t\r\n";
  text.erase(text.find_last_not_of(blanks) + 1);
  text.erase(0, std::min(text.find_first_not_of(blanks), text.size()));
  return text;
}

/// Returns the user's token, as huggingface_hub finds it; empty where there is none.
NADA_INLINE std::string hub_token() {
  if (is_true(environment("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return {};
  std::string source = "HF_TOKEN", token = without_blanks(environment("HF_TOKEN"));
  if (token.empty()) token = without_blanks(environment("HUGGING_FACE_HUB_TOKEN"));
  if (token.empty()) {
    auto file = folder_in_environment("HF_TOKEN_PATH");
    if (file.empty()) file = hub_home() / "token";
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) return {};
    source = file.string();
    token = without_blanks(read_text(file, 64 << 10));
  }
  const bool plain = std::ranges::all_of(token, [](unsigned char c) { return c > 0x20 && c < 0x7F; });
  require(plain, source, ": expected a token, found a character that no token has");
  return token;
}

/// Waits, or less where the program is asked to stop.
NADA_INLINE void wait_for(double seconds) {
  const auto end = progress_clock() + seconds;
  while (progress_clock() < end && !StopToken::requested())
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(0.1, end - progress_clock())));
}

NADA_INLINE bool is_redirect(int status) { return status >= 301 && status <= 308 && status != 304; }

/// Whether a later try may be answered better.
NADA_INLINE bool passes(int status) { return status == 408 || status == 429 || (status >= 500 && status <= 504); }

}  // namespace detail

NADA_INLINE HubClient::HubClient() : endpoint_(detail::environment("HF_ENDPOINT")), token_(detail::hub_token()) {
  if (endpoint_.empty()) endpoint_ = "https://huggingface.co";
  while (endpoint_.ends_with('/')) endpoint_.pop_back();
  try {
    origin_ = url_origin(endpoint_);
  } catch (const Error&) {
    fail("HF_ENDPOINT: expected an address http://... or https://...");
  }
  name_ = endpoint_;
  const auto host = name_.find("://") + 3;
  if (const auto at = name_.substr(0, name_.find('/', host)).rfind('@'); at != name_.npos)
    name_.erase(host, at + 1 - host);
  const auto seconds = [](const char* variable, double& value) {
    if (const auto given = detail::number_if_any(detail::environment(variable)); given && *given > 0)
      value = static_cast<double>(*given);
  };
  seconds("HF_HUB_ETAG_TIMEOUT", question_seconds_);
  seconds("HF_HUB_DOWNLOAD_TIMEOUT", silence_seconds_);
}

NADA_INLINE bool HubClient::offline() {
  return detail::is_true(detail::environment("HF_HUB_OFFLINE")) ||
         detail::is_true(detail::environment("TRANSFORMERS_OFFLINE"));
}

NADA_INLINE std::vector<std::string> HubClient::headers(const std::string& url) const {
  std::vector<std::string> out{"Accept-Encoding: identity"};
  if (!token_.empty() && url_origin(url) == origin_) out.push_back("Authorization: Bearer " + token_);
  return out;
}

NADA_INLINE std::string HubClient::url_of(const HubAddress& address, const std::string& commit) const {
  return endpoint_ + "/" + address.repository + "/resolve/" + commit + "/" + in_url(address.file, true);
}

NADA_INLINE void HubClient::refuse(const HttpAnswer& answer, const HubAddress& address) const {
  const auto code = answer.header("x-error-code");
  const auto what = address.text();
  const std::string token =
      token_.empty() ? "no token was given (HF_TOKEN, or `hf auth login`)" : "the token that was given may not read it";
  if (code == "RevisionNotFound")
    fail(what, ": ", address.repository, " has no revision '", address.revision, "' at ", name_);
  if (code == "EntryNotFound") fail(what, ": ", address.repository, " has no file ", address.file, " at ", name_);
  if (code == "GatedRepo")
    throw HubUnanswered(join(what, ": ", address.repository, " is gated: its terms have to be accepted at ", name_, "/",
                             address.repository, " first, and ", token));
  if (code == "RepoNotFound" || answer.status == 401 || answer.status == 404)
    throw HubUnanswered(
        join(what, ": there is no repository ", address.repository, " at ", name_, ", or it is private and ", token));
  if (answer.status == 403) throw HubUnanswered(join(what, ": ", name_, " forbids it (HTTP 403), and ", token));
  if (answer.status == 429)
    throw HubUnanswered(join(what, ": ", name_, " was asked too often (HTTP 429); try again later"));
  throw HubUnanswered(join(what, ": ", name_, " answered with HTTP ", answer.status));
}

NADA_INLINE HttpAnswer HubClient::ask_twice(HttpRequest request, const HubAddress& address) const {
  request.timeout = question_seconds_;
  const auto asked = request.url;
  for (int tries = 0, hops = 0;;) {
    request.headers = headers(request.url);
    HttpAnswer answer;
    try {
      answer = ask(request);
    } catch (const NoAnswer& error) {
      throw HubUnreached(join(address.text(), ": ", name_, " cannot be reached (", error.what(), ")"));
    }
    // A repository that was renamed: the same host, where the answer has the headers. Other hosts keep the bytes alone.
    if (const auto place = answer.header("location"); detail::is_redirect(answer.status) && !place.empty()) {
      const auto next = redirected(request.url, place);
      if (url_origin(next) != origin_) return answer;
      require(++hops <= 10, address.text(), ": ", name_, " redirects in a circle");
      request.url = next;
      continue;
    }
    if (answer.status < 300) return answer;
    if (!detail::passes(answer.status) || ++tries >= 3) refuse(answer, address);
    detail::wait_for(0.5 * tries);
    request.url = asked;
  }
}

NADA_INLINE HubListing HubClient::list(const HubAddress& address) const {
  HttpRequest request{endpoint_ + "/api/models/" + address.repository + "/revision/" + in_url(address.revision, false)};
  constexpr std::size_t most = 64 << 20;
  std::string body;
  request.body = [&](std::span<const std::byte> bytes) {
    require(body.size() + bytes.size() <= most, address.text(), ": ", name_, " lists more files than can be read");
    body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  request.begin = [&](const HttpAnswer&) { body.clear(); };
  const auto answer = ask_twice(std::move(request), address);
  if (answer.status != 200)
    throw HubUnanswered(
        join(address.text(), ": ", name_, " does not answer as the Hugging Face Hub does (HTTP ", answer.status, ")"));
  return parse_hub_listing(body, address.text() + ": " + name_);
}

NADA_INLINE HubFile HubClient::file_of(const HubAddress& address, const std::string& commit) const {
  const auto answer = ask_twice({.url = url_of(address, commit), .head = true}, address);
  return parse_hub_file([&](const std::string& name) { return answer.header(name); },
                        detail::is_redirect(answer.status), commit, address.text() + ": " + name_);
}

/// A download of one blob.
class HubClient::Download {
 public:
  Download(const HubClient& client, const HubAddress& address, std::string url, std::filesystem::path path,
           HubFile file)
      : client_(client), address_(address), url_(std::move(url)), path_(std::move(path)), whole_(std::move(file)) {
    make_folders(path_.parent_path());
    file_ = detail::Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    require(file_.number() >= 0, "cannot write ", path_, ": ", detail::reason(errno));
    const auto there = ::lseek(file_.number(), 0, SEEK_END);
    done_ = there > 0 ? there : 0;
    if (done_ > whole_.size) start_anew();
    if (whole_.size > mega)
      progress_.emplace(address.repository + "/" + address.file + ", MB", whole_.size / mega, done_ / mega);
  }

  /// Downloads what is missing, and once more from the start where the whole is not what it should be.
  void run() {
    const bool resumed = done_ > 0;
    receive();
    if (is_right()) return finish();
    if (resumed) {
      start_anew();
      receive();
      if (is_right()) return finish();
    }
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
    fail(address_.text(), ": came damaged from ", client_.name_, ": its ", whole_.size, " bytes have another ",
         whole_.etag.size() == 64 ? "SHA-256" : "SHA-1", " than announced; nothing was kept");
  }

 private:
  static constexpr std::int64_t mega = 1'000'000;

  void finish() {
    if (progress_) progress_->finish();
  }
  bool is_right() const {
    const auto digits = whole_.etag.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (digits && whole_.etag.size() == 64) return sha256_of_file(path_) == whole_.etag;
    if (digits && whole_.etag.size() == 40) return git_blob_sha1(path_) == whole_.etag;
    return true;  // of a mirror that names files otherwise: their size was checked
  }
  void start_anew() {
    done_ = 0;
    require(::ftruncate(file_.number(), 0) == 0, "cannot write ", path_, ": ", detail::reason(errno));
  }
  void receive();
  bool receive_once();
  void begin(const HttpAnswer& answer);
  void take(std::span<const std::byte> bytes);

  const HubClient& client_;
  const HubAddress& address_;
  std::string url_;
  std::filesystem::path path_;
  HubFile whole_;
  std::optional<Progress> progress_;
  detail::Descriptor file_;
  std::int64_t done_ = 0;
  std::string reason_;
};

/// Receives until all bytes are here; gives up after five tries that brought none.
NADA_INLINE void HubClient::Download::receive() {
  for (int fruitless = 0; done_ < whole_.size;) {
    const auto before = done_;
    if (receive_once()) continue;
    fruitless = done_ > before ? 0 : fruitless + 1;
    require(!StopToken::requested(), address_.text(), ": the download was stopped after ", done_, " of ", whole_.size,
            " bytes; the next one goes on there");
    require(fruitless < 5, address_.text(), ": the download ended after ", done_, " of ", whole_.size, " bytes (",
            reason_, "); the next one goes on there");
    detail::wait_for(0.25 * (1 << fruitless));
  }
}

/// Asks for what is missing, from host to host. Returns whether the answer was read to its end.
NADA_INLINE bool HubClient::Download::receive_once() {
  HttpRequest request{url_, false, {}, client_.silence_seconds_, {}, {}};
  request.begin = [&](const HttpAnswer& answer) { begin(answer); };
  request.body = [&](std::span<const std::byte> bytes) { take(bytes); };
  for (int hops = 0; hops <= 10; ++hops) {
    request.headers = client_.headers(request.url);
    if (done_ > 0) request.headers.push_back(join("Range: bytes=", done_, "-"));
    HttpAnswer answer;
    try {
      answer = ask(request);
    } catch (const NoAnswer& error) {
      reason_ = error.what();
      return false;
    }
    if (answer.status == 200 || answer.status == 206) {
      reason_ = "the connection was closed";
      return done_ == whole_.size;
    }
    if (const auto place = answer.header("location"); detail::is_redirect(answer.status) && !place.empty()) {
      const auto next = redirected(request.url, place);
      require(!request.url.starts_with("https:") || next.starts_with("https:"), address_.text(),
              ": is redirected from https to http, which is not followed");
      request.url = next;
      continue;
    }
    reason_ = join("HTTP ", answer.status);
    if (answer.status == 416) start_anew();
    const bool ours = url_origin(request.url) == client_.origin_;
    if (ours && answer.status != 416 && !detail::passes(answer.status)) client_.refuse(answer, address_);
    return false;
  }
  fail(address_.text(), ": ", client_.name_, " redirects in a circle");
}

NADA_INLINE void HubClient::Download::begin(const HttpAnswer& answer) {
  if (answer.status == 200 && done_ > 0) start_anew();  // the host knows no ranges
  if (answer.status != 206) return;
  const auto range = answer.header("content-range");  // "bytes 5-9/10"
  require(range.starts_with(join("bytes ", done_, "-")), address_.text(), ": asked for the bytes from ", done_,
          " on, got ", in_quotes(range));
}

NADA_INLINE void HubClient::Download::take(std::span<const std::byte> bytes) {
  require(done_ + static_cast<std::int64_t>(bytes.size()) <= whole_.size, address_.text(), ": came with more than the ",
          whole_.size, " bytes that were announced");
  // At their place, and not behind what is there: without locks two processes write the same bytes to the same place.
  while (!bytes.empty()) {
    const auto count = ::pwrite(file_.number(), bytes.data(), bytes.size(), done_);
    if (count < 0 && errno == EINTR) continue;
    require(count > 0, "cannot write ", path_, ": ", detail::reason(count < 0 ? errno : EIO),
            "; HF_HOME names another folder for downloads");
    done_ += count;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  if (progress_) progress_->update(done_ / mega);
}

NADA_INLINE void HubClient::fetch(const CachedRepository& cache, const HubAddress& address,
                                  const std::string& commit) const {
  if (cache.has(commit, address.file)) return;
  const auto file = file_of(address, commit);
  const HubLock lock(cache.lock(file.etag), address.text());
  if (cache.has(commit, address.file)) return;  // another process was here meanwhile
  std::error_code error;
  const auto blob = cache.blob(file.etag);
  const auto size = std::filesystem::file_size(blob, error);
  if (error || size != static_cast<std::uintmax_t>(file.size)) {
    const auto incomplete = cache.incomplete(file.etag);
    try {
      Download(*this, address, url_of(address, commit), incomplete, file).run();
      detail::put_in_place(incomplete, blob);
    } catch (const Error&) {  // without locks another process may have put the blob in its place meanwhile
      if (std::filesystem::file_size(blob, error) != static_cast<std::uintmax_t>(file.size)) throw;
    }
  }
  cache.link(commit, address.file, file.etag);
}

}  // namespace nada
