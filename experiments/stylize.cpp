// Question: how does this picture look in another domain?
// Run:      stylize portrait.jpg --preset zombie --preset sketch --strength 0.8
//           stylize portrait.jpg --target "a zombie"          (trains that domain first)
// Writes:   <out>/stylized.png (picture, inversion, one column a domain)  <domain>.png  codes.safetensors  options.cfg
// Source:   Gal et al., StyleGAN-NADA, arXiv:2108.00946, section 5.2 (inversion, then the adapted generator at its w+)
#include <algorithm>
#include <cctype>
#include <cmath>
#include <iostream>
#include <optional>
#include <set>

#include "nada/adaptation/blend.hpp"
#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/adaptation/run_folder.hpp"
#include "nada/core/child.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/tensor.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture_resize.hpp"
#include "nada/generators/latents.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/inversion/inverter.hpp"

namespace {

struct Options {
  static constexpr const char* about = "puts a picture into other domains";
  static constexpr const char* example = "stylize portrait.jpg --preset zombie --preset sketch";
  std::filesystem::path image, codes, config, out;
  std::vector<std::string> presets;
  std::string target;
  std::int64_t target_steps = 0;
  double strength = 1;
  bool all = false, mix = false, paste = false;
  nada::InvertOptions inversion;
  nada::MachineOptions machine;

  void declare(nada::OptionTable& table) {
    using enum nada::OptionTable::Kind;
    table.group("What");
    table.add("image", image, "PNG or JPEG of any size; its middle square is taken", saved, "FILE",
              /*positional=*/true);
    table.add("preset", presets, "preset by name (`presets list`), preset file or delta; several may be given", saved,
              "NAME");
    table.add("all", all, "all presets");
    table.add("target", target, "a domain that `adapt` trains now, in <out>/adapted");
    table.add("target-steps", target_steps, "steps of that training; 0: as many as `adapt` takes");
    table.add("strength", strength, "of the change of weights: 0 is the source, 1 the preset");
    table.add("mix", mix, "one picture of all presets together, each with an equal share of the strength");
    table.add("paste", paste, "put the results back into the picture at its own size");
    table.add("codes", codes, "codes of an earlier inversion of this picture, instead of a new one");
    inversion.declare(table);
    table.group("Run");
    table.add("config", config, "option file; the command line has the last word", session);
    table.add("out", out, "folder (default runs/<image>-stylized-<n>)", session, "FOLDER");
    machine.declare(table);
  }
};

struct Domain {
  std::string name;
  nada::StyleGan2 generator;
};

int stylize(Options& o, nada::OptionTable& table) {
  using namespace nada;
  if (!o.config.empty()) table.read_file(o.config);
  require(!o.image.empty(), "no picture was given; name one: stylize FILE --preset NAME");
  const auto folder_of_presets = configs() / "avatars" / "presets";
  if (o.all)
    for (const auto& path : list_presets(folder_of_presets))
      if (const auto name = path.stem().string();
          std::find(o.presets.begin(), o.presets.end(), name) == o.presets.end())
        o.presets.push_back(name);
  require(!o.presets.empty() || !o.target.empty(),
          "no domain was given; name one with --preset NAME (`presets list` shows them), --all or --target \"...\"");
  require(std::isfinite(o.strength), "option strength: expected a number, found ", o.strength);
  std::vector<std::filesystem::path> paths;
  for (const auto& name : o.presets) paths.push_back(find_preset(name, folder_of_presets));
  o.inversion.use_defaults(table);
  auto picture = read_picture(o.image);
  o.machine.use();
  const PictureInverter inverter(o.inversion, o.machine.place());
  const auto& source = inverter.generator();
  std::vector<Domain> domains;
  for (const auto& path : paths)
    domains.push_back(
        {path.stem().string(), load_generator(path, {o.machine.place(), torch::kFloat32}, o.inversion.generator)});
  const auto square = square_picture(std::move(picture), source.resolution());

  RunNotes notes;
  const auto path = o.out.empty() ? free_run_folder(o.image.stem().string() + " stylized") : o.out;
  notes.options_text = "# " + table.program() + " of nada " + revision() + "\n" + table.render(path);
  const auto folder = RunFolder::create(path, notes);
  const StopSignals signals;

  if (!o.target.empty()) {
    std::vector<std::string> command{(std::filesystem::canonical("/proc/self/exe").parent_path() / "adapt").string(),
                                     "--target",
                                     o.target,
                                     "--generator",
                                     o.inversion.generator.string(),
                                     "--config",
                                     (configs() / "avatars" / "default.cfg").string(),
                                     "--out",
                                     (path / "adapted").string(),
                                     "--device",
                                     o.machine.device,
                                     "--threads",
                                     join(o.machine.threads)};
    if (o.target_steps > 0) command.insert(command.end(), {"--steps", join(o.target_steps)});
    const int code = Child(command).wait();
    require(code == 0, "the training of \"", o.target, "\" ended with exit code ", code);
    domains.push_back(
        {o.target, load_generator(path / "adapted" / "adapted.safetensors", {o.machine.place(), torch::kFloat32})});
  }

  Inversion inversion;
  std::optional<StyleGan2> tuned;
  Tensor inverted;
  if (!o.codes.empty()) {
    inversion = load_inversion(o.codes, source);
    inverted = PictureInverter::image(source, inversion);
  } else {
    auto found = invert_with_progress(inverter, o.inversion, square.image);
    std::cout << "inversion  " << quality_text(found) << std::endl;
    inversion = std::move(found.inversion);
    inverted = found.image;
    save_inversion(folder / "codes.safetensors", inversion, source, o.inversion.generator);
    if (found.tuning) tuned = apply_delta(source, *found.tuning, "the tuned generator");
  }

  // Every domain at the same styles; what the tuning changed comes along.
  std::set<std::string> files{"stylized"};
  std::vector<Picture> row{square.square, to_pictures(inverted).front()};
  const auto save = [&](const std::string& name, const std::vector<Share<StyleGan2>>& shares) {
    auto all = shares;
    if (tuned) all.push_back({&*tuned, 1});
    const auto made =
        to_pictures(PictureInverter::image(blend(source, std::span<const Share<StyleGan2>>(all)), inversion)).front();
    row.push_back(made);
    auto result = made;
    if (o.paste) {
      result = square.whole;
      paste(result, resize(made, square.side, square.side), square.left, square.top);
    }
    result.text = {{"nada:options", notes.options_text}};
    std::string word;
    for (const unsigned char c : name) word += std::isalnum(c) || c == '-' || c == '_' ? static_cast<char>(c) : '-';
    auto file = word;
    for (int n = 2; !files.insert(file).second; ++n) file = join(word, "-", n);
    write_picture(folder / (file + ".png"), result);
    std::cout << "picture  " << (path / (file + ".png")).string() << '\n';
  };
  if (o.mix) {
    std::vector<Share<StyleGan2>> shares;
    for (const auto& domain : domains)
      shares.push_back({&domain.generator, o.strength / static_cast<double>(domains.size())});
    save("mix", shares);
  } else {
    for (const auto& domain : domains) save(domain.name, {{&domain.generator, o.strength}});
  }
  auto grid = make_grid({row});
  grid.text["nada:options"] = notes.options_text;
  write_picture(folder / "stylized.png", grid);
  std::cout << "all      " << (path / "stylized.png").string() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, stylize); }
