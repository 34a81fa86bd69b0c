/// The channel statistics of `edit`: a file beside the folders of edits, which later edits of the generator use again.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/tensor.hpp"
#include "nada/editing/channel_statistics_file.hpp"
#include "nada/editing/style_space.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/sha256.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/base_hash.hpp"

namespace nada::edit {

/// StatisticsOptions say how style channels are measured, and where the statistics are kept.
struct StatisticsOptions {
  std::filesystem::path file;  // empty: a name beside the folder of the edit
  ChannelSettings channels;

  void declare(OptionTable& table) {
    table.group("Channel statistics");
    table.add("statistics", file, "their file, made where it is missing (default channels-*.safetensors beside --out)");
    table.add("samples", channels.samples, "samples that show what a style channel does");
    table.add("reach", channels.reach, "deviations from its mean that a style channel is put at for it");
    table.add("exit", channels.resolution,
              "resolution that they are rendered at for it; 0: full. Less is quicker, and later layers do not move");
    table.add("channel-batch", channels.batch, "samples that are rendered at once for it");
  }
};

/// Returns the statistics that the file holds, or none yet, for a generator and encoders; sets the file's name where the
/// options give none. `out` is the folder of the edit.
/// Errors:  a file of another generator, other encoders or another class, or with other settings than the command line
///          gives.
inline ChannelStatistics open_statistics(StatisticsOptions& o, const OptionTable& table, const AnyGenerator& source,
                                         const std::vector<EncoderChoice>& encoders, const std::filesystem::path& out) {
  ChannelStatistics found{base_hash(source), {}, o.channels, {}};
  for (const auto& choice : encoders)
    if (choice.weight > 0) found.encoders.push_back(sha256_of_file(model_path(choice.path)));
  if (o.file.empty()) {
    auto name = join("channels-", found.base_hash.substr(0, 8));
    for (const auto& encoder : found.encoders) name += join("-", encoder.substr(0, 8));
    if (o.channels.label >= 0) name += join("-class-", o.channels.label);
    o.file = out.parent_path() / (name + ".safetensors");
  }
  if (!std::filesystem::exists(o.file)) return found;
  auto there = load_channel_statistics(o.file);
  require(there.base_hash == found.base_hash, o.file, " belongs to another generator, of SHA-256 ",
          there.base_hash.substr(0, 12), "..., this one has ", found.base_hash.substr(0, 12), "...");
  require(there.encoders == found.encoders, o.file, " belongs to other encoders, or to these in another order");
  require(there.settings.label == o.channels.label, o.file, " belongs to class ", there.settings.label, ", found ",
          o.channels.label);
  const auto same = [&](const char* option, auto theirs, auto ours) {
    require(!table.given(option) || theirs == ours, o.file, " was made with --", option, " ", theirs, ", found ", ours,
            "; name another file with --statistics");
  };
  same("samples", there.settings.samples, o.channels.samples);
  same("reach", there.settings.reach, o.channels.reach);
  same("exit", there.settings.resolution, o.channels.resolution);
  there.settings.batch = o.channels.batch;
  return there;
}

/// Measures the layers that the statistics lack, and writes the file after each.
/// Errors:  a signal; the layers so far are in the file.
inline void complete(ChannelStatistics& statistics, const std::filesystem::path& file, const AnyGenerator& source,
                     const Members<AnyClip>& encoders, const Tensor& labels) {
  std::vector<std::size_t> missing;
  std::int64_t total = 0, done = 0;
  for (const auto k : style_layers(source)) {
    const auto& layer = source.layers()[k];
    if (statistics.layers.count(layer.name) > 0) continue;
    missing.push_back(k);
    total += source.slot(k, slot_of(layer, "affine.bias")).numel();
  }
  if (missing.empty()) return;
  const auto& s = statistics.settings;
  const auto styles = sampled_styles(source, s.seed, s.samples, labels).contiguous();
  const auto all = sampled_styles(source, s.seed, s.style_samples, labels);
  if (file.has_parent_path()) make_folders(file.parent_path());
  const StopSignals signals;
  Progress progress("style channels", total);
  for (const auto k : missing) {
    auto layer = measure_channels(source, encoders, styles, all, k, s, [&](std::int64_t) {
      progress.update(++done, source.layers()[k].name);
      return !StopToken::requested();
    });
    require(!StopToken::requested(), "stopped; the same command goes on from the ", statistics.layers.size(),
            " layers in ", file);
    statistics.layers[source.layers()[k].name] = std::move(layer);
    save_channel_statistics(file, statistics);
  }
  progress.finish();
}

}  // namespace nada::edit
