/// What the Hugging Face Hub, or a mirror of it, is asked over the network.
///
/// Source:  huggingface_hub 1.x, file_download.py and utils/_http.py, for the addresses, headers and error codes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/formats/http.hpp"
#include "nada/formats/hub_address.hpp"
#include "nada/formats/hub_answer.hpp"
#include "nada/formats/hub_cache.hpp"

namespace nada {

/// HubUnreached is a question that reached nobody.
struct HubUnreached : HubUnanswered {
  using HubUnanswered::HubUnanswered;
};

/// HubClient asks one endpoint: HF_ENDPOINT, else https://huggingface.co. The token (HF_TOKEN, else the content of the file
/// HF_TOKEN_PATH or token in hub_home()) is sent to that endpoint's scheme, host and port alone, and written nowhere.
class HubClient {
 public:
  /// Reads the environment.
  /// Errors:  an endpoint that is no address; a token with characters that no header has.
  HubClient();

  /// Whether HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) says that nobody may be asked.
  static bool offline();

  /// Returns the endpoint without the name and password that it may hold.
  const std::string& name() const { return name_; }

  /// Returns which commit a revision is, and its files.
  /// Errors:  HubUnanswered; no such revision.
  HubListing list(const HubAddress& address) const;

  /// Downloads a file of `commit` into the cache, if it is not there, and links it into the commit's snapshot. A download that
  /// was cut goes on where it ended, in this process and in a later one. What has come is checked before it gets its name.
  /// Errors:  HubUnanswered; no such file; a file that came damaged twice; a disk that is full.
  void fetch(const CachedRepository& cache, const HubAddress& address, const std::string& commit) const;

 private:
  class Download;

  std::vector<std::string> headers(const std::string& url) const;
  std::string url_of(const HubAddress& address, const std::string& commit) const;
  HttpAnswer ask_twice(HttpRequest request, const HubAddress& address) const;
  HubFile file_of(const HubAddress& address, const std::string& commit) const;
  [[noreturn]] void refuse(const HttpAnswer& answer, const HubAddress& address) const;

  std::string endpoint_, origin_, name_, token_;
  double question_seconds_ = 10, silence_seconds_ = 10;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/hub_client.ipp"
#endif
