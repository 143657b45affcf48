# The licence of larder, and those of the libraries that are compiled into it or packed beside it,
# as Debian states them. On other systems the licences have other paths, and the packager adds them.
set(LARDER_CONTAINS
    libboost1.74-dev libcli11-dev libexpected-dev libfmt-dev libsodium-dev libsqlite3-dev
    libtomlplusplus-dev libzstd-dev librust-blake3-dev nlohmann-json3-dev prometheus-cpp-dev)
foreach(package IN LISTS LARDER_CONTAINS)
    set(stated "/usr/share/doc/${package}/copyright")
    if(EXISTS "${stated}")
        configure_file("${stated}" "${PROJECT_BINARY_DIR}/licences/${package}" COPYONLY)
    endif()
endforeach()
file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/licences")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/CHANGELOG.md" TYPE DOC)
install(DIRECTORY "${PROJECT_BINARY_DIR}/licences" TYPE DOC)
