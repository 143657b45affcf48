// Errors are data in every layer up to `cache`: `Result<T>` makes each fault point visible, and the
// reaction (compile anyway, try again, quarantine) is decided in the layer that knows it.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <tl/expected.hpp>

namespace larder::internal {

// The kind of a fault. Switched on without `default`, so that a new kind must be handled
// everywhere.
enum class Errc {
    not_found,          // the file, entry or key does not exist
    already_exists,     // an exclusive creation found an existing file
    permission_denied,  // EACCES, EPERM
    read_only,          // EROFS, or the larder was opened read-only
    no_space,           // ENOSPC, EDQUOT, EFBIG
    too_many_files,     // EMFILE, ENFILE
    io,                 // any other failure of the operating system
    damaged,            // bytes are not what their digest says, or cannot be parsed
    unsupported,        // made by a newer larder, or something this machine cannot do
    incompatible,       // the runtime does not accept the blob
    timed_out,          // a wait reached its limit
    busy,               // another holder has the lock; a later attempt may succeed
    invalid_argument,   // the caller's input is wrong
};

[[nodiscard]] std::string_view to_string(Errc code) noexcept;

// Returns the canonical code of an errno value.
[[nodiscard]] Errc errc_from_errno(int system_errno) noexcept;

struct Error {
    Errc code = Errc::io;
    int system_errno = 0;  // 0 if no system call failed
    std::string what;      // the failed action: "cannot open"
    std::string path;      // the file; empty if there is none
    std::string remedy;    // what the user can do; empty if there is nothing to add

    // Returns "cannot open '/x': Permission denied; run larder as its owner".
    [[nodiscard]] std::string message() const;

    // Makes an error from the current value of errno, or the given one.
    [[nodiscard]] static Error from_errno(std::string what, std::string path,
                                          int system_errno = errno);
};

template <typename T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string what, std::string path = {},
                                                std::string remedy = {}) {
    return tl::unexpected<Error>(
        Error{code, 0, std::move(what), std::move(path), std::move(remedy)});
}

}  // namespace larder::internal
