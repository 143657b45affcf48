# larder_blake3: the official C implementation of BLAKE3, from sources. Debian 12 has no package of
# the C library; librust-blake3-dev carries its sources, with the x86-64 assembly.
set(BLAKE3_SOURCE_DIR "" CACHE PATH "The folder that holds blake3.c; empty: found")
set(blake3_dir "${BLAKE3_SOURCE_DIR}")
if(NOT blake3_dir)
    file(GLOB blake3_found /usr/share/cargo/registry/blake3-*/c/blake3.c)
    if(NOT blake3_found)
        message(FATAL_ERROR
            "BLAKE3 is missing: install librust-blake3-dev, or set BLAKE3_SOURCE_DIR")
    endif()
    list(SORT blake3_found COMPARE NATURAL)
    list(POP_BACK blake3_found blake3_newest)
    get_filename_component(blake3_dir "${blake3_newest}" DIRECTORY)
endif()

add_library(larder_blake3 STATIC
    "${blake3_dir}/blake3.c" "${blake3_dir}/blake3_dispatch.c" "${blake3_dir}/blake3_portable.c")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
    target_sources(larder_blake3 PRIVATE
        "${blake3_dir}/blake3_sse2_x86-64_unix.S" "${blake3_dir}/blake3_sse41_x86-64_unix.S"
        "${blake3_dir}/blake3_avx2_x86-64_unix.S" "${blake3_dir}/blake3_avx512_x86-64_unix.S")
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    target_sources(larder_blake3 PRIVATE "${blake3_dir}/blake3_neon.c")
    target_compile_definitions(larder_blake3 PRIVATE BLAKE3_USE_NEON=1)
else()
    target_compile_definitions(larder_blake3 PRIVATE
        BLAKE3_NO_SSE2 BLAKE3_NO_SSE41 BLAKE3_NO_AVX2 BLAKE3_NO_AVX512)
endif()
target_include_directories(larder_blake3 SYSTEM PUBLIC "${blake3_dir}")
# Sources of others, written to be compiled one by one.
set_target_properties(larder_blake3 PROPERTIES UNITY_BUILD OFF)
# Hashing must be fast in a debug build too: the tests hash a lot.
target_compile_options(larder_blake3 PRIVATE -O3)
