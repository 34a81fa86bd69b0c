# cmake -DBUILD=build tree of nada -DCOMPILER=c++ -DGENERATOR=Ninja -DPAGE=page.md -P follow.cmake: installs nada into the
# build tree, makes a project of the page's files (each block under a line "`name`:" is that file), builds and runs it.
cmake_minimum_required(VERSION 3.25)
set(work ${BUILD}/extending)
file(REMOVE_RECURSE ${work})
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()
file(MAKE_DIRECTORY ${work}/project)
run(awk -v folder=${work}/project
    "/^`[A-Za-z_.]+`:/ {split($0, part, \"`\"); name = part[2]; next}
     /^```/ {if (on) {on = 0; close(name)} else if (name != \"\") {on = 1; lines = 0; name = folder \"/\" name; next} }
     on {print > name; if (++lines > 40) {print name \" has more than 40 lines\" > \"/dev/stderr\"; exit 1}}
     /^```/ && !on {name = \"\"}" ${PAGE})
file(GLOB files RELATIVE ${work}/project ${work}/project/*)
foreach(wanted CMakeLists.txt main.cpp)
  if(NOT wanted IN_LIST files)
    message(FATAL_ERROR "${PAGE} has no file ${wanted}, only ${files}")
  endif()
endforeach()
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/installed)
run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${work}/project -B ${work}/build -DCMAKE_CXX_COMPILER=${COMPILER}
    -DCMAKE_PREFIX_PATH=${work}/installed)
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/extending)
