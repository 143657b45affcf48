#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <mutex>
#include <unordered_set>
#include <utility>

namespace larder::internal {
namespace {

std::string_view level_prefix(LogLevel level) {
    switch (level) {
        case LogLevel::error: return "error: ";
        case LogLevel::warn: return "warning: ";
        case LogLevel::info: return "";
        case LogLevel::debug: return "debug: ";
    }
    return "";
}

}  // namespace

struct Log::State {
    Sink sink;
    std::atomic<bool> is_muted{false};
    std::mutex mutex;
    std::unordered_set<std::string> said;
};

Log::Log(LogLevel level) : Log(level, write_to_standard_error) {}

Log::Log(LogLevel level, Sink sink) : level_(level), state_(std::make_unique<State>()) {
    state_->sink = std::move(sink);
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view message) {
    if (enabled(level) && !state_->is_muted) state_->sink(level, message);
}

void Log::answer(std::string_view message) {
    if (!state_->is_muted) state_->sink(LogLevel::info, message);
}

// Writes in one call, so that lines of several threads stay whole; and by the C library, whose lock
// a child made by fork finds free.
void Log::write_to_standard_error(LogLevel level, std::string_view message) {
    std::string line = "larder: ";
    line.append(level_prefix(level)).append(message).append("\n");
    static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
}

void Log::mute() noexcept { state_->is_muted = true; }

void Log::warn_once(std::string_view cause, std::string_view message) {
    {
        const std::lock_guard lock(state_->mutex);
        if (!state_->said.insert(std::string(cause)).second) return;
    }
    warn(message);
}

}  // namespace larder::internal
