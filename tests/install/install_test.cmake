# Goal: the installation of `cmake --install` is complete: a separate project finds it, builds
# against larder::larder and larder::store and runs, and so does the installed program, all with an
# empty environment. larder::store needs no OpenVINO, neither to be found, nor to be built, nor to
# run. The installed `larder run` serves a program that does not know of larder. No file names the
# machine that built it, and messages name missing dependencies.
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
    set(extra -D "OpenVINO_DIR=${OPENVINO}")
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

foreach(document IN ITEMS doc/larder/LICENSE doc/larder/licences/libzstd-dev
        man/man1/larder.1 zsh/site-functions/_larder
        bash-completion/completions/larder fish/vendor_completions.d/larder.fish)
    if(NOT EXISTS "${WORK}/prefix/share/${document}")
        message(FATAL_ERROR "share/${document} is not installed")
    endif()
endforeach()

# Each file is in one of the Debian packages that scripts/packages builds; two documents are packed
# in another way.
if(LIBDIR STREQUAL lib)
    set(packed share/doc/larder/LICENSE share/doc/larder/CHANGELOG.md)
    file(GLOB lists "${CONSUMER}/../../../packaging/debian/*.install")
    foreach(list IN LISTS lists)
        file(STRINGS "${list}" lines)
        foreach(line IN LISTS lines)
            string(REGEX REPLACE "^usr/([^ ]+).*" "\\1" pattern "${line}")
            file(GLOB files LIST_DIRECTORIES false RELATIVE "${WORK}/prefix"
                "${WORK}/prefix/${pattern}")
            file(GLOB_RECURSE below LIST_DIRECTORIES false RELATIVE "${WORK}/prefix"
                "${WORK}/prefix/${pattern}/*")
            list(APPEND packed ${files} ${below})
        endforeach()
    endforeach()
    file(GLOB_RECURSE installed LIST_DIRECTORIES false RELATIVE "${WORK}/prefix" "${WORK}/prefix/*")
    list(SORT installed)
    list(SORT packed)
    list(REMOVE_DUPLICATES packed)
    if(NOT installed STREQUAL packed)
        message(FATAL_ERROR "packaging/debian/*.install do not name each file: they name\n"
            "${packed}\ninstead of\n${installed}")
    endif()
endif()

# Neither the build folders nor the OpenVINO of the build.
get_filename_component(sources "${CONSUMER}/../../.." ABSOLUTE)
get_filename_component(openvino "${OPENVINO}/.." ABSOLUTE)
file(GLOB_RECURSE installed "${WORK}/prefix/*")
foreach(path IN LISTS installed)
    foreach(folder IN ITEMS "${sources}" "${openvino}")
        execute_process(
            COMMAND grep --quiet --binary-files=text --fixed-strings "${folder}" "${path}"
            RESULT_VARIABLE result)
        if(NOT result EQUAL 1)
            message(FATAL_ERROR "'${path}' knows of '${folder}'")
        endif()
    endforeach()
endforeach()

# OpenVINO has another version; or is missing; or is not requested.
file(WRITE "${WORK}/other/OpenVINOConfig.cmake" "set(OpenVINO_FOUND TRUE)\n")
file(WRITE "${WORK}/other/OpenVINOConfig-version.cmake" "set(PACKAGE_VERSION 2026.3.1)\n")
foreach(place IN ITEMS other nowhere)
    execute_process(COMMAND "${CMAKE_COMMAND}" -G "${GENERATOR}"
        -S "${CONSUMER}/larder" -B "${WORK}/without" -D "CMAKE_CXX_COMPILER=${COMPILER}"
        -D "CMAKE_PREFIX_PATH=${WORK}/prefix" -D "OpenVINO_DIR=${WORK}/${place}"
        RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE said)
    string(REGEX REPLACE "[ \n]+" " " said "${said}")
    set(other_finds "finds 2026.3.1: give -DOpenVINO_DIR=")
    set(nowhere_finds "finds none: give -DOpenVINO_DIR=")
    if(result EQUAL 0 OR NOT said MATCHES "larder::larder is built for OpenVINO 20[0-9.]+, and"
            OR NOT said MATCHES "${${place}_finds}")
        message(FATAL_ERROR "find_package(larder REQUIRED) with OpenVINO ${place}: ${said}")
    endif()
    file(REMOVE_RECURSE "${WORK}/without")
endforeach()

set(headers "-I${WORK}/prefix/include")
execute_process(COMMAND "${COMPILER}" -std=c++17 -fsyntax-only ${headers} -x c++
    -include "${WORK}/prefix/include/larder/store.hpp" /dev/null
    RESULT_VARIABLE result ERROR_VARIABLE said)
if(result EQUAL 0 OR NOT said MATCHES "need C\\+\\+20")
    message(FATAL_ERROR "C++17 gets past the headers, or is not told what they need: ${said}")
endif()
run("the header for C in C++11" COMMAND "${COMPILER}" -std=c++11 -fsyntax-only ${headers} -x c++
    -include "${WORK}/prefix/include/larder/larder.h" /dev/null)

find_program(pkg_config pkg-config)
if(pkg_config)
    set(pc "${CMAKE_COMMAND}" -E env "PKG_CONFIG_PATH=${WORK}/prefix/${LIBDIR}/pkgconfig")
    run("pkg-config" COMMAND ${pc} "${pkg_config}" --cflags --libs larder-store OUTPUT flags)
    separate_arguments(flags UNIX_COMMAND "${flags}")
    run("build with pkg-config" COMMAND "${COMPILER}" -std=c++20 "${CONSUMER}/store/main.cpp"
        ${flags} "-Wl,-rpath,${WORK}/prefix/${LIBDIR}" -o "${WORK}/with_pkg_config")
    run("run what it built" COMMAND ${bare} "${WORK}/with_pkg_config" "${WORK}/pkg-config.larder")
    file(WRITE "${WORK}/openvino.pc/openvino.pc"
        "Name: openvino\nDescription: a stand-in\nVersion: 2026.3.1\n")
    execute_process(COMMAND ${CMAKE_COMMAND} -E env
        "PKG_CONFIG_PATH=${WORK}/prefix/${LIBDIR}/pkgconfig:${WORK}/openvino.pc"
        "${pkg_config}" --cflags larder RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE said)
    if(result EQUAL 0 OR NOT said MATCHES "openvino.*= 20[0-9.]+")
        message(FATAL_ERROR "pkg-config takes another OpenVINO than larder is built for: ${said}")
    endif()
endif()

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

# Only larder's own symbols are exported.
foreach(library IN ITEMS liblarder.so liblarder_store.so)
    run("symbols of ${library}" OUTPUT symbols
        COMMAND nm -D --defined-only --demangle "${WORK}/prefix/${LIBDIR}/${library}")
    # Functions of larder's own may take the types of others.
    set(foreign_names "blake3|spdlog|toml::|nlohmann|larder::os|larder::store::")
    string(REGEX MATCHALL "[0-9a-f]+ [A-Za-z] ([a-z ]+ for )?(${foreign_names})[^\n]*"
        foreign "${symbols}")
    if(foreign)
        list(JOIN foreign "\n" foreign)
        message(FATAL_ERROR "${library} exports what is not its own:\n${foreign}")
    endif()
endforeach()
