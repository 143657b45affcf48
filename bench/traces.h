// Requests for models, as they may occur in a day or a month.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace larder::bench {

struct Model {
    std::uint64_t bytes = 0;
    std::uint64_t compile_ms = 0;
};

struct Request {
    std::int64_t at_ns = 0;
    std::size_t model = 0;
};

struct Trace {
    std::string name;
    std::vector<Model> models;
    std::vector<Request> requests;

    // Of all requested models.
    [[nodiscard]] std::uint64_t total_bytes() const;
};

// The same numbers each time. Models of 1 to 50 MB; the compile time depends on the size, and
// varies by a factor.
[[nodiscard]] std::vector<Trace> synthetic_traces();

// Lines of "AT_NS NAME BYTES COMPILE_MS". Throws std::runtime_error.
[[nodiscard]] Trace read_trace(const std::string& path);

}  // namespace larder::bench
