#include "support/mount.h"

#include <string>
#include <utility>

#include <sched.h>
#include <sys/mount.h>

namespace larder::internal::support {
namespace {

// From now on, mounts of this process are private.
bool enter_own_namespace() {
    static const bool k_entered = ::unshare(CLONE_NEWNS) == 0 &&
                                  ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    return k_entered;
}

}  // namespace

std::optional<Mount> Mount::memory(const std::filesystem::path& where, std::uint64_t size_bytes) {
    const auto options = "mode=0755,size=" + std::to_string(size_bytes);
    if (!enter_own_namespace() ||
        ::mount("larder-test", where.c_str(), "tmpfs", 0, options.c_str()) != 0) {
        return {};
    }
    return Mount(where);
}

std::optional<Mount> Mount::read_only(const std::filesystem::path& where) {
    if (!enter_own_namespace() ||
        ::mount(where.c_str(), where.c_str(), nullptr, MS_BIND, nullptr) != 0) {
        return {};
    }
    Mount mount(where);
    if (::mount(nullptr, where.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) {
        return {};
    }
    return mount;
}

std::optional<Mount> Mount::overlay(const std::filesystem::path& where,
                                    const std::filesystem::path& lower,
                                    const std::filesystem::path& upper,
                                    const std::filesystem::path& work) {
    const auto options =
        "lowerdir=" + lower.string() + ",upperdir=" + upper.string() + ",workdir=" + work.string();
    if (!enter_own_namespace() ||
        ::mount("larder-test", where.c_str(), "overlay", 0, options.c_str()) != 0) {
        return {};
    }
    return Mount(where);
}

Mount::Mount(Mount&& other) noexcept : where_(std::exchange(other.where_, {})) {}

Mount::~Mount() {
    if (!where_.empty()) ::umount2(where_.c_str(), MNT_DETACH);
}

}  // namespace larder::internal::support
