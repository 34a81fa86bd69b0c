// Question: which of several texts does an encoder find in a generator's samples?
// Run:      rank --generator runs/a-zombie-1/adapted.safetensors
// Writes:   nothing; prints for each text the share of samples that are nearest to it
#include <iomanip>
#include <iostream>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/target_list.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/metrics/text_score.hpp"
#include "nada/shifts/text_shift.hpp"

namespace {

struct Options {
  static constexpr const char* about = "says which of several texts an encoder finds in a generator's samples";
  static constexpr const char* example = "rank --generator runs/a-zombie-1/adapted.safetensors";
  std::filesystem::path generator, measure, templates, texts;
  std::int64_t count = 200;
  std::uint64_t seed = 1;
  double truncation = 1, least = 0;
  std::string expect;
  nada::MachineOptions machine;
  nada::ClassOption category;

  void declare(nada::OptionTable& table) {
    table.group("What");
    table.add("generator", generator, "generator file or delta (default the embedded one)");
    table.add("measure", measure,
              "encoder that measures, best one that was not trained against (default the embedded held-out one)");
    table.alias("encoder", "measure");
    nada::declare_gelu(table);
    table.add("texts", texts, "JSON list of {\"name\", \"text\"} (default configs/avatars/targets.json)");
    table.add("templates", templates, "prompt templates; a text's feature is their mean (default the embedded ones)");
    category.declare(table);
    table.add("count", count, "samples");
    table.add("seed", seed, "of the samples");
    table.add("truncation", truncation, "psi of the samples");
    table.add("expect", expect, "name of the text that should come first");
    table.add("least", least, "share in [0, 1] that it should have; else the exit code is 1");
    machine.declare(table);
  }
};

int rank(Options& o, nada::OptionTable&) {
  using namespace nada;
  if (o.generator.empty()) o.generator = embedded_generator();
  if (o.measure.empty()) o.measure = embedded_held_out_encoder();
  if (o.templates.empty()) o.templates = embedded_templates();
  if (o.texts.empty()) o.texts = embedded_targets();
  require(o.count >= 1, "option count: expected at least 1, found ", o.count);
  o.machine.use();
  const auto device = o.machine.place();
  const auto generator = load_generator(o.generator, {device, torch::kFloat32});
  const auto encoder = load_clip(o.measure, {}, device);
  const auto templates = read_templates(o.templates);
  const auto list = read_target_list(o.texts);

  const torch::NoGradGuard no_grad;
  std::vector<std::string> names;
  for (const auto& target : list) names.push_back(target.name);
  require(o.expect.empty() || std::find(names.begin(), names.end(), o.expect) != names.end(), o.texts,
          " has no text called '", o.expect, "'");
  const auto texts = text_features(encoder, texts_of(list), templates).cpu();  // [T, E]
  std::vector<std::int64_t> first(names.size(), 0);
  const auto seen = see_samples(encoder, generator, o.count, o.seed, o.truncation, o.category.labels(generator));
  const auto nearest = seen.unit.matmul(texts.t()).argmax(1);
  for (std::int64_t i = 0; i < o.count; ++i) ++first[static_cast<std::size_t>(nearest[i].item<std::int64_t>())];
  std::vector<std::size_t> order(names.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return first[a] > first[b]; });
  double share = 1;
  for (const auto i : order) {
    const auto part = static_cast<double>(first[i]) / static_cast<double>(o.count);
    if (names[i] == o.expect) share = part;
    if (first[i])
      std::cout << std::fixed << std::setprecision(1) << std::setw(6) << 100 * part << "%  " << names[i] << '\n';
  }
  if (share < o.least) {
    std::cerr << "error: " << o.expect << " comes first for " << 100 * share << "% of the samples, expected at least "
              << 100 * o.least << "%\n";
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, rank); }
