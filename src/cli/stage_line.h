// The current stage of the work: on a terminal, a line that disappears when the work is done; on
// request, one line for each stage.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "larder/options.hpp"

namespace larder::cli {

class StageLine {
public:
    enum class Lines {
        none,       // nothing stays; where standard error is no terminal, nothing is shown
        per_stage,  // one stays for each stage
    };
    explicit StageLine(Lines lines);
    StageLine(const StageLine&) = delete;
    StageLine& operator=(const StageLine&) = delete;
    ~StageLine();

    // Has the requests of these options shown, and after a second for how long each stage has
    // lasted, at which rate, and how long it will. On a terminal, what is logged stays between.
    void listen(Options& options);

    // How long compiling took the last time, where that is known.
    using Earlier = std::function<std::optional<std::chrono::milliseconds>()>;
    // Of the next requests; asked on another thread, once a compile has lasted for a second.
    void expect(Earlier earlier);

    void clear();

private:
    class Ticker;

    std::shared_ptr<Ticker> ticker_;  // null: nothing is shown
};

}  // namespace larder::cli
