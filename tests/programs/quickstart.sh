#!/usr/bin/env bash
# What quickstart installs it finds: a build folder that was configured before a package was there builds what needs it.
# The script runs in a project of two programs, with stand-ins for dpkg-query and apt-get; one program asks for a package.
. "$(dirname "$0")/lib.sh" "$@"

mkdir -p project/experiments bin
cp "$sources/quickstart" project/
for name in adapt ablate_losses; do
  printf '// %s\n#include <cstdio>\nint main() { std::puts("%s runs"); }\n' "$name" "$name" > project/experiments/$name.cpp
done
mkdir -p project/tests/losses
echo 'int main() {}' > project/tests/losses/directional.cpp
cat > project/CMakeLists.txt << 'END'
cmake_minimum_required(VERSION 3.25)
project(pretended LANGUAGES CXX)
find_path(gnuplot_header gnuplot.h PATHS "$ENV{PRETENDED}" NO_DEFAULT_PATH)
add_executable(adapt experiments/adapt.cpp)
if(gnuplot_header)
  add_executable(ablate_losses experiments/ablate_losses.cpp)
endif()
add_executable(test_losses_directional EXCLUDE_FROM_ALL tests/losses/directional.cpp)
set_target_properties(test_losses_directional PROPERTIES RUNTIME_OUTPUT_DIRECTORY tests)
END
# Every package is there but gnuplot, until it is installed.
cat > bin/dpkg-query << 'END'
#!/usr/bin/env bash
for name in "$@"; do
  case $name in
    -*) ;;
    gnuplot-nox) [ ! -e "$PRETENDED/gnuplot.h" ] || echo "$name install ok installed" ;;
    *) echo "$name install ok installed" ;;
  esac
done
END
cat > bin/apt-get << 'END'
#!/usr/bin/env bash
case " $* " in *' install '*gnuplot-nox*) touch "$PRETENDED/gnuplot.h" ;; esac
END
cat > bin/sudo << 'END'
#!/usr/bin/env bash
while [ "${1-}" = -n ]; do shift; done
exec "$@"
END
chmod +x bin/*
mkdir pretended
export PRETENDED=$PWD/pretended PATH=$PWD/bin:$PATH
unset NADA_NO_INSTALL

quickstart() { project/quickstart "$@" > out.txt 2> err.txt || fail "quickstart $*: $(cat err.txt)"; }
quickstart adapt
check "adapt runs" grep -q 'adapt runs' out.txt
check "it was configured without the package" sh -c '! ninja -C project/build -t query ablate_losses > /dev/null 2>&1'
quickstart ablate_losses
check "ablate_losses runs once its package is installed" grep -q 'ablate_losses runs' out.txt
check "the package was installed on the way" grep -q 'installing gnuplot-nox' err.txt
quickstart adapt
check "nothing is installed twice" sh -c '! grep -q installing err.txt'

# A package that came by another way, without quickstart.
rm -rf project/build pretended/gnuplot.h
quickstart adapt
touch pretended/gnuplot.h
quickstart ablate_losses
check "a package that came by another way is found" grep -q 'ablate_losses runs' out.txt

# One file of unit tests.
quickstart test losses/directional
check "nothing else was built" test ! -e project/build/tests/nada_tests
if project/quickstart test losses/unheard_of > out.txt 2> err.txt; then fail "a test that is not there was run"; fi
check "a test that is not there is named" grep -q 'there is no tests/losses/unheard_of.cpp' err.txt

# Benchmarks: kept results, and ratios to them or to a revision. The stand-in takes as many milliseconds as a file says.
mkdir project/benchmarks
cat > project/benchmarks/thing.cpp << 'END'
#include <cstdio>
#include <cstring>
int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::strncmp(argv[i], "--benchmark_out=", 16) == 0) {
      std::FILE* const out = std::fopen(argv[i] + 16, "w");
      std::fprintf(out, "%d", MILLISECONDS);
      std::fclose(out);
    }
  std::puts("the benchmark runs");
}
END
cat > project/benchmarks/compare.cpp << 'END'
#include <cstdio>
int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    int number = 0;
    std::FILE* const in = std::fopen(argv[i], "r");
    if (in != nullptr && std::fscanf(in, "%d", &number) == 1) std::printf("%d ", number);
    if (in == nullptr) std::printf("%s ", argv[i]);
  }
}
END
cat >> project/CMakeLists.txt << 'END'
if(NADA_BUILD_BENCHMARKS)
  foreach(name thing compare)
    add_executable(bench_${name} benchmarks/${name}.cpp)
    target_compile_definitions(bench_${name} PRIVATE MILLISECONDS=30)
    set_target_properties(bench_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY benchmarks)
  endforeach()
endif()
END
printf 'build/\nruns/\n' > project/.gitignore
git -C project init -q
git -C project add -A
git -C project -c user.name=test -c user.email=test@localhost commit -qm before
sed -i s/=30/=20/ project/CMakeLists.txt
quickstart bench thing
check "a benchmark runs" grep -q 'the benchmark runs' out.txt
quickstart bench thing --save twenty --rounds 2
check "a result of each round is kept" test "$(cat project/runs/bench/thing-twenty.[12].json)" = 2020
sed -i s/=20/=10/ project/CMakeLists.txt
quickstart bench thing --against twenty --rounds 2
check "a kept result is compared with" test "$(cat out.txt)" = "20 20 -- 10 10 "
quickstart bench thing --against HEAD --rounds 3
check "a revision is built and compared with" test "$(cat out.txt)" = "30 30 30 -- 10 10 10 "
if project/quickstart bench thing --against unheard_of > out.txt 2> err.txt; then fail "an unknown revision was taken"; fi
check "an unknown revision is named" grep -q "no kept result 'unheard_of' of thing" err.txt
if project/quickstart bench thing --rounds 0 > out.txt 2> err.txt; then fail "no rounds were taken"; fi
check "rounds are checked" grep -q "rounds: expected a number from 1" err.txt
# A LibTorch that is not there ends the call: nothing is built with another one.
if NADA_BUILD=$work/elsewhere "$work/project/quickstart" --torch "$work/nowhere" build > out.txt 2> err.txt; then fail "--torch of a folder that is not there"; fi
check "the folder is named, once" test "$(grep -c 'there is no such folder' err.txt)" = 1
check "nothing was configured" test ! -e "$work/elsewhere/CMakeCache.txt"
finish
