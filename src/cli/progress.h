// Shows the progress of long work.
#pragma once

#include <chrono>
#include <cstdint>

namespace CLI {  // NOLINT(readability-identifier-naming): not ours to name
class App;
}

namespace larder::cli {

enum class ProgressForm {
    bar,   // for people: only on a terminal, and removed when the work is done
    json,  // for programs: lines on standard error
};

// Declares the flag; without it `form` is a bar.
void declare_progress(CLI::App& verb, ProgressForm& form);

class Progress {
public:
    explicit Progress(ProgressForm form);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();  // removes the bar

    // Cheap: writes a few times a second; shows no bar during the first half second.
    void show(std::uint64_t done, std::uint64_t total);

private:
    using Clock = std::chrono::steady_clock;

    void draw(std::uint64_t done, std::uint64_t total);

    ProgressForm form_;
    bool wanted_;
    bool drawn_ = false;
    Clock::time_point began_;
    Clock::time_point next_;
};

}  // namespace larder::cli
