# libstdc++ has two kinds of std::string. A library that passes strings to OpenVINO must have the
# kind that OpenVINO was built with: the older one in its wheels up to 2025.4.1. Its CMake files
# name the kind.
option(LARDER_OLD_STRINGS "Build with the std::string of before GCC 5" OFF)
if(OpenVINO_FOUND)
    if(OpenVINO_GLIBCXX_USE_CXX11_ABI STREQUAL "0")
        set(LARDER_OLD_STRINGS ON)
    else()
        set(LARDER_OLD_STRINGS OFF)
    endif()
endif()
if(LARDER_OLD_STRINGS)
    add_compile_definitions(_GLIBCXX_USE_CXX11_ABI=0)
endif()
