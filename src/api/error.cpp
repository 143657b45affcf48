#include "larder/error.hpp"

#include <utility>

namespace larder {

Error::Error(ErrorCode code, const std::string& what, std::string remedy)
    : std::runtime_error(what), code_(code), remedy_(std::move(remedy)) {}

const char* to_string(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::not_found: return "not_found";
        case ErrorCode::permission_denied: return "permission_denied";
        case ErrorCode::read_only: return "read_only";
        case ErrorCode::no_space: return "no_space";
        case ErrorCode::damaged: return "damaged";
        case ErrorCode::unsupported: return "unsupported";
        case ErrorCode::invalid_argument: return "invalid_argument";
        case ErrorCode::miss: return "miss";
        case ErrorCode::timed_out: return "timed_out";
        case ErrorCode::io: return "io";
    }
    return "";
}

// Defined here so that all libraries agree on one type: exceptions cross their borders.
Error::~Error() = default;

}  // namespace larder
