#include "base/log.h"

#include <mutex>
#include <unordered_set>
#include <utility>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace larder::internal {
namespace {

std::string_view level_word(LogLevel level) {
    switch (level) {
        case LogLevel::error: return "error";
        case LogLevel::warn: return "warning";
        case LogLevel::info: return "info";
        case LogLevel::debug: return "debug";
    }
    return "?";
}

Log::Sink standard_error_sink() {
    auto logger = std::make_shared<spdlog::logger>(
        "larder", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_level(spdlog::level::trace);
    logger->set_pattern("%v");
    logger->flush_on(spdlog::level::trace);
    return [logger](LogLevel level, std::string_view message) {
        logger->info("larder: {}: {}", level_word(level), message);
    };
}

}  // namespace

struct Log::State {
    Sink sink;
    std::mutex mutex;
    std::unordered_set<std::string> said;
};

Result<LogLevel> parse_log_level(std::string_view text) {
    if (text == "error") return LogLevel::error;
    if (text == "warn") return LogLevel::warn;
    if (text == "info") return LogLevel::info;
    if (text == "debug") return LogLevel::debug;
    return fail(Errc::invalid_argument, "'" + std::string(text) + "' is not a log level", {},
                "use error, warn, info or debug");
}

Log::Log(LogLevel level) : Log(level, standard_error_sink()) {}

Log::Log(LogLevel level, Sink sink) : level_(level), state_(std::make_unique<State>()) {
    state_->sink = std::move(sink);
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view message) {
    if (enabled(level)) state_->sink(level, message);
}

void Log::warn_once(std::string_view cause, std::string_view message) {
    {
        const std::lock_guard lock(state_->mutex);
        if (!state_->said.insert(std::string(cause)).second) return;
    }
    warn(message);
}

}  // namespace larder::internal
