#include "remote/curl_library.h"

#include <string>

#include <dlfcn.h>

namespace larder::internal::remote {
namespace {

constexpr const char* k_soname = "libcurl.so.4";

Result<CurlLibrary> load_curl() {
    const auto refuse = [](const std::string& why) {
        return fail(Errc::unsupported, "cannot use libcurl: " + why, {},
                    "install it ('apt-get install libcurl4' on Debian), or use a file:// URL");
    };
    void* const library = ::dlopen(k_soname, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return refuse(::dlerror());
    CurlLibrary curl;
    const char* missing = nullptr;
    const auto find = [&](auto& function, const char* name) {
        function =
            reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
        if (function == nullptr) missing = name;
    };
    find(curl.global_init, "curl_global_init");
    find(curl.easy_init, "curl_easy_init");
    find(curl.easy_reset, "curl_easy_reset");
    find(curl.easy_cleanup, "curl_easy_cleanup");
    find(curl.easy_setopt, "curl_easy_setopt");
    find(curl.easy_getinfo, "curl_easy_getinfo");
    find(curl.easy_strerror, "curl_easy_strerror");
    find(curl.multi_init, "curl_multi_init");
    find(curl.multi_cleanup, "curl_multi_cleanup");
    find(curl.multi_add_handle, "curl_multi_add_handle");
    find(curl.multi_remove_handle, "curl_multi_remove_handle");
    find(curl.multi_perform, "curl_multi_perform");
    find(curl.multi_wait, "curl_multi_wait");
    find(curl.multi_info_read, "curl_multi_info_read");
    find(curl.slist_append, "curl_slist_append");
    find(curl.slist_free_all, "curl_slist_free_all");
    if (missing != nullptr) return refuse(std::string(k_soname) + " has no " + missing);
    if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return refuse("it does not start");
    return curl;
}

}  // namespace

Result<const CurlLibrary*> open_curl() {
    static const Result<CurlLibrary> k_curl = load_curl();
    if (!k_curl) return fail(k_curl.error());
    return &*k_curl;
}

}  // namespace larder::internal::remote
