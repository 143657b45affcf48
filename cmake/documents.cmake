# The manual page and the completions, which the program writes itself, from the definitions that
# `larder --help` prints. HOME is not set, so that they contain no settings of the user who builds.
if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
    message(STATUS "No manual page and no completions: the program cannot run here")
    return()
endif()

set(LARDER_DOCUMENTS_DIR "${PROJECT_BINARY_DIR}/documents")
# The path of each document under a prefix, and under share/ of a wheel.
set(LARDER_DOCUMENTS
    man:man/man1/larder.1
    bash:bash-completion/completions/larder
    zsh:zsh/site-functions/_larder
    fish:fish/vendor_completions.d/larder.fish)
set(document_paths)
foreach(document IN LISTS LARDER_DOCUMENTS)
    string(REGEX MATCH "^([a-z]+):(.+/)([^/]+)$" _ "${document}")
    set(name "${CMAKE_MATCH_1}")
    set(folder "${CMAKE_MATCH_2}")
    set(path "${LARDER_DOCUMENTS_DIR}/${folder}${CMAKE_MATCH_3}")
    file(MAKE_DIRECTORY "${LARDER_DOCUMENTS_DIR}/${folder}")
    add_custom_command(OUTPUT "${path}"
        COMMAND "${CMAKE_COMMAND}" -E env --unset=HOME --unset=XDG_CONFIG_HOME LARDER_DIR=/larder
            "$<TARGET_FILE:larder>" --document ${name} > "${path}"
        DEPENDS larder
        COMMENT "Writing ${path}"
        VERBATIM)
    list(APPEND document_paths "${path}")
    install(FILES "${path}" DESTINATION "${CMAKE_INSTALL_DATADIR}/${folder}")
endforeach()
add_custom_target(larder_documents ALL DEPENDS ${document_paths})
