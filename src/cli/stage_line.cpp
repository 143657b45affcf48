#include "cli/stage_line.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "cli/interruption.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/surroundings.h"
#include "cli/text.h"

namespace larder::cli {
namespace {

constexpr const char* k_clear = "\r\033[K";
constexpr std::chrono::milliseconds k_between_drawings{100};

std::string stage_text(const StageProgress& now) {
    auto text = now.request + ": " + to_string(now.stage);
    if (!now.detail.empty()) text += (now.stage == Stage::waiting ? ": " : ", ") + now.detail;
    return printable(text);
}

}  // namespace

// Rewrites the line every second while there is one.
class StageLine::Ticker {
public:
    Ticker(Lines lines, bool is_terminal)
        : lines_(lines), is_terminal_(is_terminal), thread_([this] { tick(); }) {
        if (is_terminal) line_clearing_.emplace();
    }
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

    bool is_terminal() const { return is_terminal_; }

    void clear() {
        const std::lock_guard lock(mutex_);
        now_.reset();
        if (std::exchange(is_drawn_, false)) std::fputs(k_clear, stderr);
    }

    void expect(Earlier earlier) {
        const std::lock_guard lock(mutex_);
        earlier_ = std::move(earlier);
    }

    // On any thread: one call, so that lines stay whole.
    void log(LogLevel level, std::string_view message) {
        const char* const word = level == LogLevel::error   ? "error: "
                                 : level == LogLevel::warn  ? "warning: "
                                 : level == LogLevel::debug ? "debug: "
                                                            : "";
        const std::lock_guard lock(mutex_);
        say(word + printable(message));
    }

    void tell(const StageProgress& now) {
        const std::lock_guard lock(mutex_);
        const bool is_new = !now_ || now_->stage != now.stage || now_->request != now.request ||
                            now.bytes_done == 0;
        if (is_new) {
            since_ = Clock::now();
            bytes_before_ = now.bytes_done;
            expected_.reset();
            is_asked_ = false;
            if (lines_ == Lines::per_stage) say(stage_text(now));
        }
        // Several threads may tell of one stage, and the first not be the first to come here.
        if (is_new || now.bytes_done > now_->bytes_done) now_ = now;
        if (is_new || Clock::now() >= drawn_at_ + k_between_drawings) draw();
    }

private:
    using Clock = std::chrono::steady_clock;

    void say(const std::string& text) {
        const char* const clear = is_terminal_ ? k_clear : "";
        std::fputs((clear + ("larder: " + text) + "\n").c_str(), stderr);
        is_drawn_ = false;
    }

    void tick() {
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, std::chrono::seconds(1), [this] { return ends_; })) {
            if (!now_ || !is_terminal_) continue;
            if (now_->stage == Stage::compiling && earlier_ && !std::exchange(is_asked_, true)) {
                const auto earlier = earlier_;
                lock.unlock();
                const auto expected = earlier();
                lock.lock();
                if (now_ && now_->stage == Stage::compiling && is_asked_) expected_ = expected;
            }
            draw();
        }
    }

    void draw() {
        if (!is_terminal_ || !now_) return;
        drawn_at_ = Clock::now();
        const auto pace = pace_text();
        constexpr std::size_t k_columns_min = 20;
        const auto columns = std::max(terminal_columns(Stream::error), k_columns_min) - 1;
        const auto room = columns - std::min(columns, width(pace));
        std::fputs((k_clear + shortened(stage_text(*now_), room) + pace).c_str(), stderr);
        is_drawn_ = true;
    }

    // How far it is, and for how long; nothing in the first second.
    std::string pace_text() const {
        const auto spent = Clock::now() - since_;
        const auto seconds = std::chrono::floor<std::chrono::seconds>(spent);
        if (seconds.count() == 0) return {};
        if (now_->bytes_done > bytes_before_) {
            const Transfer transfer{now_->bytes_done, now_->bytes_total, bytes_before_, spent};
            return ": " + transfer_text(transfer);
        }
        auto text = ": " + format_age(seconds);
        if (!expected_) return text;
        const auto left = std::chrono::ceil<std::chrono::seconds>(*expected_ - spent);
        if (left.count() > 0) return text + ", about " + format_age(left) + " left";
        return text + ", took " + format_duration(*expected_) + " before";
    }

    Lines lines_;
    bool is_terminal_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ends_ = false;
    bool is_drawn_ = false;
    std::optional<StageProgress> now_;
    Clock::time_point since_;
    Clock::time_point drawn_at_;
    std::uint64_t bytes_before_ = 0;  // when the stage was first told of
    Earlier earlier_;
    bool is_asked_ = false;
    std::optional<std::chrono::milliseconds> expected_;
    std::optional<LineClearing> line_clearing_;
    std::thread thread_;  // the last: it uses the others
};

StageLine::StageLine(Lines lines) {
    const bool is_shown = is_terminal(Stream::error);
    if (is_shown || lines == Lines::per_stage) ticker_ = std::make_shared<Ticker>(lines, is_shown);
}

StageLine::~StageLine() { clear(); }

void StageLine::listen(Options& options) {
    if (!ticker_) return;
    options.progress = [ticker = ticker_](const StageProgress& now) { ticker->tell(now); };
    if (!ticker_->is_terminal()) return;
    options.log_sink = [ticker = ticker_](LogLevel level, std::string_view message) {
        ticker->log(level, message);
    };
}

void StageLine::expect(Earlier earlier) {
    if (ticker_) ticker_->expect(std::move(earlier));
}

void StageLine::clear() {
    if (ticker_) ticker_->clear();
}

}  // namespace larder::cli
