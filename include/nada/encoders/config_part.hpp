/// One object of a configuration of others, whose keys are taken one by one; for the readers of clip_config.hpp and
/// siglip_config.hpp.
#pragma once
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/json_text.hpp"

namespace nada::detail {

/// Hugging Face's keys that every configuration may have: of training, of generating text, of bookkeeping.
inline constexpr std::string_view huggingface_idle[] = {"_attn_implementation_autoset",
                                                        "_commit_hash",
                                                        "_name_or_path",
                                                        "architectures",
                                                        "attention_dropout",
                                                        "attn_implementation",
                                                        "bad_words_ids",
                                                        "begin_suppress_tokens",
                                                        "bos_token_id",
                                                        "chunk_size_feed_forward",
                                                        "decoder_start_token_id",
                                                        "diversity_penalty",
                                                        "do_sample",
                                                        "dropout",
                                                        "dtype",
                                                        "early_stopping",
                                                        "encoder_no_repeat_ngram_size",
                                                        "eos_token_id",
                                                        "exponential_decay_length_penalty",
                                                        "finetuning_task",
                                                        "forced_bos_token_id",
                                                        "forced_eos_token_id",
                                                        "gradient_checkpointing",
                                                        "id2label",
                                                        "initializer_factor",
                                                        "initializer_range",
                                                        "is_encoder_decoder",
                                                        "label2id",
                                                        "length_penalty",
                                                        "max_length",
                                                        "min_length",
                                                        "no_repeat_ngram_size",
                                                        "num_beam_groups",
                                                        "num_beams",
                                                        "num_return_sequences",
                                                        "output_attentions",
                                                        "output_hidden_states",
                                                        "output_scores",
                                                        "pad_token_id",
                                                        "prefix",
                                                        "problem_type",
                                                        "remove_invalid_values",
                                                        "repetition_penalty",
                                                        "return_dict",
                                                        "return_dict_in_generate",
                                                        "sep_token_id",
                                                        "suppress_tokens",
                                                        "task_specific_params",
                                                        "temperature",
                                                        "tf_legacy_loss",
                                                        "tie_encoder_decoder",
                                                        "tie_word_embeddings",
                                                        "tokenizer_class",
                                                        "top_k",
                                                        "top_p",
                                                        "torch_dtype",
                                                        "torchscript",
                                                        "transformers_version",
                                                        "typical_p",
                                                        "use_bfloat16",
                                                        "use_cache"};
/// Keys of the sizes that the tensors have.
inline constexpr std::string_view huggingface_sizes[] = {
    "hidden_size", "image_size",     "intermediate_size", "max_position_embeddings",
    "patch_size",  "projection_dim", "vocab_size"};
inline constexpr std::string_view openclip_vision_sizes[] = {"image_size", "patch_size",    "width",
                                                             "mlp_ratio",  "patch_dropout", "output_tokens"};
inline constexpr std::string_view openclip_text_sizes[] = {"context_length", "vocab_size",    "width",
                                                           "mlp_ratio",      "output_tokens", "tokenizer_kwargs"};

/// ConfigPart is one object of a configuration, whose keys are taken one by one: what is left at the end is not known.
class ConfigPart {
 public:
  using Json = nlohmann::json;
  ConfigPart(const std::filesystem::path& path, std::string name, Json json)
      : path_(path), name_(std::move(name)), json_(std::move(json)) {}

  /// Takes a key out; null where it is not there.
  Json take(std::string_view key) {
    const auto found = json_.find(key);
    if (found == json_.end()) return nullptr;
    auto value = *found;
    json_.erase(found);
    return value;
  }
  /// Takes a whole number > 0, or `otherwise`.
  std::int64_t number(std::string_view key, std::int64_t otherwise) {
    const auto value = take(key);
    if (value.is_null()) return otherwise;
    require(value.is_number_integer() && value.get<std::int64_t>() > 0, path_, ": ", name_, key, " is ", value.dump(),
            ", expected a number > 0");
    return value.get<std::int64_t>();
  }
  /// Takes a key that has one value here.
  void only(std::string_view key, const Json& expected) {
    const auto value = take(key);
    require(value.is_null() || value == expected || is_close(value, expected), path_, ": ", name_, key, " is ",
            value.dump(), ", expected ", expected.dump(), ", which is all that is computed here");
  }
  /// Takes a key that must say nothing: null, false, {} or [].
  void nothing(std::string_view key) {
    const auto value = take(key);
    require(value.is_null() || value == false || ((value.is_object() || value.is_array()) && value.empty()), path_,
            ": ", name_, key, " is ", value.dump(), ", which is not computed here");
  }
  template <std::size_t N>
  void idle(const std::string_view (&keys)[N]) {
    for (const auto key : keys) json_.erase(std::string(key));
  }
  void finish() const {
    if (!json_.empty())
      fail(path_, ": ", name_, json_.begin().key(), " is ", json_.begin().value().dump(),
           ", and is not known here: whether it changes what is computed cannot be said");
  }

 private:
  static bool is_close(const Json& a, const Json& b) {
    return a.is_number() && b.is_number() && std::abs(a.get<double>() - b.get<double>()) <= 1e-6 * b.get<double>();
  }
  const std::filesystem::path& path_;
  std::string name_;  // "text_config."
  Json json_;
};

inline nlohmann::json json_object_in(const std::filesystem::path& path, std::string_view expected) {
  auto json = parse_json(read_text(path), path.string(), expected);
  require(json.is_object(), path, ": is not a JSON object, expected ", expected);
  return json;
}

/// Reads three numbers; leaves `out` where there are none.
inline void read_three(const nlohmann::json& list, const std::filesystem::path& path, std::string_view key,
                       std::array<double, 3>& out) {
  if (list.is_null()) return;
  require(list.is_array() && list.size() == 3 && std::ranges::all_of(list, [](const auto& x) { return x.is_number(); }),
          path, ": ", key, " is ", list.dump(), ", expected three numbers");
  out = list.get<std::array<double, 3>>();
}

inline void require_deviation(const std::array<double, 3>& deviation, const std::filesystem::path& path,
                              std::string_view key) {
  for (const double d : deviation) require(d > 0, path, ": ", key, " holds ", d, ", expected numbers > 0");
}

}  // namespace nada::detail
