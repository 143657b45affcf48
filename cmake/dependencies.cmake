# Packages of the distribution; docs/dependencies.md says what each is for.
find_package(Threads REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
find_package(zstd REQUIRED)
# Brings no package of its own.
find_path(SODIUM_INCLUDE_DIR sodium.h REQUIRED)
find_library(SODIUM_LIBRARY sodium REQUIRED)
mark_as_advanced(SODIUM_INCLUDE_DIR SODIUM_LIBRARY)
if(LARDER_OPENVINO)
    find_package(CLI11 REQUIRED)
    find_package(Boost REQUIRED)
    # Its own package would ask for what its other libraries need.
    find_path(PROMETHEUS_INCLUDE_DIR prometheus/text_serializer.h REQUIRED)
    find_library(PROMETHEUS_LIBRARY prometheus-cpp-core REQUIRED)
    mark_as_advanced(PROMETHEUS_INCLUDE_DIR PROMETHEUS_LIBRARY)
endif()
if(LARDER_DEVELOPER)
    find_package(GTest REQUIRED)
    if(NOT Python3_EXECUTABLE AND EXISTS "${PROJECT_SOURCE_DIR}/.venv/bin/python")
        set(Python3_EXECUTABLE "${PROJECT_SOURCE_DIR}/.venv/bin/python")
    endif()
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
endif()

# Headers only, compiled with our hidden visibility: a program that brings its own toml++ never
# meets ours.
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
mark_as_advanced(TOMLPLUSPLUS_INCLUDE_DIR)
add_library(larder_toml INTERFACE)
target_include_directories(larder_toml SYSTEM INTERFACE "${TOMLPLUSPLUS_INCLUDE_DIR}")
target_compile_definitions(larder_toml INTERFACE TOML_HEADER_ONLY=1)
