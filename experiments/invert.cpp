// Question: which styles make this picture?
// Run:      invert portrait.jpg --tune 100
// Writes:   <out>/comparison.png (picture, inversion)  codes.safetensors  metrics.csv  options.cfg  tuned.safetensors
// Source:   Karras et al., arXiv:1912.04958, appendix D; Abdal et al., arXiv:1904.03189; Roich et al., arXiv:2106.05744
#include <iostream>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stop.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/invert_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"

namespace {

struct Options {
  static constexpr const char* about = "finds the styles that make a picture";
  static constexpr const char* example = "invert portrait.jpg --tune 100";
  std::filesystem::path image, config, out;
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
    inversion.declare(table);
    table.group("Run");
    table.add("config", config, "option file; the command line has the last word", session);
    table.add("out", out, "folder (default runs/<image>-inversion-<n>)", session, "FOLDER");
    machine.declare(table);
  }
};

int invert(Options& o, nada::OptionTable& table) {
  using namespace nada;
  if (!o.config.empty()) table.read_file(o.config);
  require(!o.image.empty(), "no picture was given; name one: invert FILE");
  o.inversion.use_defaults(table);
  o.face.settle(o.inversion.generator);
  auto picture = read_picture(o.image);
  o.machine.use();
  const PictureInverter inverter(o.inversion, o.machine.place());
  const auto square = o.face.square(std::move(picture), inverter.generator().resolution());

  RunNotes notes;
  const auto path = o.out.empty() ? free_run_folder(o.image.stem().string() + " inversion") : o.out;
  notes.options_text = "# " + made_by(table.program()) + "\n" + table.render(path);
  const auto folder = RunFolder::create(path, notes);
  const StopSignals signals;
  auto metrics = csv_line({"step", "loss"});
  const auto found = invert_with_progress(inverter, o.inversion, square.image, [&](std::int64_t step, double loss) {
    metrics += csv_line({std::to_string(step), csv_number(loss)});
  });

  auto grid = make_grid({{square.square, to_pictures(found.image).front()}});
  grid.text["nada:options"] = notes.options_text;
  write_picture(folder / "comparison.png", grid);
  write_text(folder / "metrics.csv", metrics);
  save_inversion(folder / "codes.safetensors", found.inversion, inverter.generator(), o.inversion.generator,
                 {{"nada.about", "inversion of " + o.image.filename().string()}});
  if (found.tuning)
    save_delta(folder / "tuned.safetensors", *found.tuning,
               {{"nada.base", relative_to(o.inversion.generator, path).string()}});

  std::cout << "picture  " << (path / "comparison.png").string() << "\ncodes    "
            << (path / "codes.safetensors").string() << '\n';
  if (found.tuning) std::cout << "tuned    " << (path / "tuned.safetensors").string() << '\n';
  std::cout << "found    " << quality_text(found) << method_text(o.inversion, found.inversion) << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, invert); }
