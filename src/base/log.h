// Logging, passed by reference: there is no global logger.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "larder/options.hpp"

namespace larder::internal {

using larder::LogLevel;

// Thread-safe. Messages go to a sink: standard error by default.
class Log {
public:
    using Sink = std::function<void(LogLevel, std::string_view message)>;

    // Writes "larder: warning: …" lines to standard error.
    explicit Log(LogLevel level = LogLevel::warn);
    Log(LogLevel level, Sink sink);
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;
    ~Log();

    [[nodiscard]] bool enabled(LogLevel level) const noexcept { return level <= level_; }

    void error(std::string_view message) { write(LogLevel::error, message); }
    void warn(std::string_view message) { write(LogLevel::warn, message); }
    void info(std::string_view message) { write(LogLevel::info, message); }
    void debug(std::string_view message) { write(LogLevel::debug, message); }
    // Logs an info message that the user asked for, whatever the level.
    void answer(std::string_view message);

    // Writes "larder: warning: …", or for an info "larder: …", to standard error.
    static void write_to_standard_error(LogLevel level, std::string_view message);

    // Writes nothing from now on: the owner of the sink may be gone.
    void mute() noexcept;

    // Warns once for each `cause` in this log's life: a full disk fails every publish, and the user
    // needs to read that only once.
    void warn_once(std::string_view cause, std::string_view message);

private:
    void write(LogLevel level, std::string_view message);

    LogLevel level_;
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace larder::internal
