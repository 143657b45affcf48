/// \file
/// The exception that larder throws.
#pragma once

#include <ostream>
#include <stdexcept>
#include <string>

#include "larder/export.hpp"
#include "larder/require_cxx20.hpp"

namespace larder {

/// The kind of a failure.
enum class ErrorCode {
    not_found,          ///< the larder, entry, model or file does not exist
    permission_denied,  ///< the operating system refused
    read_only,          ///< the larder cannot be written
    no_space,           ///< the disk or a quota is full
    damaged,            ///< bytes are not what their digest says
    unsupported,        ///< made by a newer larder, or something this machine cannot do
    invalid_argument,   ///< the caller's input is wrong
    miss,               ///< Mode::cache_only, and there is no entry for the model
    timed_out,          ///< a wait reached its limit
    io,                 ///< any other failure of the operating system
};

/// Returns "not_found", "permission_denied"…
[[nodiscard]] LARDER_EXPORT const char* to_string(ErrorCode code) noexcept;
/// Writes to_string().
inline std::ostream& operator<<(std::ostream& out, ErrorCode code) {
    return out << to_string(code);
}

/// The only exception type that larder itself throws. Exceptions that OpenVINO throws while it
/// reads or compiles a model reach the caller unchanged and are not of this type.
class LARDER_EXPORT Error : public std::runtime_error {
public:
    /// `what` says what failed, on which file, and why.
    Error(ErrorCode code, const std::string& what, std::string remedy = {});
    /// Copies, as throwing an exception may do.
    Error(const Error&) = default;
    /// Copies.
    Error& operator=(const Error&) = default;
    ~Error() override;

    /// Returns the kind of failure.
    [[nodiscard]] ErrorCode code() const noexcept { return code_; }
    /// Tells the user what to do; empty if there is nothing to add. Not part of what().
    [[nodiscard]] const std::string& remedy() const noexcept { return remedy_; }

private:
    ErrorCode code_;
    std::string remedy_;
};

}  // namespace larder
