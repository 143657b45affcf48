# Goal: what `cmake --install` lays down is complete: a separate project finds it, builds against
# larder::larder and larder::store and runs, and so does the installed program, all with an empty
# environment; larder::store needs no OpenVINO, neither to be found, nor to be built, nor to run; a
# program that knows nothing of larder is served by the installed `larder run`.
cmake_minimum_required(VERSION 3.25)

function(run what)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUTPUT" "COMMAND")
    execute_process(COMMAND ${arg_COMMAND}
        RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${what}: ${result}\n${output}")
    endif()
    if(arg_OUTPUT)
        set(${arg_OUTPUT} "${output}" PARENT_SCOPE)
    endif()
endfunction()

# Hides the environment, so that no variable of ours can help.
set(bare env -i "PATH=/usr/bin:/bin" "HOME=${WORK}/home")

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}/home")
run("install" COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/first")
# A prefix can be moved.
file(RENAME "${WORK}/first" "${WORK}/prefix")

foreach(project IN ITEMS larder store)
    set(extra)
    if(project STREQUAL store)
        set(extra -D CMAKE_DISABLE_FIND_PACKAGE_OpenVINO=ON)
    endif()
    run("configure ${project}" COMMAND "${CMAKE_COMMAND}" -G "${GENERATOR}"
        -S "${CONSUMER}/${project}" -B "${WORK}/${project}"
        -D "CMAKE_CXX_COMPILER=${COMPILER}" -D "CMAKE_PREFIX_PATH=${WORK}/prefix" ${extra})
    run("build ${project}" COMMAND "${CMAKE_COMMAND}" --build "${WORK}/${project}")
    run("run ${project}" COMMAND ${bare} "${WORK}/${project}/consumer" "${WORK}/${project}.larder")
endforeach()

run("what the store's program loads" COMMAND ldd "${WORK}/store/consumer" OUTPUT loaded)
if(loaded MATCHES "openvino|not found")
    message(FATAL_ERROR "larder::store brings OpenVINO, or misses a library:\n${loaded}")
endif()
run("what the program loads" COMMAND ldd "${WORK}/prefix/${BINDIR}/larder" OUTPUT loaded)
if(loaded MATCHES "openvino|not found")
    message(FATAL_ERROR "the program needs OpenVINO to start, or misses a library:\n${loaded}")
endif()
run("the installed program" COMMAND ${bare} "${WORK}/prefix/${BINDIR}/larder" --help)

run("configure stranger" COMMAND "${CMAKE_COMMAND}" -G "${GENERATOR}"
    -S "${CONSUMER}/stranger" -B "${WORK}/stranger"
    -D "CMAKE_CXX_COMPILER=${COMPILER}" -D "OpenVINO_DIR=${OPENVINO}")
run("build stranger" COMMAND "${CMAKE_COMMAND}" --build "${WORK}/stranger")
foreach(expected IN ITEMS compiled loaded)
    run("larder run" OUTPUT said
        COMMAND ${bare} "${WORK}/prefix/${BINDIR}/larder" run -- "${WORK}/stranger/stranger")
    if(NOT said STREQUAL "${expected}\n")
        message(FATAL_ERROR "the installed 'larder run' gave '${said}' instead of '${expected}'")
    endif()
endforeach()

run("configure the example of a host" COMMAND "${CMAKE_COMMAND}" -G "${GENERATOR}"
    -S "${EXAMPLES}/host" -B "${WORK}/host" -D CMAKE_BUILD_TYPE=Release
    -D "CMAKE_CXX_COMPILER=${COMPILER}" -D "CMAKE_PREFIX_PATH=${WORK}/prefix"
    -D "OpenVINO_DIR=${OPENVINO}")
run("build the example of a host" COMMAND "${CMAKE_COMMAND}" --build "${WORK}/host")
set(outputs)
foreach(expected IN ITEMS compiled loaded)
    execute_process(
        COMMAND ${bare} "${WORK}/host/host" "${WORK}/weights" "${WORK}/host.larder"
        RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE errors)
    if(NOT result EQUAL 0 OR NOT said MATCHES "^${expected}, (outputs .*)$")
        message(FATAL_ERROR "the example of a host: ${said}${errors} instead of '${expected}'")
    endif()
    list(APPEND outputs "${CMAKE_MATCH_1}")
endforeach()
list(REMOVE_DUPLICATES outputs)
list(LENGTH outputs different)
if(NOT different EQUAL 1)
    message(FATAL_ERROR "the example of a host gives other outputs once it was kept: ${outputs}")
endif()

# What is exported is larder's own.
foreach(library IN ITEMS liblarder.so liblarder_store.so)
    run("symbols of ${library}" OUTPUT symbols
        COMMAND nm -D --defined-only --demangle "${WORK}/prefix/${LIBDIR}/${library}")
    string(REGEX MATCHALL "[^\n]*(blake3|spdlog|toml::|nlohmann|larder::os|larder::store::)[^\n]*"
        foreign "${symbols}")
    if(foreign)
        list(JOIN foreign "\n" foreign)
        message(FATAL_ERROR "${library} exports what is not its own:\n${foreign}")
    endif()
endforeach()
