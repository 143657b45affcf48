# OpenVINO as the wheel in .venv brings it, unless OpenVINO_DIR names another.
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
# Its macros put the path of the file that uses them into what is built: as seen from here, then.
target_compile_options(openvino::runtime INTERFACE "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")
# Its libraries' folder is in the run path of what we build, not of what we install: there, whoever
# packs it says where OpenVINO will be, with CMAKE_INSTALL_RPATH, if the loader does not know.
get_target_property(openvino_library openvino::runtime IMPORTED_LOCATION_RELEASE)
get_filename_component(OPENVINO_LIBRARY_DIR "${openvino_library}" DIRECTORY)
message(STATUS "OpenVINO ${OpenVINO_VERSION}: ${OPENVINO_LIBRARY_DIR}")
