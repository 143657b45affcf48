// A bar for work that takes long, on terminals only.
#pragma once

#include <chrono>
#include <cstdint>

namespace larder::cli {

class Progress {
public:
    Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();  // takes the bar away

    // Cheap: draws a few times a second, and not before half a second has gone by.
    void show(std::uint64_t done, std::uint64_t total);

private:
    using Clock = std::chrono::steady_clock;

    bool wanted_;
    bool drawn_ = false;
    Clock::time_point next_;
};

}  // namespace larder::cli
