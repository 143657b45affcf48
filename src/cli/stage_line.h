// What is being done just now, on a line of a terminal that is gone when it is done.
#pragma once

#include <memory>

#include "larder/options.hpp"

namespace larder::cli {

class StageLine {
public:
    // Where standard error is no terminal, nothing is shown.
    StageLine();
    StageLine(const StageLine&) = delete;
    StageLine& operator=(const StageLine&) = delete;
    ~StageLine();

    // Has what the larder logs shown: warnings for good, all else as the stage, and after a second
    // for how long by now. For a terminal only.
    void listen(Options& options);
    void clear();

private:
    class Ticker;

    std::shared_ptr<Ticker> ticker_;  // null: no terminal
};

}  // namespace larder::cli
