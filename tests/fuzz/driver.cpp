// Runs a fuzz target without libFuzzer: every file of the given folders, then a fixed number of mutations of them.
//     fuzz_zip CORPUS... [-runs=N] [-seed=S] [-first=N] [-max_len=N]
// Mutation N depends on the corpus, the seed and N alone. What ends the program is written to ./finding-<target>.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
void __sanitizer_set_death_callback(void (*callback)());
const char* __asan_default_options() {
  return "handle_abort=1:detect_leaks=1:allocator_may_return_null=0:max_allocation_size_mb=4096";
}
}

namespace {

namespace fs = std::filesystem;
constexpr unsigned most_seconds = 60;  // for one input; a busy machine with sanitizers is slow

std::string input, finding_path;

void write_input() {
  const int file = ::open(finding_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file >= 0 && ::write(file, input.data(), input.size()) >= 0)
    std::fprintf(stderr, "the input, %zu bytes, is in %s\n", input.size(), finding_path.c_str());
}
void on_alarm(int) {
  constexpr char text[] = "finding: an input takes longer than 60 seconds\n";
  (void)!::write(2, text, sizeof text - 1);
  std::abort();
}

void run(std::string bytes) {
  input = std::move(bytes);
  ::alarm(most_seconds);
  // A copy of exactly its size, so that reading beyond it is seen.
  std::vector<std::uint8_t> exact(input.begin(), input.end());
  exact.shrink_to_fit();
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  ::alarm(0);
}

struct Mutator {
  std::span<const std::string> corpus;
  std::size_t most;
  std::mt19937_64 random;

  std::size_t below(std::size_t count) { return count == 0 ? 0 : static_cast<std::size_t>(random() % count); }

  std::string integer() {
    static constexpr std::array<std::uint64_t, 16> interesting = {
        0,      1,      2,          7,          0x7F,       0x80,        0xFF,       0x7FFF,
        0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, ~0ULL >> 1, ~0ULL};
    auto number = interesting[below(interesting.size())];
    if (below(4) == 0) number += below(3) - 1;
    const std::size_t size = std::size_t{1} << below(4);
    std::string bytes(reinterpret_cast<const char*>(&number), size);
    if (below(2) == 0) std::reverse(bytes.begin(), bytes.end());
    return bytes;
  }
  std::string part_of(const std::string& bytes) {
    const auto at = below(bytes.size() + 1);
    return bytes.substr(at, below(std::min<std::size_t>(bytes.size() - at, 512) + 1));
  }
  void change(std::string& bytes) {
    const auto at = below(bytes.size() + 1);
    const auto overwrite = [&](const std::string& with) { bytes.replace(at, with.size(), with); };
    switch (below(9)) {
      case 0:
      case 1:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ 1 << below(8));
        break;
      case 2:
        if (at < bytes.size()) bytes[at] = static_cast<char>(below(256));
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.erase(at, below(64));
        break;
      case 5:
        bytes.insert(at, integer());
        break;
      case 6:
        overwrite(integer());
        break;
      case 7:
        bytes.insert(at, part_of(bytes));
        break;
      default:
        if (below(2) == 0)
          bytes.insert(at, part_of(corpus[below(corpus.size())]));
        else
          overwrite(part_of(corpus[below(corpus.size())]));
    }
    bytes.resize(std::min(bytes.size(), most));
  }
  std::string operator()() {
    auto bytes = corpus[below(corpus.size())];
    for (auto left = 1 + below(5); left > 0; --left) change(bytes);
    return bytes;
  }
};

bool take_number(std::string_view argument, std::string_view name, std::uint64_t& number) {
  if (!argument.starts_with(name)) return false;
  const auto* const end = argument.data() + argument.size();
  const auto [stop, error] = std::from_chars(argument.data() + name.size(), end, number);
  return error == std::errc{} && stop == end;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t runs = 0, seed = 1, first = 0, most = 1 << 16;
  std::vector<fs::path> files;
  for (const std::string_view argument : std::span(argv, static_cast<std::size_t>(argc)).subspan(1)) {
    if (take_number(argument, "-runs=", runs) || take_number(argument, "-seed=", seed) ||
        take_number(argument, "-first=", first) || take_number(argument, "-max_len=", most))
      continue;
    if (fs::is_directory(argument)) {
      for (const auto& entry : fs::directory_iterator(argument))
        if (entry.is_regular_file()) files.push_back(entry.path());
    } else if (fs::is_regular_file(argument)) {
      files.emplace_back(argument);
    } else {
      std::fprintf(stderr, "%s: neither an option nor a file nor a folder\n", std::string(argument).c_str());
      return 2;
    }
  }
  finding_path = "finding-" + fs::path(argv[0]).filename().string();
  __sanitizer_set_death_callback(write_input);
  ::signal(SIGALRM, on_alarm);

  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.filename() < b.filename(); });
  std::vector<std::string> corpus;
  for (const auto& path : files) {
    std::ifstream stream(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    run(corpus.back());
  }
  corpus.emplace_back();
  run("");
  for (auto i = first; i < first + runs; ++i) run(Mutator{corpus, most, std::mt19937_64(seed * 1'000'003 + i)}());
  std::printf("%zu files and %llu mutations, nothing found\n", files.size(), static_cast<unsigned long long>(runs));
  return 0;
}
