/// Options that programs around a generator and encoders share, under the same names everywhere.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "nada/adaptation/settings.hpp"
#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/experiment/machine_options.hpp"
#include "nada/experiment/menu_adaptation.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/generator.hpp"
#include "nada/losses/any_term.hpp"
#include "nada/selection/any_selector.hpp"
#include "nada/selection/every.hpp"
#include "nada/shifts/any_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_mixture.hpp"
#include "nada/shifts/text_shift.hpp"
#include "nada/views/views.hpp"

namespace nada {

/// Returns the choice that the option --noise names.
Noise noise_of(const std::string& text);

/// Declares the option --precision, which says what `products` of a program compute in.
void declare_precision(OptionTable& table, std::string& precision, const std::string& products);

/// Declares --gelu, told_gelu(): every program that reads encoders has it.
void declare_gelu(OptionTable& table);
/// Puts what `auto` means on this processor into an option --precision and says so on stdout.
/// Errors:  another word than auto, float32 and bfloat16.
void settle_precision(std::string& precision);

/// ClassOption names the class of a class-conditional generator.
struct ClassOption {
  std::int64_t label = -1;

  void declare(OptionTable& table) {
    table.add("class", label, "class of a class-conditional generator, from 0 on; -1: it has none");
  }
  /// Returns the class as one-hot [1, C], or an undefined tensor for a generator without classes.
  /// Errors:  a class that the generator does not have; no class for a generator that has classes.
  template <class G>
  Tensor labels(const G& generator) const {
    std::int64_t classes = 0;
    if constexpr (requires { generator.label_size(); }) classes = generator.label_size();
    require(label >= -1, "option class: expected 0 or more, found ", label);
    require(classes > 0 || label < 0, "option class: this generator has no classes");
    if (classes == 0) return {};
    require(label >= 0, "this generator is class-conditional: say which with --class 0 to ", classes - 1);
    require(label < classes, "option class: this generator has the classes 0 to ", classes - 1, ", found ", label);
    auto out = torch::zeros({1, classes}, generator.options());
    out.select(1, label).fill_(1);
    return out;
  }
};

/// TextOptions name the encoders and the texts between which the encoders point.
struct TextOptions {
  std::vector<EncoderChoice> encoders;
  std::filesystem::path vocabulary, templates;
  std::string source;
  std::vector<std::string> targets;  // one text, or several TEXT[:weight]

  void declare(OptionTable& table);

  /// Loads the encoders. Without `antialias`, generated images are resized as in the official
  /// adaptation code (encoders/preprocessing.hpp). With `products`, the encoders compute in that type.
  Members<AnyClip> load_encoders(torch::Device device, bool antialias = true,
                                 std::optional<torch::ScalarType> products = {}) const;
  std::vector<std::string> load_templates() const {
    return templates.empty() ? std::vector<std::string>{"{}"} : read_templates(templates);
  }
  /// Returns the target in words: the text, or several as they were given, with + between them.
  std::string target() const;
  /// Returns the targets with their weights; of a single one the text is taken as it is.
  std::vector<WeightedText> weighted_targets() const;
  /// Returns the shift to the target, or to several.
  std::variant<TextShift, TextMixture> shift() const;
  /// Returns the ends of shift() as an encoder sees them.
  template <TextImageEncoder E>
  Endpoints endpoints(const E& encoder) const {
    return std::visit([&](const auto& shift) { return shift.endpoints(encoder, {}); }, shift());
  }
  /// Returns the feature of the target, [1, E]: of several texts the unit sum of theirs, each times its weight.
  template <TextImageEncoder E>
  Tensor target_feature(const E& encoder) const {
    const auto prompts = load_templates();
    if (targets.size() == 1) return text_feature(encoder, targets.front(), prompts);
    Tensor sum;
    for (const auto& [text, weight] : weighted_targets()) {
      const auto one = weight * text_feature(encoder, text, prompts);
      sum = sum.defined() ? sum + one : one;
    }
    return unit(sum);
  }

 private:
  static AnyClip without_antialias(const AnyClip& encoder);
  void warn_unknown(const std::vector<std::string>& phrases, std::set<std::string>& told) const;
};

/// AdaptOptions are all options that an adaptation needs. parts() makes the parts that they name, in which an experiment
/// replaces its own.
struct AdaptOptions {
  static constexpr const char* about = "adapts a generator to a text";
  static constexpr const char* example = "adapt --target \"a pencil sketch of a cartoon portrait\"";

  std::filesystem::path generator;
  TextOptions texts;
  std::filesystem::path pictures;
  std::string away_from;
  MachineOptions machine;
  ClassOption category;
  std::string noise = "stored";
  std::string layers = "adaptive", parameterization = "full", views = "plain", exit = "full";
  std::vector<std::string> terms, log, schedules;
  std::string optimizer = "adam", lr_schedule = "constant";
  double momentum = 0, beta2 = 0.99, weight_decay = 0, clip_norm = 0, ema = 0;
  std::int64_t micro_batch = 0, split = 1, best_every = 30;
  std::string best;
  std::filesystem::path measure;
  double directional = 1, global = 0, learned = 0, range = 0, pixels = 0, away = 1, min_length = 0.2, lr = 0.002,
         mixing = 0;
  double blur = 0, pictures_share = 0.5;
  int pictures_tile = 0;
  std::string precision = "float32", select_exit = "as-exit";
  std::int64_t select_every = 10, select_batch = 8, select_at_once = 0, anchor_pool = 0;
  std::int64_t steps = 300, batch = 4, samples_every = 30, state_every = 10;
  std::uint64_t seed = 0;
  bool tensorboard = false;
  // These options belong to this call alone:
  std::filesystem::path config, out, resume;
  std::string recipe;
  bool dry_run = false, one_step = false;

  void declare(OptionTable& table);
  /// Takes the values of the default recipe, which the help text then tells as defaults.
  void before_help(OptionTable& table);

  /// Returns the parts that the options name, with the models loaded. Without `antialias`, generated images are resized
  /// for the encoders as in the official adaptation code.
  /// Errors:  a part, file or number that is not there or does not fit, naming the option.
  MenuParts parts(bool antialias = true) const;

  /// Returns the parts with models that are loaded already.
  /// Errors:  as above, without those of the models' files.
  MenuParts parts(AnyGenerator source, Members<AnyClip> by_encoders) const;

  /// Refuses choices and numbers that no models are needed to judge, naming the option.
  void check() const;

  // The single parts:
  AnyGenerator load_source() const;
  /// Returns the shift to --target, to --pictures, or to a mixture of both. Pictures become squares of `resolution`.
  AnyShift shift(int resolution) const;
  TermList objective() const;
  /// Adds the term of --learned, bound to the first encoder whose file holds a step head. What comes of the term is said
  /// on stderr where it is not all: no encoder has a head, or the head does not know the texts.
  void add_learned_step(TermList& objective, const Members<AnyClip>& encoders) const;
  Every<AnySelector> selector() const;
  EarlyExit early_exit() const;
  /// Puts the optimizer, the schedules and what else --optimizer to --ema name into settings.
  void training(AdaptationSettings& out) const;
  AnySelector::Work selection_work() const { return {select_batch, select_at_once}; }
  /// Returns the settings of a run that adapts `source`.
  AdaptationSettings settings(const AnyGenerator& source) const;

  /// Returns what the images should become, in words for titles and folders: the target text, or the pictures' name.
  std::string target_name() const;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/adapt_options.ipp"
#endif
