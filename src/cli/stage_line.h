// What is being done just now, on a line of a terminal that is gone when it is done.
#pragma once

#include <string_view>

#include "larder/options.hpp"

namespace larder::cli {

class StageLine {
public:
    // Where standard error is no terminal, nothing is shown.
    StageLine();
    StageLine(const StageLine&) = delete;
    StageLine& operator=(const StageLine&) = delete;
    ~StageLine() { clear(); }

    // Has what the larder logs shown: warnings for good, all else as the stage. For a terminal
    // only.
    void listen(Options& options) const;
    void clear() const;

private:
    static void tell(LogLevel level, std::string_view message);

    bool is_terminal_;
};

}  // namespace larder::cli
