// Bodies of invert_options.hpp.
#pragma once
#include "nada/experiment/invert_options.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <iostream>
#include <memory>
#include <system_error>
#include <utility>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/encoders/lpips.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/formats/canvas.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/picture_resize.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/sha256.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/load.hpp"
#include "nada/inversion/pivotal_tuning.hpp"
#include "nada/inversion/refined.hpp"
#include "nada/metrics/twins.hpp"

namespace nada {

NADA_INLINE SquarePicture square_picture(Picture whole, int resolution) {
  SquarePicture out;
  out.side = std::min(whole.width, whole.height);
  out.left = (whole.width - out.side) / 2;
  out.top = (whole.height - out.side) / 2;
  out.square = resize(crop(whole, out.left, out.top, out.side, out.side), resolution, resolution);
  out.image = to_images({out.square});
  out.whole = std::move(whole);
  out.whole.text.clear();
  return out;
}

NADA_INLINE SquarePicture square_picture(Picture whole, int resolution, const Quadrangle& face) {
  SquarePicture out;
  out.face = face;
  out.square = cut_out(whole, face, resolution);
  out.image = to_images({out.square});
  out.whole = std::move(whole);
  out.whole.text.clear();
  return out;
}

NADA_INLINE Picture SquarePicture::with(const Picture& made) const {
  auto out = whole;
  if (face) {
    put_back(out, made, *face);
  } else {
    paste(out, resize(made, side, side), left, top);
  }
  return out;
}

NADA_INLINE void FaceOptions::declare(OptionTable& table) {
  table.add(
      "points", points,
      "where the face is, in pixels: left eye, right eye and mouth, or a detector's five or 68 points, or a file of "
      "them; the face is turned upright and cut out",
      OptionTable::Kind::saved, "POINTS");
  table.add("framing", framing,
            "how it is cut out: avatars, ffhq, or numbers EYES,MOUTH,DOWN (default avatars for the embedded generator, "
            "else ffhq)",
            OptionTable::Kind::saved, "NAME");
}

NADA_INLINE Framing FaceOptions::numbers() const {
  if (framing == "ffhq") return {};
  if (framing == "avatars") return embedded_framing();
  Framing out;
  int end = 0;
  const bool three = std::sscanf(framing.c_str(), "%lf,%lf,%lf%n", &out.eyes, &out.mouth, &out.down, &end) == 3 &&
                     static_cast<std::size_t>(end) == framing.size();
  require(three && out.eyes >= 0 && out.mouth >= 0 && out.eyes + out.mouth > 0 &&
              std::isfinite(out.eyes + out.mouth + out.down),
          "option framing: expected avatars, ffhq, or three numbers EYES,MOUTH,DOWN, found '", framing, "'");
  return out;
}

NADA_INLINE void FaceOptions::settle(const std::filesystem::path& generator) {
  require(!points.empty() || framing.empty(), "option framing: it frames a face, and --points says where that is");
  if (points.empty()) return;
  std::error_code none;
  points = points_text(std::filesystem::is_regular_file(points, none)
                           ? read_points(read_text(points, std::size_t{1} << 20), points)
                           : read_points(points, "option points"));
  if (framing.empty()) framing = generator == embedded_generator() ? "avatars" : "ffhq";
  (void)numbers();
}

NADA_INLINE SquarePicture FaceOptions::square(Picture whole, int resolution) const {
  if (points.empty()) return square_picture(std::move(whole), resolution);
  return square_picture(std::move(whole), resolution, face_quadrangle(read_points(points, "points"), numbers()));
}

NADA_INLINE void InvertOptions::declare(OptionTable& table) {
  table.group("Inversion");
  table.add("generator", generator, "generator file or delta (default the embedded one)");
  table.add("encoder", encoders, "CLIP files whose patch tokens compare pictures (default the embedded two)");
  table.add("lpips", lpips,
            "LPIPS network vgg.pth, beside torchvision's vgg16-397923af.pth, that compares pictures in the place of "
            "--encoder");
  table.add("measure", measure,
            "CLIP file that measures identity and domain, not one of --encoder (default the embedded held-out one)");
  table.alias("judge", "measure");
  declare_gelu(table);
  table.add(
      "identity", identity,
      "ArcFace network model_ir_se50.pth that tells whether picture and image show one person, of aligned portraits");
  category.declare(table);
  table.add(
      "method", method,
      "inverter (a network answers at once), search, or auto: the search where --steps, --starts, --quick, --space or "
      "--noise-maps is given or no inverter belongs to the generator, else the inverter",
      OptionTable::Kind::saved, "NAME");
  table.add("inverter", inverter,
            "inverter of the generator, or e4e's, pSp's or ReStyle's checkpoint for it (default the embedded one)");
  table.add("refine", refine, "steps of search that follow the inverter");
  table.add("space", space, "w+ (a style for each layer) or w (one for all)", OptionTable::Kind::saved, "NAME");
  table.add("steps", steps, "steps of the search");
  table.add("starts", starts, "starts of the search: the mean style and the samples that look most like the picture");
  table.add("quick", quick, "100 steps from 2 starts, where --steps and --starts are not given");
  table.add("lr", rate, "Adam's learning rate; steps that follow the inverter take 0.3 of it");
  table.add("perceptual", perceptual, "weight of the difference that the encoders (or --lpips) see");
  table.add("pixels", pixels,
            "weight of the mean squared difference of pixels; thirty times as much in steps that follow the inverter");
  table.add("pull", pull, "weight of the squared distance to the mean style, in deviations");
  table.add("noise-maps", noise_maps, "search for the generator's noise inputs too");
  table.add("tune", tune, "steps of pivotal tuning after the search; 0: the generator stays as it is");
  table.add("tune-lr", tune_rate, "its learning rate");
  table.add("samples", samples, "of the generator that the picture's domain is measured against");
  table.add("seed", seed, "of all that is random");
}

NADA_INLINE void InvertOptions::use_defaults(const OptionTable& table) {
  if (generator.empty()) generator = embedded_generator();
  require(lpips.empty() || encoders.empty(), "--lpips takes the place of --encoder: give one of the two");
  if (encoders.empty() && lpips.empty()) encoders = embedded_encoders();
  if (measure.empty()) measure = embedded_held_out_encoder();
  if (quick && !table.given("steps")) steps = 100;
  if (quick && !table.given("starts")) starts = 2;
  require(space == "w" || space == "w+", "option space: expected w or w+, found '", space, "'");
  require(tune >= 0, "option tune: expected 0 or more steps, found ", tune);
  require(samples >= 2, "option samples: expected at least 2, found ", samples);
  settings({}).check();
  require(method == "auto" || method == "inverter" || method == "search",
          "option method: expected auto, inverter or search, found '", method, "'");
  require(refine >= 0, "option refine: expected 0 or more steps, found ", refine);
  if (method == "auto") settle_method(table);
  if (!searches() && inverter.empty()) inverter = embedded_inverter();
  require(searches() || (space == "w+" && !noise_maps),
          "the inverter finds styles w+ and no noise: expected --method search");
  require(!searches() || refine == 0,
          "option refine: the steps follow an inverter, and this is a search; give --steps");
}

NADA_INLINE void InvertOptions::settle_method(const OptionTable& table) {
  method = "search";
  for (const auto* const name : {"steps", "starts", "quick", "space", "noise-maps"})
    if (table.given(name) || table.in_file(name)) return;
  if (inverter.empty()) {
    const auto own = embedded_inverter();
    std::error_code none;
    if (generator != embedded_generator() || !std::filesystem::exists(own, none)) return;
    if (InverterFile::load(own).base_sha256 != base_hash(load_generator(generator))) return;
  }
  method = "inverter";
}

NADA_INLINE StyleOptimizationSettings InvertOptions::settings(const Tensor& labels) const {
  StyleOptimizationSettings out;
  out.space = space == "w" ? StyleSpace::w : StyleSpace::w_plus;
  out.steps = steps;
  out.starts = starts;
  out.perceptual = perceptual;
  out.pixels = pixels;
  out.pull = pull;
  out.rate = rate;
  out.noise_maps = noise_maps;
  out.labels = labels;
  return out;
}

NADA_INLINE PictureInverter::PictureInverter(const InvertOptions& options, torch::Device device)
    : options_(options),
      generator_(load_generator(options.generator, {device, torch::kFloat32})),
      features_(load_features(options, device)),
      measuring_(load_clip(options.measure, {}, device)),
      labels_(options.category.labels(generator_)) {
  if (!options.identity.empty()) faces_ = ArcFace::load(options.identity, device);
  if (!options.searches() || !options.inverter.empty()) load_inverter(device);
}

NADA_INLINE void PictureInverter::load_inverter(torch::Device device) {
  const auto file = ModelFile::open(options_.inverter);
  const auto settle = [&](auto& encoder) {
    try {
      encoder->check_fits(generator_);
    } catch (const Error& error) {
      fail(options_.inverter, ": ", error.what());
    }
  };
  if (file.kind() == FileKind::gradual_style_encoder) {
    gradual_ = GradualStyleEncoder::load(file, {device, torch::kFloat32});
    return settle(gradual_);
  }
  if (file.kind() == FileKind::restyle_encoder) {
    restyle_ = ReStyleEncoder::load(file, {device, torch::kFloat32});
    return settle(restyle_);
  }
  inverter_ = InverterFile::load(options_.inverter, device);
  require(inverter_->base_sha256 == base_hash(generator_), options_.inverter,
          ": this inverter belongs to another generator than ", options_.generator,
          "; expected one that pretrain_inverter made for it, or --method search");
  inverter_->encoder.check_fits(generator_);
}

NADA_INLINE void PictureInverter::refine_with(std::int64_t refine, std::uint64_t seed) {
  require(inverter_ || gradual_ || restyle_, "no inverter was loaded, so a picture can only be searched for");
  options_.method = "inverter";
  options_.refine = refine;
  options_.seed = seed;
}

NADA_INLINE Tensor PictureInverter::image(const AnyGenerator& generator, const Inversion& inversion) {
  const torch::NoGradGuard no_grad;
  return with_noise(generator, inversion).synthesize(inversion.styles, Render{}).clamp(-1, 1);
}

NADA_INLINE DomainDistance PictureInverter::domain(const Tensor& image) const {
  const auto embedding = [this](const Tensor& images) { return measuring_.see(images.clamp(-1, 1), Wanted{}).unit; };
  // The inverter's file keeps the features of these samples.
  if (inverter_ && inverter_->domain_features.defined() && !labels_.defined() &&
      inverter_->domain_features.size(0) == options_.samples &&
      inverter_->measure_sha256 == sha256_of_file(options_.measure)) {
    const torch::NoGradGuard no_grad;
    return domain_distance(inverter_->domain_features, embedding(image));
  }
  return domain_distance(generator_, embedding, image, Stream{0, 0}, options_.samples, labels_);
}

NADA_INLINE Inversion PictureInverter::find(const Tensor& target, const InversionProgress& progress) const {
  if (!options_.searches() && gradual_) return find_by(*gradual_, target, progress);
  if (!options_.searches() && restyle_) return find_by(*restyle_, target, progress);
  if (!options_.searches()) return find_by(inverter_->encoder, target, progress);
  auto settings = options_.settings(labels_);
  settings.goes_on = goes_on_;
  const StyleOptimization search(features_, std::move(settings));
  static_assert(explain_inverter<decltype(search), AnyGenerator>());
  return search.invert(generator_, target, Stream{options_.seed, 0}, progress);
}

template <class First>
Inversion PictureInverter::find_by(const First& first, const Tensor& target, const InversionProgress& progress) const {
  static_assert(explain_inverter<First, AnyGenerator>());
  const Stream stream{options_.seed, 0};
  if (options_.refine == 0) return first.invert(generator_, target, stream, progress);
  auto settings = refinement(options_.refine);
  settings.rate = 0.3 * options_.rate;
  settings.perceptual = options_.perceptual;
  settings.pixels *= options_.pixels;
  settings.pull = options_.pull;
  settings.labels = labels_;
  const Refined refined(first, features_, settings);
  static_assert(explain_inverter<decltype(refined), AnyGenerator>());
  return refined.invert(generator_, target, stream, progress);
}

NADA_INLINE void PictureInverter::measure(InvertedPicture& found, const Tensor& target) const {
  const torch::NoGradGuard no_grad;
  found.psnr = psnr(found.image, target).item<double>();
  if (target.size(2) >= 11) found.ssim = ssim(found.image, target).item<double>();
  found.perceptual = feature_distance(features_(found.image), features_(target)).item<double>();
  found.identity = (measuring_.see(found.image, {}).unit * measuring_.see(target, {}).unit).sum().item<double>();
  if (faces_) found.face = ((*faces_)(found.image) * (*faces_)(target)).sum().item<double>();
  if (!options_.searches() && inverter_)
    found.from_mean = ((found.inversion.styles - generator_.mean_style()) / inverter_->encoder.deviation())
                          .square()
                          .mean()
                          .sqrt()
                          .item<double>();
}

NADA_INLINE InvertedPicture PictureInverter::invert(const Tensor& picture, const InversionProgress& search,
                                                    const InversionProgress& tuning) const {
  const auto target = picture.to(generator_.options());
  InvertedPicture out;
  out.domain = domain(target);
  out.inversion = find(target, search);
  if (options_.tune > 0) {
    PivotalTuningSettings settings;
    settings.steps = options_.tune;
    settings.rate = options_.tune_rate;
    settings.perceptual = options_.perceptual;
    settings.pixels = options_.pixels;
    const PivotalTuning tuner(features_, settings);
    // The noise does not belong to the base that the delta refers to.
    auto delta =
        tuner.tune(with_noise(generator_, out.inversion), target, out.inversion, Stream{options_.seed, 0}, tuning);
    delta.base_hash = base_hash(generator_);
    out.image = image(apply_delta(generator_, delta, "the tuned generator"), out.inversion);
    out.tuning = std::move(delta);
  } else {
    out.image = image(generator_, out.inversion);
  }
  measure(out, target);
  return out;
}

NADA_INLINE AnyFeatureExtractor PictureInverter::load_features(const InvertOptions& options, torch::Device device) {
  if (!options.lpips.empty())
    return
        [network = Lpips::load(options.lpips, device)](const Tensor& images) { return network(images.clamp(-1, 1)); };
  std::vector<Member<AnyClip>> members;
  for (const auto& choice : options.encoders) members.push_back({load_clip(choice.path, {}, device), choice.weight});
  return [encoders = std::make_shared<const Members<AnyClip>>(std::move(members))](const Tensor& images) {
    return TokenFeatures{encoders.get()}(images);
  };
}

NADA_INLINE InvertedPicture invert_with_progress(const PictureInverter& inverter, const InvertOptions& options,
                                                 const Tensor& picture,
                                                 const std::function<void(std::int64_t step, double loss)>& told) {
  const auto counted = options.counted_steps();
  Progress search(options.searches() || options.refine > 0 ? "searching" : "inverting", counted),
      tuning("tuning", std::max<std::int64_t>(1, options.tune));
  const auto watch = [&told](Progress& bar, std::int64_t before) {
    return [&told, &bar, before](std::int64_t step, std::int64_t, double loss) {
      char text[32];
      std::snprintf(text, sizeof text, "loss %.4f", loss);
      bar.update(step, text);
      if (told) told(before + step, loss);
      return !StopToken::requested();
    };
  };
  auto found = inverter.invert(picture, watch(search, 0), watch(tuning, counted));
  (options.tune > 0 ? tuning : search).finish();
  if (found.domain.far()) {
    char text[128];
    std::snprintf(text, sizeof text, "(%.3f from its nearest sample, these are at most %.3f from another)",
                  found.domain.picture, found.domain.largest);
    std::cerr << "warning: the picture is far from what the generator makes " << text
              << ", so what comes of it may not resemble it"
              << (options.searches()
                      ? ""
                      : "; --method search takes longer and comes nearer to such pictures, and --tune nearer still")
              << '\n';
  }
  return found;
}

NADA_INLINE std::string quality_text(const InvertedPicture& found) {
  char text[96];
  std::snprintf(text, sizeof text, "PSNR %.2f dB, perceptual distance %.4f, identity %.3f", found.psnr,
                found.perceptual, *found.identity);
  std::string out = text;
  const auto add = [&](const char* what, double value) {
    std::snprintf(text, sizeof text, what, value);
    out += text;
  };
  if (found.face) add(", face identity %.3f", *found.face);
  if (found.ssim) add(", SSIM %.3f", *found.ssim);
  add(", %.2f from the nearest sample", found.domain.picture);
  add(" (samples at most %.2f)", found.domain.largest);
  if (found.from_mean) add(", %.2f deviations from the mean style", *found.from_mean);
  return out;
}

NADA_INLINE std::string method_text(const InvertOptions& options, const Inversion& found) {
  if (options.searches()) return join(", from start ", found.start + 1, " of ", options.starts);
  return options.refine > 0 ? join(", by the inverter and ", options.refine, " steps") : ", by the inverter";
}

NADA_INLINE void save_inversion(const std::filesystem::path& path, const Inversion& inversion,
                                const AnyGenerator& generator, const std::filesystem::path& generator_path,
                                Metadata more) {
  TensorMap tensors{{"codes", inversion.styles}};
  for (std::size_t m = 0; m < inversion.noise.size(); ++m) tensors[join("noise.", m)] = inversion.noise[m];
  more["nada.kind"] = "codes";
  more["nada.format"] = std::string(format_version);
  more["nada.base"] = relative_to(generator_path, path.parent_path()).string();
  more["nada.base_sha256"] = base_hash(generator);
  save_tensors(path, tensors, more);
}

NADA_INLINE Inversion load_inversion(const std::filesystem::path& path, const AnyGenerator& generator) {
  const auto file = Safetensors::open(model_path(path));
  require(recognise(file) == FileKind::codes, path, " is ", name_of(recognise(file)), ", expected w+ codes");
  const auto tensors = to_tensors(file);
  require_finite(tensors, path.string());
  const auto codes = tensors.find("codes");
  require(codes != tensors.end(), path, ": expected a tensor codes, found none");
  Inversion out;
  out.styles = codes->second.to(generator.options());
  const auto l = generator.style_count(), d = generator.mean_style().size(0);
  require(out.styles.dim() == 3 && out.styles.size(1) == l && out.styles.size(2) == d, path, ": codes have shape ",
          shape_text(out.styles.sizes()), ", this generator takes [N, ", l, ", ", d, "]");
  for (std::size_t m = 0; m < generator.noise_map_count(); ++m) {
    const auto map = tensors.find(join("noise.", m));
    if (map == tensors.end()) break;
    out.noise.push_back(map->second.to(generator.options()));
  }
  return out;
}

}  // namespace nada
