# cmake -DOUTPUT=… -DFILES=…;… -P embed.cmake: writes a C++ source with the contents of the files,
# for serve/web.h.
set(types html "text/html; charset=utf-8" css "text/css; charset=utf-8"
    js "text/javascript; charset=utf-8" svg "image/svg+xml" json "application/json")
set(arrays)
set(rows)
set(number 0)
foreach(file IN LISTS FILES)
    get_filename_component(name "${file}" NAME)
    string(REGEX REPLACE ".*\\." "" ending "${name}")
    list(FIND types "${ending}" at)
    math(EXPR at "${at} + 1")
    list(GET types ${at} type)
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(REPEAT "." 80 line)
    string(REGEX REPLACE "(${line})"
        "\\1\n    " bytes "${bytes}")
    string(APPEND arrays "constexpr unsigned char k_file_${number}[] = {\n    ${bytes}};\n\n")
    set(path "/${name}")
    if(name STREQUAL "index.html")
        set(path "/")
    elseif(name STREQUAL "openapi.json")
        set(path "/api/v1/openapi.json")
    endif()
    string(APPEND rows "        {\"${path}\", \"${type}\", text_of(k_file_${number})},\n")
    math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUTPUT}" "// Written by cmake/embed.cmake.
#include \"serve/web.h\"

#include <array>
#include <cstddef>

namespace larder::serve {
namespace {

${arrays}template <std::size_t Size>
std::string_view text_of(const unsigned char (&bytes)[Size]) {
    return {reinterpret_cast<const char*>(bytes), Size};
}

}  // namespace

std::span<const WebFile> web_files() {
    static const std::array<WebFile, ${number}> k_files{{
${rows}    }};
    return k_files;
}

}  // namespace larder::serve
")
