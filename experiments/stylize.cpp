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
#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/core/child.hpp"
#include "nada/core/error.hpp"
#include "nada/core/process_group.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/tensor.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/latents.hpp"
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
  nada::FaceOptions face;
  nada::InvertOptions inversion;
  nada::MachineOptions machine;

  Options() { inversion.method = "auto"; }
  void declare(nada::OptionTable& table) {
    using enum nada::OptionTable::Kind;
    table.group("What");
    table.add("image", image, "PNG or JPEG of any size; its middle square is taken, or the face that --points shows",
              saved, "FILE", /*positional=*/true);
    face.declare(table);
    table.add("preset", presets, "preset by name (`presets list`), preset file or delta; several may be given", saved,
              "NAME");
    table.add("all", all, "all presets");
    table.add("target", target, "a domain that `adapt` trains now, in <out>/adapted");
    table.add("target-steps", target_steps, "steps of that training; 0: as many as `adapt` takes");
    table.add("strength", strength, "of the change of weights: 0 is the source, 1 the preset");
    table.add("mix", mix, "one picture of all presets together, each with an equal share of the strength");
    table.add("paste", paste, "put the results back into the picture at its own size");
    table.add("codes", codes, "styles w+ of an earlier inversion of this picture, instead of a new one");
    inversion.declare(table);
    table.group("Run");
    table.add("config", config, "option file; the command line has the last word", session);
    table.add("out", out, "folder (default runs/<image>-stylized-<n>)", session, "FOLDER");
    machine.declare(table);
  }
};

struct Domain {
  std::string name;
  nada::AnyGenerator generator;
};

/// Reads the option file, fills defaults, and refuses options that contradict each other. Returns the presets' files.
std::vector<std::filesystem::path> settle(Options& o, nada::OptionTable& table) {
  using namespace nada;
  if (!o.config.empty()) table.read_file(o.config);
  require(!o.image.empty(), "no picture was given; name one: stylize FILE --preset NAME");
  const auto folder_of_presets = embedded_presets();
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
  o.face.settle(o.inversion.generator);
  return paths;
}

/// Trains the domain of --target with the program `adapt`, in the folder `out`.
/// Errors:  another exit code of `adapt` than 0.
Domain train_domain(const Options& o, const std::filesystem::path& out) {
  using namespace nada;
  std::vector<std::string> command{(std::filesystem::canonical("/proc/self/exe").parent_path() / "adapt").string(),
                                   "--target",
                                   o.target,
                                   "--generator",
                                   o.inversion.generator.string(),
                                   "--config",
                                   embedded_options().string(),
                                   "--out",
                                   out.string(),
                                   "--device",
                                   o.machine.device,
                                   "--threads",
                                   join(o.machine.threads)};
  if (o.target_steps > 0) command.insert(command.end(), {"--steps", join(o.target_steps)});
  const int code = Child(command).wait();
  require(code == 0, "the training of \"", o.target, "\" ended with exit code ", code);
  return {o.target, load_generator(out / "adapted.safetensors", {o.machine.place(), torch::kFloat32})};
}

/// Inverted holds the picture's inversion, the image of the inversion, and the generator that was tuned to the picture,
/// if one was.
struct Inverted {
  nada::Inversion inversion;
  nada::Tensor image;  // [1, 3, H, W]
  std::optional<nada::AnyGenerator> tuned;
};

/// Reads the inversion --codes, else inverts the picture and writes the inversion into the folder.
Inverted invert(const Options& o, const nada::PictureInverter& inverter, const nada::SquarePicture& square,
                const nada::RunFolder& folder) {
  using namespace nada;
  const auto& source = inverter.generator();
  Inverted out;
  if (!o.codes.empty()) {
    out.inversion = load_inversion(o.codes, source);
    out.image = PictureInverter::image(source, out.inversion);
    return out;
  }
  auto found = invert_with_progress(inverter, o.inversion, square.image);
  std::cout << "inversion  " << quality_text(found) << method_text(o.inversion, found.inversion) << std::endl;
  out.inversion = std::move(found.inversion);
  out.image = found.image;
  save_inversion(folder / "codes.safetensors", out.inversion, source, o.inversion.generator);
  if (found.tuning) out.tuned = apply_delta(source, *found.tuning, "the tuned generator");
  return out;
}

/// Returns the name with every character but letters, digits, - and _ replaced by -.
std::string file_word(const std::string& name) {
  std::string out;
  for (const unsigned char c : name) out += std::isalnum(c) || c == '-' || c == '_' ? static_cast<char>(c) : '-';
  return out;
}

/// Sheet makes and writes the picture in one domain after another, all at the same styles; the changes of the tuning
/// are added to each domain.
class Sheet {
 public:
  using Shares = std::vector<nada::Share<nada::AnyGenerator>>;

  Sheet(const Options& o, const nada::RunFolder& folder, const nada::AnyGenerator& source,
        const nada::SquarePicture& square, const Inverted& inverted)
      : o_(o),
        folder_(folder),
        source_(source),
        square_(square),
        inverted_(inverted),
        row_{square.square, nada::to_pictures(inverted.image).front()} {}

  /// Writes <name>.png, or <name>-2.png and so on where that name was written before.
  void add(const std::string& name, Shares shares) {
    using namespace nada;
    if (inverted_.tuned) shares.push_back({&*inverted_.tuned, 1});
    const auto mixed = blend(source_, std::span<const Share<AnyGenerator>>(shares));
    const auto made = to_pictures(PictureInverter::image(mixed, inverted_.inversion)).front();
    row_.push_back(made);
    auto result = o_.paste ? square_.with(made) : made;
    const auto word = file_word(name);
    auto file = word;
    for (int n = 2; !files_.insert(file).second; ++n) file = join(word, "-", n);
    write("picture  ", file, std::move(result));
  }

  /// Writes stylized.png: the picture, its inversion, and all domains that were added.
  void finish() { write("all      ", "stylized", nada::make_grid({row_})); }

 private:
  void write(const char* what, const std::string& file, nada::Picture picture) const {
    picture.text = {{"nada:options", folder_.notes().options_text}};
    const auto path = folder_ / (file + ".png");
    nada::write_picture(path, picture);
    std::cout << what << path.string() << '\n';
  }

  const Options& o_;
  const nada::RunFolder& folder_;
  const nada::AnyGenerator& source_;
  const nada::SquarePicture& square_;
  const Inverted& inverted_;
  std::vector<nada::Picture> row_;
  std::set<std::string> files_{"stylized"};
};

int stylize(Options& o, nada::OptionTable& table) {
  using namespace nada;
  require_one_process(table.program());
  const auto paths = settle(o, table);
  auto picture = read_picture(o.image);
  o.machine.use();
  const PictureInverter inverter(o.inversion, o.machine.place());
  const auto& source = inverter.generator();
  std::vector<Domain> domains;
  for (const auto& path : paths)
    domains.push_back(
        {path.stem().string(), load_generator(path, {o.machine.place(), torch::kFloat32}, o.inversion.generator)});
  const auto square = o.face.square(std::move(picture), source.resolution());

  RunNotes notes;
  const auto path = o.out.empty() ? free_run_folder(o.image.stem().string() + " stylized") : o.out;
  notes.options_text = "# " + made_by(table.program()) + "\n" + table.render(path);
  const auto folder = RunFolder::create(path, notes);
  const StopSignals signals;
  if (!o.target.empty()) domains.push_back(train_domain(o, path / "adapted"));
  const auto inverted = invert(o, inverter, square, folder);

  Sheet sheet(o, folder, source, square, inverted);
  if (o.mix) {
    Sheet::Shares shares;
    for (const auto& domain : domains)
      shares.push_back({&domain.generator, o.strength / static_cast<double>(domains.size())});
    sheet.add("mix", shares);
  } else {
    for (const auto& domain : domains) sheet.add(domain.name, {{&domain.generator, o.strength}});
  }
  sheet.finish();
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, stylize); }
