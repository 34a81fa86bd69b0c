/// Measures what an encoder has learned, on pictures that it was not trained on.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/pretraining/image_set.hpp"

namespace nada {

/// SeenSet holds the unit features of pictures of a set; all measures below start from it.
struct SeenSet {
  const ImageSet& set;
  std::vector<std::int64_t> pictures;  // indices into the set
  Tensor images;                       // [N, E], unit length, as `pictures`
};

/// Returns about `most` pictures of a set, spread over all of it; whole groups where the set has groups.
inline std::vector<std::int64_t> spread_pictures(const ImageSet& set, std::int64_t most) {
  const auto every = std::max<std::int64_t>(1, (set.size() + most - 1) / most);
  std::vector<std::int64_t> out;
  std::int64_t unit = 0;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    if (i > 0 && (set[i].group.empty() || set[i].group != set[i - 1].group)) ++unit;
    if (unit % every == 0) out.push_back(i);
  }
  return out;
}

template <TextImageEncoder E>
SeenSet see_set(const E& encoder, const ImageSet& set, std::vector<std::int64_t> pictures) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> out;
  for (std::size_t at = 0; at < pictures.size(); at += 50) {
    const std::vector<std::int64_t> piece(
        pictures.begin() + static_cast<std::ptrdiff_t>(at),
        pictures.begin() + static_cast<std::ptrdiff_t>(std::min(at + 50, pictures.size())));
    out.push_back(encoder.see(set.images(piece), Wanted{}).unit);
  }
  require(!out.empty(), "there are no pictures to evaluate an encoder with");
  return {set, std::move(pictures), torch::cat(out)};
}

/// Returns the unit features of texts, [T, E]. A text that is too long for the encoder loses words at its end.
/// Errors:  the encoder's errors for the first word alone.
template <TextImageEncoder E>
Tensor read_all(const E& encoder, std::span<const std::string> texts) {
  const torch::NoGradGuard no_grad;
  const auto ids = [&](std::string text) {
    for (;;) {
      try {
        return encoder.tokenize(std::span<const std::string>(&text, 1));
      } catch (const Error&) {
        const auto blank = text.rfind(' ');
        if (blank == std::string::npos) throw;
        text.resize(blank);
      }
    }
  };
  std::vector<Tensor> out;
  for (std::size_t at = 0; at < texts.size(); at += 256) {
    std::vector<Tensor> piece;
    for (std::size_t k = at; k < std::min(at + 256, texts.size()); ++k) piece.push_back(ids(texts[k]));
    out.push_back(encoder.read(torch::cat(piece)));
  }
  return torch::cat(out);
}

/// ZeroShot is the result of zero-shot classification by one column of the set: a picture is given the
/// column's text that is nearest to it.
struct ZeroShot {
  double accuracy = 0;  // mean over the classes
  std::int64_t classes = 0, pictures = 0;
  std::map<std::string, double> each;  // accuracy by text
};

template <TextImageEncoder E>
ZeroShot zero_shot(const E& encoder, const SeenSet& seen, const std::string& column) {
  std::map<std::string, std::int64_t> number;
  std::vector<std::int64_t> rows, truth;
  std::vector<std::string> texts;
  for (std::size_t k = 0; k < seen.pictures.size(); ++k) {
    const auto& record = seen.set[seen.pictures[k]];
    const auto found = record.texts.find(column);
    if (found == record.texts.end()) continue;
    const auto [at, fresh] = number.emplace(found->second, static_cast<std::int64_t>(texts.size()));
    if (fresh) texts.push_back(found->second);
    rows.push_back(static_cast<std::int64_t>(k));
    truth.push_back(at->second);
  }
  ZeroShot out;
  out.classes = static_cast<std::int64_t>(texts.size());
  out.pictures = static_cast<std::int64_t>(rows.size());
  if (rows.empty()) return out;
  const auto images = seen.images.index_select(0, torch::tensor(rows));
  const auto guess = images.matmul(read_all(encoder, texts).t()).argmax(1);
  std::vector<std::pair<std::int64_t, std::int64_t>> counts(texts.size());  // right, all
  for (std::size_t k = 0; k < truth.size(); ++k) {
    auto& [right, all] = counts[static_cast<std::size_t>(truth[k])];
    right += guess[static_cast<std::int64_t>(k)].template item<std::int64_t>() == truth[k] ? 1 : 0;
    ++all;
  }
  for (std::size_t c = 0; c < texts.size(); ++c) {
    out.each[texts[c]] = static_cast<double>(counts[c].first) / static_cast<double>(counts[c].second);
    out.accuracy += out.each[texts[c]] / static_cast<double>(texts.size());
  }
  return out;
}

/// Returns the share of pictures whose own first caption is the nearest of `among` different captions. Sets of `among`
/// pictures are taken one after the other, and a smaller rest is left out. NaN where there is no whole set.
template <TextImageEncoder E>
double retrieval(const E& encoder, const SeenSet& seen, std::int64_t among = 256) {
  std::vector<std::int64_t> rows;
  std::vector<std::string> texts;
  std::set<std::string> known;
  std::int64_t right = 0, all = 0;
  for (std::size_t k = 0; k < seen.pictures.size(); ++k) {
    const auto& captions = seen.set[seen.pictures[k]].captions;
    if (captions.empty() || !known.insert(captions[0]).second) continue;
    rows.push_back(static_cast<std::int64_t>(k));
    texts.push_back(captions[0]);
    if (static_cast<std::int64_t>(rows.size()) < among) continue;
    const auto images = seen.images.index_select(0, torch::tensor(rows));
    const auto guess = images.matmul(read_all(encoder, texts).t()).argmax(1);
    right += (guess == torch::arange(among)).sum().template item<std::int64_t>();
    all += among;
    rows.clear();
    texts.clear();
    known.clear();
  }
  return all == 0 ? std::nan("") : static_cast<double>(right) / static_cast<double>(all);
}

/// Returns the mean cosine between the step of two pictures of one content and the step of their second captions (their
/// first, where a picture has only one). Pairs whose captions are the same are left out. NaN where there is no pair.
template <TextImageEncoder E>
double direction_agreement(const E& encoder, const SeenSet& seen) {
  std::map<std::string, std::int64_t> first;
  std::vector<std::int64_t> from, to;
  std::vector<std::string> texts_from, texts_to;
  for (std::size_t k = 0; k < seen.pictures.size(); ++k) {
    const auto& record = seen.set[seen.pictures[k]];
    if (record.group.empty() || record.captions.empty()) continue;
    const auto [at, fresh] = first.emplace(record.group, static_cast<std::int64_t>(k));
    if (fresh) continue;
    const auto& other = seen.set[seen.pictures[static_cast<std::size_t>(at->second)]];
    const std::size_t i = std::min(record.captions.size(), other.captions.size()) > 1 ? 1 : 0;
    if (record.captions[i] == other.captions[i]) continue;
    from.push_back(at->second);
    to.push_back(static_cast<std::int64_t>(k));
    texts_from.push_back(other.captions[i]);
    texts_to.push_back(record.captions[i]);
  }
  if (from.empty()) return std::nan("");
  const auto images = seen.images.index_select(0, torch::tensor(to)) - seen.images.index_select(0, torch::tensor(from));
  const auto texts = read_all(encoder, texts_to) - read_all(encoder, texts_from);
  return at::cosine_similarity(images, texts, 1).mean().template item<double>();
}

}  // namespace nada
