# A layer is a folder and a static library, larder_<name>. Its own include root is the only one it
# exposes: build/<preset>/rooms/<name> holds nothing but a link <name> to the folder. Sources say
# "format/manifest.h", and an include of a layer that is not used fails with "No such file".
#
# A large layer is divided into rooms, layers of their own: store/disk is larder_store_disk, and
# its headers are "store/disk/layout.h". The root of the layer itself holds links to its headers
# alone, so that it does not show the rooms.
define_property(GLOBAL PROPERTY LARDER_LAYERS BRIEF_DOCS "every layer of src")

function(larder_room name folder)
    string(REPLACE "/" "." root "${name}")
    set(room "${PROJECT_BINARY_DIR}/rooms/${root}")
    file(GLOB rooms "${folder}/*/CMakeLists.txt")
    if(rooms)
        file(GLOB headers RELATIVE "${folder}" CONFIGURE_DEPENDS "${folder}/*.h")
        file(REMOVE_RECURSE "${room}")
        file(MAKE_DIRECTORY "${room}/${name}")
        foreach(header IN LISTS headers)
            file(CREATE_LINK "${folder}/${header}" "${room}/${name}/${header}" SYMBOLIC)
        endforeach()
    else()
        cmake_path(GET name PARENT_PATH layer)
        file(MAKE_DIRECTORY "${room}/${layer}")
        file(CREATE_LINK "${folder}" "${room}/${name}" SYMBOLIC)
    endif()
    # The tests' own libraries are not of the architecture.
    if(folder MATCHES "^${PROJECT_SOURCE_DIR}/src/")
        set_property(GLOBAL APPEND PROPERTY LARDER_LAYERS ${name})
    endif()
endfunction()

# Sets <result> to the targets of layers: store/disk is larder_store_disk.
function(larder_targets result)
    set(targets ${ARGN})
    list(TRANSFORM targets REPLACE "/" "_")
    list(TRANSFORM targets PREPEND larder_)
    set(${result} ${targets} PARENT_SCOPE)
endfunction()

# The layers below src/openvino and src/api are the core: liblarder_store holds them for all of
# larder's libraries in a process. Their names are visible in their archives, so that it can export
# them to these libraries; --exclude-libs hides them in everything else linked to an archive.
set(LARDER_CORE_LAYERS "^(base|os|process|format|store|state|model|runtime|cache|api)(/|$)")

# layer(<name> [USES <layers>…] [INTERNAL <layers>…] [SOURCES <files>…] [LIBS <libraries>…]
#       [PUBLIC_LIBS <libraries>…])
# USES and PUBLIC_LIBS also apply to the users of this layer; INTERNAL and LIBS do not. A layer
# without sources consists of headers, or of its rooms; and so does a layer of a core that is
# already built (LARDER_CORE). The target larder_<name>_headers is the headers alone, with those of
# the layers that it uses: for libraries that are linked to the core.
function(layer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "USES;INTERNAL;SOURCES;LIBS;PUBLIC_LIBS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "layer ${name}: what is '${arg_UNPARSED_ARGUMENTS}'?")
    endif()
    larder_room(${name} "${CMAKE_CURRENT_SOURCE_DIR}")
    larder_targets(uses ${arg_USES})
    larder_targets(internal ${arg_INTERNAL})
    foreach(used IN LISTS uses internal)
        if(NOT TARGET ${used})
            message(FATAL_ERROR "layer ${name}: ${used} is no layer below it")
        endif()
    endforeach()
    larder_targets(target ${name})
    string(REPLACE "/" "." root "${name}")
    add_library(${target}_headers INTERFACE)
    target_include_directories(${target}_headers INTERFACE "${PROJECT_BINARY_DIR}/rooms/${root}")
    list(TRANSFORM uses APPEND _headers OUTPUT_VARIABLE used_headers)
    target_link_libraries(${target}_headers INTERFACE ${used_headers} ${arg_PUBLIC_LIBS})
    if(LARDER_CORE AND name MATCHES "${LARDER_CORE_LAYERS}")
        set(arg_SOURCES)
    endif()
    if(arg_SOURCES)
        add_library(${target} STATIC ${arg_SOURCES})
        target_include_directories(${target} PUBLIC "${PROJECT_BINARY_DIR}/rooms/${root}")
        target_link_libraries(${target}
            PUBLIC ${uses} ${arg_PUBLIC_LIBS}
            PRIVATE larder_warnings ${internal} ${arg_LIBS})
        if(name MATCHES "${LARDER_CORE_LAYERS}")
            set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET default)
            target_compile_options(${target} PRIVATE
                $<$<COMPILE_LANGUAGE:CXX>:-fno-semantic-interposition>)
            set_property(GLOBAL APPEND PROPERTY LARDER_CORE_ARCHIVES ${target})
        endif()
    else()
        add_library(${target} INTERFACE)
        target_include_directories(${target} INTERFACE "${PROJECT_BINARY_DIR}/rooms/${root}")
        target_link_libraries(${target} INTERFACE ${uses} ${arg_PUBLIC_LIBS})
        if(LARDER_CORE AND name MATCHES "${LARDER_CORE_LAYERS}")
            target_link_libraries(${target} INTERFACE liblarder_store)
        endif()
    endif()
    verify_headers(${root} PREFIX ${name} TARGET ${target})
endfunction()

# Each *.h and *.hpp of the current folder compiles alone, with the usage requirements of TARGET.
# Part of the target `verify_headers`, and of `all` with LARDER_VERIFY_HEADERS.
function(verify_headers name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "PREFIX;TARGET" "")
    if(NOT LARDER_DEVELOPER)
        return()
    endif()
    file(GLOB headers RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" CONFIGURE_DEPENDS *.h *.hpp)
    set(sources)
    foreach(header IN LISTS headers)
        set(source "${PROJECT_BINARY_DIR}/headers/${arg_PREFIX}/${header}.cpp")
        # Twice, so that it must also guard itself.
        file(CONFIGURE OUTPUT "${source}" @ONLY
            CONTENT "#include \"${arg_PREFIX}/${header}\"\n#include \"${arg_PREFIX}/${header}\"\n")
        list(APPEND sources "${source}")
    endforeach()
    if(NOT sources)
        return()
    endif()
    add_library(headers_${name} OBJECT EXCLUDE_FROM_ALL ${sources})
    set_target_properties(headers_${name} PROPERTIES UNITY_BUILD OFF)
    target_link_libraries(headers_${name} PRIVATE larder_warnings ${arg_TARGET})
    if(NOT TARGET verify_headers)
        if(LARDER_VERIFY_HEADERS)
            add_custom_target(verify_headers ALL)
        else()
            add_custom_target(verify_headers)
        endif()
    endif()
    add_dependencies(verify_headers headers_${name})
endfunction()

# public_library(<name> EXPORT <name> SOURCES <files>… [LIBS …] [PUBLIC_LIBS …])
# A shared library, target and file lib<name>, alias larder::<EXPORT>. It exports LARDER_EXPORT.
function(public_library name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "EXPORT" "SOURCES;LIBS;PUBLIC_LIBS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "public_library ${name}: what is '${arg_UNPARSED_ARGUMENTS}'?")
    endif()
    set(target lib${name})
    add_library(${target} SHARED ${arg_SOURCES})
    add_library(larder::${arg_EXPORT} ALIAS ${target})
    set_target_properties(${target} PROPERTIES
        LINKER_LANGUAGE CXX
        OUTPUT_NAME ${name}
        EXPORT_NAME ${arg_EXPORT}
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}
        INSTALL_RPATH "\$ORIGIN;${CMAKE_INSTALL_RPATH}")
    target_compile_features(${target} INTERFACE cxx_std_20)
    target_include_directories(${target} INTERFACE
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    target_link_libraries(${target} PUBLIC ${arg_PUBLIC_LIBS} PRIVATE larder_warnings ${arg_LIBS})
    target_link_options(${target} PRIVATE LINKER:--no-undefined)
endfunction()

# Puts the core into <target>, which exports it to larder's other libraries. The symbol version
# names the release of larder, because this interface is not stable between releases.
function(hold_core target)
    get_property(archives GLOBAL PROPERTY LARDER_CORE_ARCHIVES)
    target_link_libraries(${target} PRIVATE
        -Wl,--whole-archive ${archives} -Wl,--no-whole-archive)
    configure_file("${PROJECT_SOURCE_DIR}/cmake/core.map.in" "${PROJECT_BINARY_DIR}/core.map" @ONLY)
    # It calls its own functions even if another library of the process has the same names.
    target_link_options(${target} PRIVATE
        "LINKER:--version-script=${PROJECT_BINARY_DIR}/core.map" LINKER:-Bsymbolic-functions)
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${PROJECT_BINARY_DIR}/core.map")
endfunction()

# A module that exports these functions and nothing else.
function(export_only target)
    set(map "${CMAKE_CURRENT_BINARY_DIR}/${target}.map")
    list(JOIN ARGN "; " names)
    file(CONFIGURE OUTPUT "${map}" CONTENT "{ global: ${names}; local: *; };\n" @ONLY)
    target_link_options(${target} PRIVATE LINKER:--no-undefined "LINKER:--version-script=${map}")
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${map}")
endfunction()

# layer_test(<name> SOURCES <files>… [USES <layers>…] [LIBS …] [LABELS …] [TIMEOUT seconds]
#            [PROGRAMS <targets>…] [ONE_PROCESS] [SERIAL])
# The executable <name>_tests, linked to the layer of that name if it exists. Every test is a ctest
# entry of its own, in its own process, unless ONE_PROCESS: then they are one entry, and can share
# data that is costly to build. SERIAL: nothing else runs meanwhile. PROGRAMS are built first. With
# the label slow it is not built under a sanitizer.
function(layer_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "ONE_PROCESS;SERIAL" "TIMEOUT"
        "USES;SOURCES;LIBS;LABELS;PROGRAMS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "layer_test ${name}: what is '${arg_UNPARSED_ARGUMENTS}'?")
    endif()
    if(NOT arg_SOURCES OR (LARDER_SANITIZER AND "slow" IN_LIST arg_LABELS))
        return()
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 900)  # against a hang, not against a slow machine
    endif()
    if(TARGET larder_${name})
        list(APPEND arg_USES ${name})
    endif()
    larder_targets(uses ${arg_USES})
    set(target ${name}_tests)
    add_executable(${target} ${arg_SOURCES})
    set_target_properties(${target} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
    target_link_libraries(${target} PRIVATE
        larder_warnings ${uses} ${arg_LIBS} GTest::gmock GTest::gtest_main)
    # Otherwise its shared libraries could bind names of the core to the executable's copy.
    target_link_options(${target} PRIVATE LINKER:--exclude-libs,ALL)
    # Only the tested code is worth optimising, and watching for undefined behaviour: that would
    # triple the time that the compiler needs for the tests.
    if(LARDER_SANITIZER STREQUAL "address")
        target_compile_options(${target} PRIVATE -O0 -fno-sanitize=undefined)
    else()
        target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
    endif()
    if(arg_PROGRAMS)
        add_dependencies(${target} ${arg_PROGRAMS})
    endif()
    set(labels ${name} ${arg_LABELS})
    if(arg_ONE_PROCESS)
        add_test(NAME ${name} COMMAND ${target})
        set_tests_properties(${name} PROPERTIES
            LABELS "${labels}" TIMEOUT ${arg_TIMEOUT} RUN_SERIAL ${arg_SERIAL})
    else()
        gtest_discover_tests(${target}
            DISCOVERY_MODE PRE_TEST
            DISCOVERY_TIMEOUT 60
            TEST_PREFIX "${name}."
            NO_PRETTY_VALUES NO_PRETTY_TYPES
            PROPERTIES TIMEOUT ${arg_TIMEOUT} RUN_SERIAL ${arg_SERIAL})
        # The command above takes lists apart: labels are set once the tests are known.
        set(script "${CMAKE_CURRENT_BINARY_DIR}/${target}_labels.cmake")
        file(WRITE "${script}"
            "if(${target}_TESTS)\n"
            "  set_tests_properties(\${${target}_TESTS} PROPERTIES LABELS \"${labels}\")\n"
            "endif()\n")
        set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${script}")
    endif()
endfunction()

# program_test(<name> COMMAND <command>… LABELS <labels>… [ENVIRONMENT <NAME=value>…])
# A test in Python that runs programs like a user.
function(program_test name)
    cmake_parse_arguments(arg "" "" "COMMAND;LABELS;ENVIRONMENT" ${ARGN})
    add_test(NAME ${name} COMMAND ${arg_COMMAND})
    list(APPEND arg_ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
    set_tests_properties(${name} PROPERTIES
        LABELS "${arg_LABELS};openvino;slow" TIMEOUT 900 ENVIRONMENT "${arg_ENVIRONMENT}")
endfunction()
