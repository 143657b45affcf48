# Packages of the distribution; docs/dependencies.md says what each is for.
find_package(Threads REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
find_package(zstd REQUIRED)
if(LARDER_OPENVINO)
    find_package(CLI11 REQUIRED)
endif()
if(LARDER_DEVELOPER)
    find_package(GTest REQUIRED)
    if(NOT Python3_EXECUTABLE AND EXISTS "${PROJECT_SOURCE_DIR}/.venv/bin/python")
        set(Python3_EXECUTABLE "${PROJECT_SOURCE_DIR}/.venv/bin/python")
    endif()
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
endif()

# Headers only, compiled with our hidden visibility: a program that brings its own spdlog or
# toml++ never meets ours.
add_library(larder_spdlog INTERFACE)
target_link_libraries(larder_spdlog INTERFACE spdlog::spdlog_header_only)

find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
mark_as_advanced(TOMLPLUSPLUS_INCLUDE_DIR)
add_library(larder_toml INTERFACE)
target_include_directories(larder_toml SYSTEM INTERFACE "${TOMLPLUSPLUS_INCLUDE_DIR}")
target_compile_definitions(larder_toml INTERFACE TOML_HEADER_ONLY=1)
