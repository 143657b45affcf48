# OpenVINO from the wheel in .venv, unless OpenVINO_DIR names another.
if(NOT OpenVINO_DIR)
    file(GLOB openvino_cmake
        "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/openvino/cmake")
    if(openvino_cmake)
        list(POP_BACK openvino_cmake openvino_newest)
        set(OpenVINO_DIR "${openvino_newest}" CACHE PATH "The folder of OpenVINOConfig.cmake")
    endif()
endif()
find_package(OpenVINO CONFIG QUIET COMPONENTS Runtime)
if(NOT OpenVINO_FOUND)
    message(FATAL_ERROR "OpenVINO is missing: run scripts/setup, or give -DOpenVINO_DIR=…, or "
        "-DLARDER_OPENVINO=OFF for the store alone")
endif()
# Its macros embed the path of the source file into the binary: make that path the same everywhere.
get_target_property(openvino_headers openvino::runtime INTERFACE_INCLUDE_DIRECTORIES)
list(GET openvino_headers 0 openvino_headers)
target_compile_options(openvino::runtime INTERFACE
    "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=" "-fmacro-prefix-map=${openvino_headers}/=")
# The releases whose headers and libraries give the same machine code as this one: one file serves
# them all (tools/merge_adapters.py).
set(LARDER_SERVED_RELEASES "" CACHE STRING "The releases that this build serves; empty: one")
set(served "${LARDER_SERVED_RELEASES}")
if(NOT served)
    set(served "${OpenVINO_VERSION}")
endif()
target_compile_definitions(openvino::runtime INTERFACE "LARDER_SERVED_RELEASES=\"${served}\"")
# The folder of its libraries is in the run path of built programs, but not of installed ones:
# there, the packager sets CMAKE_INSTALL_RPATH if the loader does not find OpenVINO.
get_target_property(openvino_library openvino::runtime IMPORTED_LOCATION_RELEASE)
get_filename_component(OPENVINO_LIBRARY_DIR "${openvino_library}" DIRECTORY)
message(STATUS "OpenVINO ${OpenVINO_VERSION}: ${OPENVINO_LIBRARY_DIR}")
