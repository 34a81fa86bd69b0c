// Bodies of evaluation.hpp.
#pragma once
#include "nada/experiment/evaluation.hpp"

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/arcface.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/hed.hpp"
#include "nada/encoders/inception.hpp"
#include "nada/encoders/inception_stem.hpp"
#include "nada/encoders/lpips.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/left_out.hpp"
#include "nada/experiment/table.hpp"
#include "nada/experiment/target_list.hpp"
#include "nada/experiment/truths.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/hub.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/options_file.hpp"
#include "nada/formats/picture_set.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/sha256.hpp"
#include "nada/metrics/face_identity.hpp"
#include "nada/metrics/fid.hpp"
#include "nada/metrics/inception_score.hpp"
#include "nada/metrics/kid.hpp"
#include "nada/metrics/lpips.hpp"
#include "nada/metrics/scs.hpp"
#include "nada/metrics/sifid.hpp"
#include "nada/shifts/text_shift.hpp"

namespace nada {

NADA_INLINE void EvaluationOptions::declare(OptionTable& table) {
  table.group("What");
  table.add("generator", generators, "generator file or delta; several may be given, a row each");
  table.add("base", base, "the source generator that images are compared with (default a delta's own base)");
  category.declare(table);
  table.add("target", target, "text that the images should show (default a delta's own)");
  table.add("source", source, "text of what they were (default a delta's own)");
  table.add("templates", templates, "prompt templates (default the embedded ones)");
  table.add("target-list", target_list,
            "JSON list of {\"name\", \"text\"} among which the target is found, where it is in the list (default "
            "configs/avatars/targets.json)");
  table.add("real", real, "real pictures of the target: a folder, or one file");
  table.add("tile", tile, "pixels of the tiles that the file --real is cut into; 0: it is one picture");
  table.add("twins", twins,
            "truths, a folder or a file of tiles: NUMBER.png is what that sample of `generate` with --seed should have "
            "become, 000000.png the first of --count");
  table.add("codes", codes,
            "w+ codes of `invert`, a file or a folder of such, that are drawn in place of samples, each for its truth");
  table.add(
      "identity", identity,
      "ArcFace network model_ir_se50.pth, for the column face_identity: the cosine of each sample's face before and "
      "after, of aligned portraits");
  table.add(
      "inception", inception,
      "Inception network of FID, pt_inception-2015-12-05-6726825d.pth, for the columns FID, KID (both with --real) and "
      "IS");
  table.add("resize", resize,
            "how pictures become the 299 px of --inception: torch, as pytorch-fid, or clean, as clean-fid",
            OptionTable::Kind::saved, "NAME");
  table.add("lpips", lpips,
            "LPIPS network vgg.pth, beside torchvision's vgg16-397923af.pth, for the columns LPIPS (to the source's "
            "image) and "
            "intra_LPIPS");
  table.add("centres", centres,
            "pictures that a few-shot adaptation was trained on, a folder or a file of tiles of --tile, around which "
            "intra_LPIPS "
            "clusters (default 10 medoids of the samples)");
  table.add(
      "sifid", sifid,
      "Inception-v3 of torchvision, inception_v3_google-0cc3c7bd.pth, for the column SIFID: sample n against real "
      "picture n of --real, which begin anew behind the last");
  table.add("hed", hed,
            "edge network network-bsds500.pytorch, for the column SCS: how much of the source's edges a sample keeps");
  table.group("How");
  table.add("measure", measure,
            "encoder that measures, never one that was trained against (default the embedded held-out one)");
  table.alias("encoder", "measure");
  table.add("vocabulary", vocabulary, "byte-pair merges, where the encoder's file holds none");
  declare_gelu(table);
  table.add("count", count, "samples of each generator");
  table.add("seed", seed, "of the samples");
  table.add("truncation", truncation, "psi of the samples");
  table.group("Results");
  table.add("out", out, "files that are written, without their extensions", OptionTable::Kind::session, "NAME");
  machine.declare(table);
}

namespace detail {

/// Returns the list with one more metric behind the others.
/// Errors:  a metric of that name in the list.
template <Metric M>
MetricList with_metric(MetricList list, const M& metric) {
  require(std::find(list.names.begin(), list.names.end(), M::name) == list.names.end(), "two metrics are called '",
          M::name, "'");
  list.names.emplace_back(M::name);
  list.higher_is_better.push_back(M::higher_is_better);
  list.needs_of.push_back(M::needs);
  list.needs = list.needs | M::needs;
  list.measure = [others = std::move(list.measure), metric](const Evidence& evidence) {
    auto out = others(evidence);
    for (const auto& measured : measure(evidence, metric)) out.push_back(measured);
    return out;
  };
  return list;
}

/// Returns the metric SIFID with the network and the real pictures that the options name.
NADA_INLINE Sifid sifid_of(const EvaluationOptions& o, torch::Device device) {
  Sifid out;
  const InceptionStem stem = InceptionStem::load(o.sifid, device);
  out.features = [stem, device](const Tensor& images) { return stem(images.to(device)); };
  out.of_pictures = [see = out.features, path = o.real, tile = o.tile](std::int64_t most) {
    std::vector<Gaussian> gaussians;
    each_picture(path, tile, [&](Picture picture) {
      if (static_cast<std::int64_t>(gaussians.size()) < most)
        gaussians.push_back(internal_gaussians(see(to_images({std::move(picture)}))).front());
    });
    return gaussians;
  };
  return out;
}

/// Returns the list with the metrics of the networks that the options name.
NADA_INLINE MetricList with_networks(MetricList list, const EvaluationOptions& o, torch::Device device) {
  if (!o.inception.empty())
    list = with_metric(with_metric(with_metric(std::move(list), Fid{}), Kid{}), InceptionScore{});
  if (!o.lpips.empty()) {
    const AnyFeatureExtractor see = [network = Lpips::load(o.lpips, device), device](const Tensor& images) {
      return network(images.to(device));
    };
    IntraClusterLpips within{see};
    if (!o.centres.empty())
      within.centres = [path = o.centres, tile = o.tile](std::int64_t side) {
        return read_picture_set(path, static_cast<int>(side), tile);
      };
    list = with_metric(with_metric(std::move(list), LpipsToSource{see}), within);
  }
  if (!o.sifid.empty()) list = with_metric(std::move(list), sifid_of(o, device));
  if (!o.hed.empty())
    list = with_metric(std::move(list), Scs{[network = Hed::load(o.hed, device), device](const Tensor& images) {
                         return network(images.to(device));
                       }});
  if (!o.identity.empty())
    list = with_metric(std::move(list), FaceIdentity{[network = ArcFace::load(o.identity, device), device](
                                                         const Tensor& images) { return network(images.to(device)); }});
  return list;
}

/// Returns the Inception network that the options name, if they do.
NADA_INLINE std::optional<Inception> inception_of(const EvaluationOptions& o, torch::Device device) {
  require(o.resize == "torch" || o.resize == "clean", "option resize: expected torch or clean, found '", o.resize, "'");
  if (o.inception.empty()) return std::nullopt;
  auto network = Inception::load(o.inception, device);
  if (o.resize == "clean") network.resizing = Inception::Resizing::clean;
  return network;
}

/// Pools pictures at their own sizes, a few of one size at a time.
NADA_INLINE Tensor pool_pictures(const Inception& network, const std::filesystem::path& path, int tile,
                                 torch::Device device) {
  constexpr std::size_t piece = 10;
  std::vector<Tensor> pooled;
  std::vector<Picture> waiting;
  const auto see = [&] {
    if (!waiting.empty()) pooled.push_back(network(to_images(waiting).to(device)).cpu());
    waiting.clear();
  };
  each_picture(path, tile, [&](Picture picture) {
    const bool fits = waiting.empty() || (waiting[0].width == picture.width && waiting[0].height == picture.height &&
                                          waiting.size() < piece);
    if (!fits) see();
    waiting.push_back(std::move(picture));
  });
  see();
  return torch::cat(pooled);
}

/// Origin is what the file of a delta says of its run; empty for the file of a generator.
struct Origin {
  std::string source, target;
  std::filesystem::path base;
};

/// Reads a delta's metadata.
/// Errors:  a delta that was trained against `measure`, the encoder that measures.
NADA_INLINE Origin origin_of(const std::filesystem::path& path, const std::filesystem::path& measure) {
  namespace fs = std::filesystem;
  const auto model = ModelFile::open(path);
  if (model.kind() != FileKind::delta) return {};
  const auto file = Safetensors::open(model.path());
  Origin out{value_or(file.metadata(), "nada.source"), value_or(file.metadata(), "nada.target"), {}};
  if (const auto base = value_or(file.metadata(), "nada.base"); !base.empty())
    out.base = named_beside(model.path(), base);
  const auto weights_in = [](const fs::path& any) { return fs::is_directory(any) ? ModelFile::open(any).path() : any; };
  for (const auto& line : parse_options(value_or(file.metadata(), "nada.options"), path.string())) {
    if (line.key != "encoder") continue;
    for (const auto& folder : {path.parent_path(), path.parent_path().parent_path()}) {  // deltas/ lies one deeper
      const auto there = cached_path(read_encoder_choice(line.value, folder.empty() ? fs::path(".") : folder).path);
      std::error_code missing;
      if (!there || !fs::exists(*there, missing)) continue;
      const auto trained = weights_in(*there), measuring = weights_in(local_path(measure));
      require(!fs::equivalent(trained, measuring, missing) && (fs::file_size(trained) != fs::file_size(measuring) ||
                                                               sha256_of_file(trained) != sha256_of_file(measuring)),
              path, " was trained against ", measure, ": it cannot measure it; name another one with --measure");
    }
  }
  return out;
}

/// Evaluation measures generators with one encoder; what the source shows is kept from one generator to the next.
class Evaluation {
 public:
  struct Row {
    std::vector<Cell> cells;  // generator, target, samples, real
    std::vector<Measured> measured;
    Lack lack;
  };

  /// Loads the encoder and reads the real pictures.
  Evaluation(const EvaluationOptions& o, const MetricList& metrics)
      : o_(o),
        metrics_(metrics),
        device_(o.machine.place()),
        measuring_(load_clip(o.measure, o.vocabulary.empty() ? std::nullopt : std::optional(o.vocabulary), device_)),
        inception_(inception_of(o, device_)),
        list_(o.target_list.empty() ? std::vector<Target>{} : read_target_list(o.target_list)) {
    const torch::NoGradGuard no_grad;
    if (o.real.empty()) return;
    real_ =
        see_all(measuring_, read_picture_set(o.real, static_cast<int>(measuring_.resolution()), o.tile).to(device_));
    if (inception_) real_pool_ = pool_pictures(*inception_, o.real, o.tile, device_);
  }

  /// Measures a generator file or a delta.
  Row row(const std::filesystem::path& path) {
    const torch::NoGradGuard no_grad;
    const auto origin = origin_of(path, o_.measure);
    const auto source_text = o_.source.empty() ? origin.source : o_.source;
    const auto target_text = o_.target.empty() ? origin.target : o_.target;
    const auto base = o_.base.empty() ? origin.base : o_.base;
    const bool delta = !origin.base.empty();
    auto adapted = seen(path, delta && !o_.base.empty() ? std::optional(o_.base) : std::nullopt, Needs::adapted_images);
    Evidence evidence{std::move(adapted.features), {}, real_, {}};
    evidence.adapted_images = adapted.images;
    evidence.adapted_pool = adapted.pool;
    evidence.real_pool = real_pool_;
    if (inception_ && inception_->has_classifier())
      evidence.adapted_logits = inception_->logits(adapted.pool.to(device_));
    if (!o_.twins.empty() && adapted.images.defined()) {
      read_truths_of(static_cast<int>(adapted.images.size(2)));
      evidence.truths = truths_;
      evidence.truth = truth_features_;
    }
    if (!base.empty()) {
      if (source_path_ != base) source_ = seen(base, {}, Needs::source_images), source_path_ = base;
      evidence.source = source_.features;
      evidence.source_images = source_.images;
    }
    if (!target_text.empty()) evidence.ends = endpoints(source_text, target_text);
    const auto place =
        std::find_if(list_.begin(), list_.end(), [&](const Target& target) { return target.text == target_text; });
    if (place != list_.end()) {
      if (!list_features_.defined())
        list_features_ = text_features(measuring_, texts_of(list_), read_templates(o_.templates)).cpu();
      evidence.texts = list_features_;
      evidence.wanted = place - list_.begin();
    }
    const auto reals = real_.unit.defined() ? std::to_string(real_.unit.size(0)) : std::string("0");
    Lack lack{path.string(), {}};
    for (const auto needs : metrics_.needs_of) {
      auto lacks = lacking(needs, evidence);
      if (has(lacks, Needs::source_images) && evidence.source.unit.defined())  // there is a source: it was not kept
        lacks = without(lacks, Needs::source_images) | Needs::adapted_images;
      if (has(lacks, Needs::texts) && target_text.empty()) lacks = without(lacks, Needs::texts) | Needs::target;
      lack.of.push_back(lacks);
    }
    return {{path.string(), target_text, std::to_string(o_.count), reals}, metrics_.measure(evidence), std::move(lack)};
  }

 private:
  /// What a generator shows: features of the samples and, where they are kept, the images.
  struct Seen {
    Features features;
    Tensor images;  // [N, 3, H, W] on the processor
    Tensor pool;    // [N, P], what the Inception network pools of them; undefined without one
  };

  /// Sees the samples of a generator or delta; keeps their images where some metric needs `images`.
  Seen seen(const std::filesystem::path& path, const std::optional<std::filesystem::path>& base, Needs images) {
    const auto generator = load_generator(path, {device_, torch::kFloat32}, base);
    const auto labels = o_.category.labels(generator);
    const std::int64_t side = generator.resolution(), values = o_.count * 3 * side * side;
    const bool keep = has(metrics_.needs, images) && values <= most_image_values;
    if (has(metrics_.needs, images) && !keep && !std::exchange(told_, true))
      std::cerr << "note: metrics of images are left out: " << o_.count << " samples of " << side
                << " px are too many to keep; --count " << most_image_values / (3 * side * side) << " would do\n";
    const auto purpose = o_.twins.empty() ? Purpose::evaluation : Purpose::samples;
    const bool pools = inception_ && images == Needs::adapted_images;
    std::vector<Tensor> kept, pooled;
    const auto codes = o_.codes.empty() ? Tensor{} : read_codes(o_.codes, generator);
    require(!codes.defined() || codes.size(0) == o_.count, o_.codes, ": holds codes of ",
            codes.defined() ? codes.size(0) : 0, " pictures, expected one for each of the ", o_.count,
            " samples (--count)");
    Seen out;
    const auto draw = [&](std::int64_t first, std::int64_t n) {
      auto rendered = codes.defined() ? generator.synthesize(codes.narrow(0, first, n), Render{})
                                      : render_samples(generator, first, n, o_.seed, o_.truncation, labels, purpose);
      if (keep) kept.push_back(rendered.clamp(-1, 1).cpu());
      if (pools) pooled.push_back((*inception_)(in_8_bits(rendered)).cpu());
      return rendered;
    };
    out.features = see_all(measuring_, o_.count, draw, 20, {.tokens = !o_.twins.empty()});
    if (keep) out.images = torch::cat(kept);
    if (pools) out.pool = torch::cat(pooled);
    return out;
  }

  /// Returns the endpoints of the texts, on the processor; they have a direction where there is a source text that
  /// differs from the target.
  Endpoints endpoints(const std::string& source, const std::string& target) const {
    const auto templates = read_templates(o_.templates);
    Endpoints out;
    if (!source.empty() && source != target) {
      out = TextShift(source, target, templates).endpoints(measuring_, {});
      out.direction = out.direction.cpu();
    } else {
      out.target = text_feature(measuring_, target, templates);
    }
    out.target = out.target.cpu();
    return out;
  }

  /// Reads the truths of samples of `side` pixels, once.
  void read_truths_of(int side) {
    if (truths_.defined() && truths_.size(2) == side) return;
    truths_ = read_truths(o_.twins, side);
    require(truths_.size(0) == o_.count, o_.twins, ": holds ", truths_.size(0),
            " truths, expected one for each of the ", o_.count, " samples (--count)");
    truth_features_ = see_all(measuring_, truths_.to(device_), {.tokens = true});
  }

  const EvaluationOptions& o_;
  const MetricList& metrics_;
  torch::Device device_;
  AnyClip measuring_;
  std::optional<Inception> inception_;
  std::vector<Target> list_;
  Tensor list_features_;  // [T, E]; undefined until a generator is compared with the list
  Features real_;
  Tensor real_pool_;                   // [M, P]; undefined without real pictures or an Inception network
  Tensor truths_;                      // [N, 3, H, W]; undefined until they are read
  Features truth_features_;            // of truths_, with tokens
  std::filesystem::path source_path_;  // the generator that `source_` shows
  Seen source_;
  bool told_ = false;  // that images are not kept
};

/// Returns the rows as one table; a cell whose metric a row does not have is empty.
NADA_INLINE Table table_of(std::vector<Evaluation::Row> rows, const std::vector<std::string>& metrics) {
  std::vector<std::string> columns{"generator", "target", "samples", "real"};
  const auto place = [](const Evaluation::Row& row, const std::string& name) {
    return std::find_if(row.measured.begin(), row.measured.end(), [&](const auto& m) { return m.name == name; });
  };
  for (const auto& name : metrics)
    if (std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return place(row, name) != row.measured.end(); }))
      columns.push_back(name);
  Table table{columns};
  for (auto& row : rows) {
    auto cells = row.cells;
    for (std::size_t c = row.cells.size(); c < columns.size(); ++c) {
      const auto found = place(row, columns[c]);
      cells.push_back(found == row.measured.end() ? Cell("") : Cell(found->estimate));
    }
    table.add(std::move(cells));
  }
  return table;
}

/// Writes <out>.md, <out>.csv and <out>.json.
NADA_INLINE void write_tables(const Table& table, const std::filesystem::path& out) {
  const auto file = [&](const char* extension) {
    auto path = out;
    return path += extension;
  };
  make_folders(out.parent_path());
  write_text(file(".md"), table.markdown());
  write_text(file(".csv"), table.csv());
  write_text(file(".json"), table.json().dump(1) + "\n");
}

}  // namespace detail

NADA_INLINE int evaluate(EvaluationOptions& o, const MetricList& common) {
  require(!o.generators.empty(), "no generator was given; name one with --generator FILE");
  require(o.count >= 2, "option count: expected at least 2, found ", o.count);
  require(o.codes.empty() || (o.truncation == 1 && o.category.label < 0),
          "--codes stand for styles as they are: --truncation and --class do not apply");
  require(o.centres.empty() || !o.lpips.empty(), "--centres are those of intra_LPIPS, which needs --lpips");
  require(o.resize != "clean" || !o.inception.empty(), "--resize is that of --inception, which is not given");
  if (o.measure.empty()) o.measure = embedded_held_out_encoder();
  if (o.templates.empty()) o.templates = embedded_templates();
  std::error_code missing;  // a library without its configurations has no list
  if (o.target_list.empty() && find_configs() && std::filesystem::exists(embedded_targets(), missing))
    o.target_list = embedded_targets();
  o.machine.use();
  const auto metrics = detail::with_networks(common, o, o.machine.place());
  detail::Evaluation evaluation(o, metrics);
  std::vector<detail::Evaluation::Row> rows;
  std::vector<Lack> lacks;
  for (const auto& path : o.generators) {
    rows.push_back(evaluation.row(path));
    lacks.push_back(rows.back().lack);
  }
  if (const auto said = left_out(metrics.names, lacks); !said.empty()) std::cerr << "note: " << said << '\n';
  const auto table = detail::table_of(std::move(rows), metrics.names);
  detail::write_tables(table, o.out);
  std::cout << table.markdown();
  return 0;
}

}  // namespace nada
