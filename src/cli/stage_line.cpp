#include "cli/stage_line.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>

#include "cli/quantity.h"
#include "cli/surroundings.h"
#include "cli/text.h"

namespace larder::cli {
namespace {

constexpr const char* k_clear = "\r\033[K";

}  // namespace

// Rewrites the line every second while there is one.
class StageLine::Ticker {
public:
    Ticker() : thread_([this] { tick(); }) {}
    Ticker(const Ticker&) = delete;
    Ticker& operator=(const Ticker&) = delete;
    ~Ticker() {
        {
            const std::lock_guard lock(mutex_);
            ends_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }

    void clear() {
        const std::lock_guard lock(mutex_);
        text_.clear();
        std::fputs(k_clear, stderr);
    }

    // Writes in one call, on any thread, so that lines stay whole.
    void tell(LogLevel level, std::string_view message) {
        const std::lock_guard lock(mutex_);
        if (level == LogLevel::error || level == LogLevel::warn) {
            const char* const word = level == LogLevel::error ? "error: " : "warning: ";
            std::fputs(
                (k_clear + std::string("larder: ") + word + printable(message) + "\n").c_str(),
                stderr);
            return;
        }
        text_ = printable(message);
        since_ = Clock::now();
        draw();
    }

private:
    using Clock = std::chrono::steady_clock;

    void tick() {
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, std::chrono::seconds(1), [this] { return ends_; })) {
            if (!text_.empty()) draw();
        }
    }

    void draw() {
        constexpr std::size_t k_columns_min = 20;
        const auto columns = std::max(terminal_columns(), k_columns_min) - 1;
        const auto spent = std::chrono::floor<std::chrono::seconds>(Clock::now() - since_);
        const auto text = spent.count() == 0 ? text_ : text_ + ": " + format_age(spent);
        std::fputs((k_clear + shortened(text, columns)).c_str(), stderr);
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool ends_ = false;
    std::string text_;
    Clock::time_point since_;
    std::thread thread_;  // last, because it uses the other members
};

StageLine::StageLine()
    : ticker_(is_terminal(Stream::error) ? std::make_shared<Ticker>() : nullptr) {}

StageLine::~StageLine() { clear(); }

void StageLine::listen(Options& options) {
    if (!ticker_) return;
    options.log_level = LogLevel::debug;
    options.log_sink = [ticker = ticker_](LogLevel level, std::string_view message) {
        ticker->tell(level, message);
    };
}

void StageLine::clear() {
    if (ticker_) ticker_->clear();
}

}  // namespace larder::cli
