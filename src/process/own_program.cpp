#include "process/own_program.h"

#include <dlfcn.h>

namespace larder::internal::process {
namespace {

// lib/x86_64-linux-gnu/larder/liblarder_store.so
constexpr int k_folders_max = 4;

}  // namespace

std::string own_program(os::FileSystem& fs) {
    Dl_info library{};
    static const char anchor = 0;
    if (::dladdr(&anchor, &library) == 0 || library.dli_fname == nullptr) return {};
    const auto path = fs.canonical(library.dli_fname);
    if (!path) return {};
    auto folder = os::parent_directory(*path);
    for (int i = 0; i < k_folders_max && folder != "/"; ++i) {
        auto program = os::join(folder, "bin/larder");
        const auto info = fs.info(program);
        if (info && info->kind == os::FileKind::regular) return program;
        folder = os::parent_directory(folder);
    }
    return {};
}

}  // namespace larder::internal::process
