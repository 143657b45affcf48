// Metrics for Prometheus.
#pragma once

#include <string>

#include "larder/store.hpp"
#include "serve/reader.h"

namespace larder::serve {

struct Measured {
    // Counted since this server's start: counters of Prometheus begin at 0 with the process.
    Stats since_start{};
    const Snapshot* now = nullptr;
};

// Returns the text format of Prometheus.
[[nodiscard]] std::string metrics_text(const Measured& measured);
inline constexpr const char* k_metrics_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace larder::serve
