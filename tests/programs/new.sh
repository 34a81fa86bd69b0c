#!/usr/bin/env bash
# Every kind of `quickstart new`, against an installed package that was moved: built in one project, so that LibTorch is looked for
# once, tested and run. With NADA_ALL=1 one of them too through FetchContent, which compiles the library anew.
. "$(dirname "$0")/lib.sh" "$@"
unset NADA_CONFIGS
export NADA_BUILD=$programs NADA_NO_INSTALL=1 CCACHE_DISABLE=1
kinds="experiment loss selector parameterization encoder ablation benchmark"

cmake --install "$programs" --prefix "$work/first" > out.txt 2>&1 || fail "installing: $(tail -n 3 out.txt)"
mv first moved
check "the library is installed" test -s moved/lib/libnada_compiled.a
mkdir all
for kind in $kinds; do
  "$sources/quickstart" new "$kind" "my_$kind" "all/my_$kind" 2> err.txt || fail "new $kind: $(cat err.txt)"
  check "no word is left to fill in" sh -c "! grep -rE 'new_part|NewPart|@[A-Z]+@' all/my_$kind"
done
cat > all/CMakeLists.txt << 'END'
cmake_minimum_required(VERSION 3.25)
project(all LANGUAGES CXX)
find_package(nada REQUIRED)
enable_testing()
file(GLOB kinds RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} my_*)
foreach(kind IN LISTS kinds)
  add_subdirectory(${kind})
endforeach()
END
git -C all init -q && git -C all add . && git -C all -c user.name=n -c user.email=n@example.org commit -qm one
cmake -G Ninja -S all -B all/build -DCMAKE_BUILD_TYPE=Check "-DCMAKE_PREFIX_PATH=$work/moved" > out.txt 2>&1 ||
  fail "configuring: $(tail -n 5 out.txt)"
cmake --build all/build -j 2 > out.txt 2>&1 || fail "building: $(grep -E 'error|undefined' out.txt | head -n 5)"
ctest --test-dir all/build > out.txt 2>&1 || fail "their tests: $(tail -n 12 out.txt)"

run() { (cd "all/my_$1" && shift && "$@") > out.txt 2> err.txt || fail "$*: $(tail -n 3 err.txt)"; }
for kind in experiment loss selector parameterization encoder; do
  # the option file of the scaffold names the clone's configurations, the defaults come from the package
  run $kind ../build/my_$kind/my_$kind --config my_$kind.cfg --dry-run
  check "$kind says what would run" grep -q 'nothing was written' out.txt
done
run parameterization ../build/my_parameterization/my_parameterization --target "a zombie" --steps 3 --samples-every 0 --out run
check "the recipe is told" grep -q '^recipe   configs/recipes/default.cfg' out.txt
check "the package's models are taken" grep -q '^generator = .*moved/share/nada/configs/avatars/generator' all/my_parameterization/run/options.cfg
check "the options tell both revisions" \
  grep -Eq '^# my_parameterization \([0-9a-f]+\) of nada [0-9.]+ \([0-9a-f]+' all/my_parameterization/run/options.cfg
succeed generate --generator all/my_parameterization/run/adapted.safetensors --count 2 --out read_back.png
run ablation ../build/my_ablation/my_ablation --quick --out results
check "the ablation has its table" grep -q strong all/my_ablation/results/table.md
run benchmark ../build/my_benchmark/my_benchmark --benchmark_min_time=0.01 --benchmark_filter=/8
check "the benchmark compares" grep -q '^nada/8' out.txt

# Names that cannot be, and folders that are taken
refused() {  # refused "sentence" ARGS...
  local sentence=$1
  shift
  ! "$sources/quickstart" new "$@" 2> err.txt || fail "new $* was not refused"
  grep -q "$sentence" err.txt || fail "new $*: expected '$sentence', found $(cat err.txt)"
}
refused "there is no kind 'lose'; there are" lose mine
refused "expected a-z, 0-9 and _" loss My-Loss
refused "means something else" loss test
refused "is there and not empty" loss mine all
check "nothing was written" test ! -e mine

# Inside another project, by add_subdirectory: its warnings are for its own sources.
mkdir inside
"$sources/quickstart" new experiment inner inside/inner 2> err.txt
cat > inside/CMakeLists.txt << END
cmake_minimum_required(VERSION 3.25)
project(inside LANGUAGES CXX)
set(NADA_COMPILED OFF CACHE BOOL "")
add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Werror)
add_subdirectory("$sources" nada)
add_executable(inside main.cpp)
target_link_libraries(inside PRIVATE nada::nada)
END
printf '#include <nada/losses/range_penalty.hpp>\nint main() { return nada::RangePenalty{}({torch::ones({1}), {}, {}, {}}).item<float>() == 0 ? 0 : 1; }\n' > inside/main.cpp
cmake -G Ninja -S inside -B inside/build -DCMAKE_BUILD_TYPE=Check > out.txt 2>&1 && cmake --build inside/build > out.txt 2>&1 ||
  fail "add_subdirectory: $(tail -n 5 out.txt)"
check "it runs" inside/build/inside

if [ "${NADA_ALL:-0}" = 1 ]; then
  cat > inside/CMakeLists.txt << END
cmake_minimum_required(VERSION 3.25)
project(fetched LANGUAGES CXX)
include(FetchContent)
FetchContent_Declare(nada GIT_REPOSITORY "file://$sources" GIT_TAG HEAD)
FetchContent_MakeAvailable(nada)
enable_testing()
add_subdirectory(inner)
END
  cmake -G Ninja -S inside -B inside/fetched -DCMAKE_BUILD_TYPE=Check > out.txt 2>&1 && cmake --build inside/fetched -j 2 > out.txt 2>&1 ||
    fail "FetchContent: $(tail -n 5 out.txt)"
  check "a program of fetched sources runs" sh -c "inside/fetched/inner/inner --target 'a zombie' --dry-run > out.txt"
fi
finish
