#!/usr/bin/env bash
# What quickstart installs it finds: a build folder that was configured before a package was there builds what needs it.
# The script runs in a project of two programs, with stand-ins for dpkg-query and apt-get; one program asks for a package.
. "$(dirname "$0")/lib.sh" "$@"

mkdir -p project/experiments bin
cp "$sources/quickstart" project/
for name in adapt serve; do
  printf '// %s\n#include <cstdio>\nint main() { std::puts("%s runs"); }\n' "$name" "$name" > project/experiments/$name.cpp
done
mkdir -p project/tests/losses
echo 'int main() {}' > project/tests/losses/directional.cpp
cat > project/CMakeLists.txt << 'END'
cmake_minimum_required(VERSION 3.25)
project(pretended LANGUAGES CXX)
find_path(httplib_header httplib.h PATHS "$ENV{PRETENDED}" NO_DEFAULT_PATH)
add_executable(adapt experiments/adapt.cpp)
if(httplib_header)
  add_executable(serve experiments/serve.cpp)
endif()
add_executable(test_losses_directional EXCLUDE_FROM_ALL tests/losses/directional.cpp)
set_target_properties(test_losses_directional PROPERTIES RUNTIME_OUTPUT_DIRECTORY tests)
END
# Every package is there but cpp-httplib, until it is installed.
cat > bin/dpkg-query << 'END'
#!/usr/bin/env bash
for name in "$@"; do
  case $name in
    -*) ;;
    libcpp-httplib-dev) [ ! -e "$PRETENDED/httplib.h" ] || echo "$name install ok installed" ;;
    *) echo "$name install ok installed" ;;
  esac
done
END
cat > bin/apt-get << 'END'
#!/usr/bin/env bash
case " $* " in *' install '*libcpp-httplib-dev*) touch "$PRETENDED/httplib.h" ;; esac
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
check "it was configured without the package" sh -c '! ninja -C project/build -t query serve > /dev/null 2>&1'
quickstart serve
check "serve runs once its package is installed" grep -q 'serve runs' out.txt
check "the package was installed on the way" grep -q 'installing libcpp-httplib-dev' err.txt
quickstart adapt
check "nothing is installed twice" sh -c '! grep -q installing err.txt'

# A package that came by another way, without quickstart.
rm -rf project/build pretended/httplib.h
quickstart adapt
touch pretended/httplib.h
quickstart serve
check "a package that came by another way is found" grep -q 'serve runs' out.txt

# One file of unit tests.
quickstart test losses/directional
check "nothing else was built" test ! -e project/build/tests/nada_tests
if project/quickstart test losses/unheard_of > out.txt 2> err.txt; then fail "a test that is not there was run"; fi
check "a test that is not there is named" grep -q 'there is no tests/losses/unheard_of.cpp' err.txt
finish
