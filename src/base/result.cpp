#include "base/result.h"

namespace larder::internal {

std::string_view to_string(Errc code) noexcept {
    switch (code) {
        case Errc::not_found: return "not found";
        case Errc::already_exists: return "already exists";
        case Errc::permission_denied: return "permission denied";
        case Errc::read_only: return "read-only";
        case Errc::no_space: return "no space left";
        case Errc::too_many_files: return "too many open files";
        case Errc::io: return "input/output error";
        case Errc::damaged: return "damaged";
        case Errc::unsupported: return "not supported";
        case Errc::incompatible: return "not accepted by the runtime";
        case Errc::timed_out: return "timed out";
        case Errc::busy: return "busy";
        case Errc::invalid_argument: return "invalid argument";
    }
    return "unknown error";
}

Errc errc_from_errno(int system_errno) noexcept {
    switch (system_errno) {
        case ENOENT:
        case ENOTDIR: return Errc::not_found;
        case EEXIST: return Errc::already_exists;
        case EACCES:
        case EPERM: return Errc::permission_denied;
        case EROFS: return Errc::read_only;
        case ENOSPC:
        case EDQUOT:
        case EFBIG: return Errc::no_space;
        case EMFILE:
        case ENFILE: return Errc::too_many_files;
        case EAGAIN: return Errc::busy;
        case EINVAL: return Errc::invalid_argument;
        case ENOSYS:
        case EOPNOTSUPP: return Errc::unsupported;
        case ETIMEDOUT: return Errc::timed_out;
        default: return Errc::io;
    }
}

Error Error::from_errno(std::string what, std::string path, int system_errno) {
    return Error{errc_from_errno(system_errno), system_errno, std::move(what), std::move(path), {}};
}

std::string Error::message() const {
    std::string text = what;
    if (!path.empty()) text += " '" + path + "'";
    if (system_errno != 0) text += ": " + std::generic_category().message(system_errno);
    if (!remedy.empty()) text += "; " + remedy;
    return text;
}

}  // namespace larder::internal
