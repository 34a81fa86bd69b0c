// Bodies of ablation.hpp.
#pragma once
#include "nada/experiment/ablation.hpp"

#include <sys/resource.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <istream>
#include <sstream>
#include <system_error>
#include <thread>

#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/delta_file.hpp"
#include "nada/core/child.hpp"
#include "nada/core/config.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture_set.hpp"
#include "nada/metrics/directional_score.hpp"
#include "nada/metrics/diversity.hpp"
#include "nada/metrics/frechet.hpp"
#include "nada/metrics/identity.hpp"
#include "nada/metrics/kernel_distance.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/metrics/precision_recall.hpp"
#include "nada/metrics/text_score.hpp"

namespace nada {

NADA_INLINE void AblationOptions::declare(OptionTable& table) {
  using enum OptionTable::Kind;
  table.group("Cells");
  table.add("targets", targets, "names of targets in the list, with commas between them", saved, "NAMES");
  table.add("seeds", seeds, "seeds of each target, from 0 on");
  table.add("only", only, "names of the variants to run, with commas between them; none: all", saved, "NAMES");
  table.add("quick", quick, "one target, two seeds, three small steps: does it work?");
  table.group("Training");
  table.add("steps", steps, "training steps of each cell");
  table.add("batch", batch, "samples a step");
  table.add("lr", lr, "Adam's learning rate");
  table.group("Models");
  table.add("generator", generator, "the source (default the embedded one)");
  table.add("encoder", encoders, "CLIP file with its weight, to train against (default the embedded two)");
  table.add("measure", measure, "encoder that measures, not one of the others (default the embedded held-out one)");
  table.add("templates", templates, "prompt templates (default the embedded ones)");
  table.add("source", source, "what the source's images are");
  table.add(
      "target-list", target_list,
      "JSON list of {\"name\", \"text\", \"pictures\"}: the texts among which one is found; pictures are a sheet of "
      "tiles of the generator's size (default configs/avatars/targets.json)");
  table.group("Measuring");
  table.add("count", count, "samples that are measured in each cell");
  table.group("Run");
  table.add("out", out, "folder of the results; cells that are there are not run again (default runs/<program>)",
            session, "FOLDER");
  table.add("jobs", jobs, "cells that run at the same time, with one thread each; 0: as many as processors", session);
  table.add("deltas", deltas, "keep the delta of each cell beside its numbers");
  table.add("cell", cell, "run this cell alone, with one thread, and write no tables, for job arrays; -1: all",
            session);
  machine.declare(table);
}

NADA_INLINE void AblationOptions::settle(const std::string& program) {
  if (generator.empty()) generator = embedded_generator();
  if (measure.empty()) measure = embedded_held_out_encoder();
  if (templates.empty()) templates = embedded_templates();
  if (target_list.empty()) target_list = embedded_targets();
  if (encoders.empty()) encoders = embedded_encoders();
  if (out.empty()) out = std::filesystem::path("runs") / program;
  if (cell >= 0 && machine.threads == 0) machine.threads = 1;  // the same numbers, however it is started
  if (quick) {
    targets = targets.substr(0, targets.find(','));
    seeds = 2;
    steps = 3;
    batch = 2;
    count = 24;
  }
  require(seeds >= 1 && steps >= 1 && batch >= 1, "options seeds, steps and batch: expected at least 1");
  require(count >= 20, "option count: expected at least 20, found ", count);
  for (const auto& e : encoders) {
    std::error_code ignored;
    require(!std::filesystem::equivalent(e.path, measure, ignored), measure,
            " is trained against: it cannot measure (--measure names another encoder)");
  }
}

NADA_INLINE std::vector<std::string> comma_list(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, ',');)
    if (!word.empty()) out.push_back(word);
  return out;
}

namespace detail {
NADA_INLINE Ablation::Ablation(const AblationOptions& options, const OptionTable& table,
                               std::vector<std::string> variants, Make make)
    : o_(options), table_(table), make_(std::move(make)) {
  const auto wanted = comma_list(o_.only);
  for (const auto& name : wanted)
    require(std::find(variants.begin(), variants.end(), name) != variants.end(), "option only: there is no variant '",
            name, "'; they are ", words(variants));
  for (auto& name : variants)
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end())
      variants_.push_back(std::move(name));
  read_targets();
}

NADA_INLINE int Ablation::run() {
  std::error_code error;
  std::filesystem::create_directories(o_.out / "cells", error);
  require(!error, "cannot make the folder ", o_.out, ": ", error.message());
  keep_options();
  if (o_.cell >= 0) {
    require(o_.cell < cell_count(), "option cell: expected 0 to ", cell_count() - 1, ", found ", o_.cell);
    if (!std::filesystem::exists(cell_file(o_.cell))) run_cell(o_.cell);
    return 0;
  }
  if (!run_missing()) return 1;
  write_results();
  return 0;
}

NADA_INLINE std::string Ablation::words(const std::vector<std::string>& list) {
  std::string out;
  for (const auto& word : list) out += (out.empty() ? "" : ", ") + word;
  return out;
}

NADA_INLINE void Ablation::read_targets() {
  list_ = read_target_list(o_.target_list);
  for (const auto& name : comma_list(o_.targets)) {
    const auto found = std::find_if(list_.begin(), list_.end(), [&](const auto& t) { return t.name == name; });
    require(found != list_.end(), o_.target_list, " has no target called '", name, "'");
    targets_.push_back(static_cast<std::size_t>(found - list_.begin()));
  }
  require(!targets_.empty(), "option targets: no target was named");
}

NADA_INLINE void Ablation::keep_options() const {
  const auto file = o_.out / "options.cfg";
  const auto ours = table_.render(o_.out);
  if (std::filesystem::exists(file)) {
    require(same_cells(read_text(file)) == same_cells(ours), file,
            " says that the cells in this folder were run with other options; give another --out");
  } else {
    write_text(file, ours);
  }
}

NADA_INLINE std::string Ablation::same_cells(const std::string& text) {
  std::string out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const auto key = line.substr(0, line.find(' '));
    if (key != "targets" && key != "seeds" && key != "only" && key != "threads" && key != "device" && key != "deltas")
      out += line + "\n";
  }
  return out;
}

NADA_INLINE void Ablation::run_cell(std::int64_t n) const {
  const auto& target = target_of(n);
  const auto device = o_.machine.place();
  AblationCell cell{
      load_generator(o_.generator, {device, torch::kFloat32}), {}, o_.source, target.text, {}, {}, {}, {}};
  for (const auto& e : o_.encoders) cell.encoders.push_back({load_clip(e.path, {}, device), e.weight});
  cell.templates = read_templates(o_.templates);
  cell.settings.adam.rate = o_.lr;
  cell.settings.batch = o_.batch;
  cell.settings.seed = seed_of(n);
  const auto judge = load_clip(o_.measure, {}, device);
  Evidence evidence;
  const auto sheet = [&](const std::filesystem::path& path) {
    return read_picture_set(path, 0, cell.source.resolution()).to(device);
  };
  for (const auto& entry : list_)
    if (entry.text == o_.source && !entry.pictures.empty()) cell.source_pictures = sheet(entry.pictures);
  if (!target.pictures.empty()) {
    const auto all = sheet(target.pictures);
    require(all.size(0) > training_pictures + 3, target.pictures, ": holds ", all.size(0),
            " pictures, expected more than ", training_pictures + 3);
    cell.pictures = all.narrow(0, 0, training_pictures);
    evidence.real = see_all(judge, all.narrow(0, training_pictures, all.size(0) - training_pictures));
  }
  const auto start = std::chrono::steady_clock::now();
  const auto adaptation = make_(variant_of(n), cell);
  double loss = 0;
  for (std::int64_t i = 0; i < o_.steps; ++i) loss = adaptation->step(o_.steps).loss;
  if (o_.deltas) save_delta(cell_file(n).replace_extension(".safetensors"), adaptation->delta());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const auto z = Stream{1, 0}.normal(Purpose::evaluation, {o_.count, cell.source.latent_size()});
  std::vector<Tensor> images;
  for (std::int64_t at = 0; at < o_.count; at += 20)
    images.push_back(
        adaptation->adapted_images(z.narrow(0, at, std::min<std::int64_t>(20, o_.count - at))).clamp(-1, 1).cpu());
  const auto adapted = torch::cat(images);
  evidence.adapted = see_all(judge, adapted.to(device));
  evidence.source = see_all(judge, o_.count, [&](std::int64_t first, std::int64_t count) {
    return adaptation->source_images(z.narrow(0, first, count));
  });
  const auto shift = cell.shift();
  evidence.ends = shift.endpoints(judge, {});
  for (auto* end : {&evidence.ends.source, &evidence.ends.target, &evidence.ends.direction}) *end = end->cpu();
  const Found found{list_features(judge, cell.templates), &target - list_.data()};
  nlohmann::json numbers = nlohmann::json::object();
  for (const auto& m : measure(evidence, found, TextScore{}, DirectionalScore{}, Frechet{}, KernelDistance{}, Cmmd{},
                               Precision{}, Recall{}, IntraClusterDistance{}, PairwiseDistance{}, Identity{}))
    numbers[std::string(m.name)] = m.estimate.value;
  numbers["pixels"] = pixel_distance(adapted);
  struct rusage use {};
  ::getrusage(RUSAGE_SELF, &use);
  const nlohmann::json json{{"variant", variant_of(n)},
                            {"target", target.name},
                            {"seed", seed_of(n)},
                            {"loss", loss},
                            {"seconds", seconds},
                            {"parameters", adaptation->trained_parameters()},
                            {"peak_mib", static_cast<double>(use.ru_maxrss) / 1024},
                            {"metrics", numbers}};
  auto picture = cell_file(n);
  write_picture(picture.replace_extension(".png"), make_grid({to_pictures(adapted.narrow(0, 0, 12))}, 1));
  write_text(cell_file(n), json.dump(1) + "\n");  // last: it says that the cell is done
}

NADA_INLINE double Ablation::pixel_distance(const Tensor& images) {
  const auto flat = images.flatten(1).to(torch::kFloat32);
  const auto n = static_cast<double>(flat.size(0));
  return at::cdist(flat, flat, 1.0).sum().item<double>() / (n * (n - 1)) / static_cast<double>(flat.size(1));
}

NADA_INLINE Tensor Ablation::list_features(const AnyClip& judge, const std::vector<std::string>& templates) const {
  std::vector<Tensor> out;
  for (const auto& target : list_) out.push_back(text_feature(judge, target.text, templates).cpu());
  return torch::cat(out);
}

NADA_INLINE bool Ablation::run_missing() const {
  remove_stale_temporaries(o_.out / "cells");
  std::vector<std::int64_t> missing;
  for (std::int64_t n = 0; n < cell_count(); ++n)
    if (!std::filesystem::exists(cell_file(n))) missing.push_back(n);
  const auto total = cell_count();
  const auto processors = std::max(1U, std::thread::hardware_concurrency());
  const auto jobs = static_cast<std::size_t>(o_.jobs > 0 ? o_.jobs : static_cast<std::int64_t>(processors));
  const StopSignals signals;
  Progress progress("cells", total, total - static_cast<std::int64_t>(missing.size()));
  std::map<std::int64_t, std::unique_ptr<Child>> running;
  std::size_t next = 0;
  std::int64_t done = total - static_cast<std::int64_t>(missing.size());
  bool failed = false, told = false;
  while (true) {
    const bool more = next < missing.size() && !failed && !StopToken::requested();
    if (running.empty() && !more) break;
    if (more && running.size() < jobs) {
      const auto n = missing[next++];
      running[n] = std::make_unique<Child>(cell_command(n));
      continue;
    }
    if (StopToken::requested() && !std::exchange(told, true))  // their files are whole or not there
      for (const auto& [n, child] : running) child->stop();
    const auto ended = std::find_if(running.begin(), running.end(), [](auto& cell) { return !cell.second->running(); });
    if (ended == running.end()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    const auto n = ended->first;
    if (ended->second->wait() == 0) {
      progress.update(++done, cell_file(n).stem().string());
    } else if (!StopToken::requested()) {
      failed = true;
      std::cerr << "error: the cell " << n << " (" << cell_file(n).stem().string() << ") failed\n";
    }
    running.erase(ended);
  }
  progress.finish();
  if (StopToken::requested())
    std::cout << "stopped after " << done << " of " << total << " cells; the same command goes on\n";
  return !failed && !StopToken::requested();
}

NADA_INLINE std::vector<std::string> Ablation::cell_command(std::int64_t n) const {
  std::vector<std::string> words{"/proc/self/exe", "--config", (o_.out / "options.cfg").string(), "--out",
                                 o_.out.string()};
  // cells are counted by these three, which a later call may change
  std::string only;
  for (const auto& v : variants_) only += (only.empty() ? "" : ",") + v;
  words.insert(words.end(), {"--targets", o_.targets, "--seeds", std::to_string(o_.seeds), "--only", only});
  words.insert(words.end(), {"--cell", std::to_string(n), "--threads", "1"});
  return words;
}

NADA_INLINE void Ablation::write_results() const {
  std::map<std::string, Numbers> results;
  std::vector<std::string> columns;
  Table cells{{"variant", "target", "seed", "seconds", "parameters", "peak_mib"}};
  std::vector<nlohmann::json> read;
  for (std::int64_t n = 0; n < cell_count(); ++n) {
    auto json = nlohmann::json::parse(read_text(cell_file(n)), nullptr, false);
    require(json.is_object() && json.contains("metrics"), cell_file(n), " is damaged; remove it to run the cell again");
    for (const auto* name : {"found", "text_score", "directional_score", "frechet", "kernel_distance", "cmmd",
                             "precision", "recall", "intra_cluster", "pairwise", "pixels", "identity"})
      if (json["metrics"].contains(name)) {
        results[variant_of(n)][name].push_back(json["metrics"][name].get<double>());
        if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.emplace_back(name);
      }
    for (const auto* name : {"seconds", "parameters", "peak_mib"})
      results[variant_of(n)][name].push_back(json[name].get<double>());
    read.push_back(std::move(json));
  }
  const auto cell_total = targets_.size() * static_cast<std::size_t>(o_.seeds);
  for (auto name = columns.begin(); name != columns.end();) {  // a target without pictures has fewer metrics
    bool everywhere = true;
    for (const auto& v : variants_) everywhere = everywhere && results[v][*name].size() == cell_total;
    name = everywhere ? name + 1 : columns.erase(name);
  }
  for (const auto& column : columns) cells.columns.push_back(column);
  for (const auto& json : read) {
    std::vector<Cell> row{json["variant"].get<std::string>(), json["target"].get<std::string>(),
                          std::to_string(json["seed"].get<std::uint64_t>())};
    for (const auto* name : {"seconds", "parameters", "peak_mib"})
      row.push_back(Cell::number(json[name].get<double>()));
    for (const auto& name : columns) row.push_back(Cell::number(json["metrics"][name].get<double>()));
    cells.add(std::move(row));
  }
  write_text(o_.out / "cells.csv", cells.csv());

  const auto with_names = [&](std::vector<std::string> first) {
    first.insert(first.end(), columns.begin(), columns.end());
    return Table{first};
  };
  // a page has room for some: the others are in the CSV files
  const std::vector<std::string> on_page{"variant", "found",         "text_score", "frechet", "cmmd",
                                         "recall",  "intra_cluster", "pixels",     "identity"};
  auto means = with_names({"variant"}), differences = with_names({"variant"});
  Table costs{{"variant", "seconds", "parameters", "peak_mib"}};
  const auto& control = variants_.front();
  for (const auto& v : variants_) {
    std::vector<Cell> mean{v}, difference{v}, cost{v};
    for (const auto& name : columns) {
      mean.emplace_back(mean_estimate(results[v][name]));
      difference.emplace_back(paired_difference(results[v][name], results[control][name]));
    }
    cost.emplace_back(mean_estimate(results[v]["seconds"]));
    const auto& peaks = results[v]["peak_mib"];
    cost.emplace_back(std::to_string(std::llround(mean_estimate(results[v]["parameters"]).value)));
    cost.emplace_back(std::to_string(std::llround(*std::max_element(peaks.begin(), peaks.end()))));
    means.add(std::move(mean));
    if (v != control) differences.add(std::move(difference));
    costs.add(std::move(cost));
  }
  write_text(o_.out / "means.csv", means.csv());
  write_text(o_.out / "differences.csv", differences.csv());
  write_text(o_.out / "costs.csv", costs.csv());
  std::string names;
  for (const auto t : targets_) names += (names.empty() ? "" : ", ") + list_[t].name;
  const auto text = join(
      "Mean over ", cell_total, " cells (targets ", names, "; ", o_.seeds, " seeds each), ", o_.steps, " steps of ",
      o_.batch, ", ", o_.count, " samples measured by ", o_.measure.filename(),
      "; ± is the 95% t-interval over cells.\n\n", means.only(on_page).markdown(),
      variants_.size() > 1 ? join("\nPaired differences to `", control, "`:\n\n", differences.only(on_page).markdown())
                           : "",
      "\nCost of a cell (one thread; most memory over the cells):\n\n", costs.markdown());
  write_text(o_.out / "table.md", text);
  write_grid();
  const auto plotted = plot(means, columns);
  std::cout << text << "\ntables   " << (o_.out / "table.md").string() << "\npictures "
            << (o_.out / "grid.png").string() << '\n';
  if (plotted)
    std::cout << "plots    " << (o_.out / "plot.png").string() << '\n';
  else
    std::cerr << "warning: gnuplot is not installed or failed; " << (o_.out / "plot.gp").string()
              << " draws the plots\n";
}

NADA_INLINE void Ablation::write_grid() const {
  const auto source = load_generator(o_.generator);
  const torch::NoGradGuard no_grad;
  const auto z = Stream{1, 0}.normal(Purpose::evaluation, {12, source.latent_size()});
  std::vector<std::vector<Picture>> rows{to_pictures(source.synthesize(source.map(z)))};
  for (const auto& v : variants_) {
    const auto strip = read_picture(o_.out / "cells" / (stem(v, list_[targets_[0]].name, 0) + ".png"));
    rows.push_back(cut_tiles(strip, source.resolution(), "a cell's picture"));
  }
  write_picture(o_.out / "grid.png", make_grid(rows, 64));
}

NADA_INLINE bool Ablation::plot(const Table& means, const std::vector<std::string>& columns) const {
  std::string data = "# variant";
  for (const auto& c : columns) data += " " + c + " low high";
  data += "\n";
  for (const auto& row : means.rows) {
    data += row[0].text;
    for (std::size_t c = 1; c < row.size(); ++c) {
      const auto& e = row[c].estimate;
      data += join(" ", e.value, " ", e.has_interval() ? e.low() : e.value, " ", e.has_interval() ? e.high() : e.value);
    }
    data += "\n";
  }
  write_text(o_.out / "plot.dat", data);
  const auto rows = (columns.size() + 2) / 3;
  std::string script =
      join("set terminal pngcairo size 1500,", 260 * rows, " font ',10'\nset output 'plot.png'\nset multiplot layout ",
           rows, ",3\nunset key\nset grid ytics lc rgb '#dddddd'\nset xtics rotate by -30\nset offsets 0.5,0.5,0,0\n");
  for (std::size_t c = 0; c < columns.size(); ++c)
    script += join("set title '", columns[c], "' noenhanced\nplot 'plot.dat' using 0:", 2 + 3 * c, ":", 3 + 3 * c, ":",
                   4 + 3 * c, ":xtic(1) with yerrorbars pt 7 lc rgb '#2060a0'\n");
  write_text(o_.out / "plot.gp", script + "unset multiplot\n");
  try {
    return Child({"gnuplot", "-e", "cd '" + o_.out.string() + "'", "plot.gp"}).wait() == 0;
  } catch (const Error&) {  // it is not installed
    return false;
  }
}

}  // namespace detail

}  // namespace nada
