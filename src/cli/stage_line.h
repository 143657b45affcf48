// Shows the present stage on a line of the terminal, which is removed at the end.
#pragma once

#include <memory>

#include "larder/options.hpp"

namespace larder::cli {

class StageLine {
public:
    // Shows nothing if standard error is not a terminal.
    StageLine();
    StageLine(const StageLine&) = delete;
    StageLine& operator=(const StageLine&) = delete;
    ~StageLine();

    // Shows the messages that larder logs: warnings permanently, all others as the stage, after a
    // second with the time that it has taken. For a terminal only.
    void listen(Options& options);
    void clear();

private:
    class Ticker;

    std::shared_ptr<Ticker> ticker_;  // null: no terminal
};

}  // namespace larder::cli
