# The files of `cmake --install`: the libraries, the headers, the program, and a package for
# find_package(larder). Two export sets, so that larder::store can be used without OpenVINO.
include(CMakePackageConfigHelpers)
include(licences)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/larder")

if(TARGET liblarder_store)
    install(TARGETS liblarder_store EXPORT larder-store
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(EXPORT larder-store NAMESPACE larder:: FILE larder-store-targets.cmake
        DESTINATION "${package_dir}")
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/larder" TYPE INCLUDE
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")

    configure_package_config_file(
        "${PROJECT_SOURCE_DIR}/cmake/larder-config.cmake.in"
        "${PROJECT_BINARY_DIR}/package/larder-config.cmake"
        INSTALL_DESTINATION "${package_dir}")
    write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/larder-config-version.cmake"
        COMPATIBILITY SameMinorVersion)
    # From the folder of the .pc files, so that a prefix can be moved.
    file(RELATIVE_PATH LARDER_PREFIX_FROM_PC
        "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    set(pc_files larder-store.pc)
    if(TARGET liblarder)
        list(APPEND pc_files larder.pc)
    endif()
    foreach(pc_file IN LISTS pc_files)
        configure_file("${PROJECT_SOURCE_DIR}/cmake/${pc_file}.in"
            "${PROJECT_BINARY_DIR}/package/${pc_file}" @ONLY)
        install(FILES "${PROJECT_BINARY_DIR}/package/${pc_file}"
            DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
    endforeach()
    install(FILES
        "${PROJECT_BINARY_DIR}/package/larder-config.cmake"
        "${PROJECT_BINARY_DIR}/package/larder-config-version.cmake"
        DESTINATION "${package_dir}")
endif()

if(TARGET liblarder)
    install(TARGETS liblarder EXPORT larder LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(EXPORT larder NAMESPACE larder:: FILE larder-targets.cmake
        DESTINATION "${package_dir}")
endif()

# In the folder of liblarder, where `larder run` looks for them.
if(TARGET larder_hook)
    install(TARGETS larder_preload larder_hook LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(FILES "${LARDER_SURFACE}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    # For other releases of OpenVINO, if scripts/adapters has built it.
    install(DIRECTORY "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/adapters"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}" USE_SOURCE_PERMISSIONS OPTIONAL)
    foreach(library IN ITEMS liblarder_store_old.so.0 liblarder_cli_old.so)
        install(PROGRAMS "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/${library}"
            DESTINATION "${CMAKE_INSTALL_LIBDIR}" OPTIONAL)
    endforeach()
endif()

if(TARGET larder)
    install(TARGETS larder RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
    install(TARGETS larder_cli LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()
if(TARGET larder_verbs)
    install(TARGETS larder_verbs LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()
if(TARGET larder_serve)
    install(TARGETS larder_serve larder_exchange_verbs
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()
