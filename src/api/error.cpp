#include "larder/error.hpp"

#include <utility>

namespace larder {

Error::Error(ErrorCode code, const std::string& what, std::string remedy)
    : std::runtime_error(what), code_(code), remedy_(std::move(remedy)) {}

// Here, so that every library agrees on one type: exceptions cross their borders.
Error::~Error() = default;

}  // namespace larder
