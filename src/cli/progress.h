// Shows the progress of long work.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): not ours to name
class App;
}

namespace larder::cli {

enum class ProgressForm {
    bar,   // for people: only on a terminal, and removed when the work is done
    json,  // for programs: lines on standard error
};

// Of bytes, from `began_at` of them on, in `spent`.
struct Transfer {
    std::uint64_t done = 0;
    std::uint64_t total = 0;  // 0: not known
    std::uint64_t began_at = 0;
    std::chrono::duration<double> spent{0};
};
// "1.20 GB of 3.20 GB", and after a second ", 800 MB/s, 3 s left".
[[nodiscard]] std::string transfer_text(const Transfer& transfer);

// The flag for it; `form` is a bar without.
void declare_progress(CLI::App& verb, ProgressForm& form);

class Progress {
public:
    explicit Progress(ProgressForm form);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();  // removes the bar

    // Cheap: writes a few times a second; shows no bar during the first half second.
    void show(std::uint64_t done, std::uint64_t total);
    // Takes the bar away, until there is more to show.
    void clear();

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
