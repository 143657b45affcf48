#include "api/convert.h"

#include <cstdlib>
#include <utility>

#include "os/environment.h"
#include "os/file_size_limit.h"

namespace larder::api {
namespace {

ErrorCode public_code(internal::Errc code) {
    using internal::Errc;
    switch (code) {
        case Errc::not_found: return ErrorCode::not_found;
        case Errc::permission_denied: return ErrorCode::permission_denied;
        case Errc::read_only: return ErrorCode::read_only;
        case Errc::no_space: return ErrorCode::no_space;
        case Errc::damaged: return ErrorCode::damaged;
        case Errc::unsupported:
        case Errc::incompatible: return ErrorCode::unsupported;
        case Errc::timed_out:
        case Errc::busy: return ErrorCode::timed_out;
        case Errc::invalid_argument: return ErrorCode::invalid_argument;
        case Errc::already_exists:
        case Errc::too_many_files:
        case Errc::io: return ErrorCode::io;
    }
    return ErrorCode::io;
}

// Returns the value of a variable that holds an absolute path, as the XDG base directory
// specification requires.
std::filesystem::path directory_in(const char* variable) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value != '/') return {};
    return value;
}

std::filesystem::path below_home(const char* variable, const char* in_home) {
    if (auto base = directory_in(variable); !base.empty()) return base / "larder";
    if (auto home = home_directory(); !home.empty()) return home / in_home / "larder";
    return {};
}

}  // namespace

Error public_error(const internal::Error& error) {
    auto plain = error;
    plain.remedy.clear();
    return {public_code(error.code), plain.message(), error.remedy};
}

void throw_public(const internal::Error& error) { throw public_error(error); }

std::unique_ptr<internal::Log> make_log(const Configuration& configuration) {
    auto sink = configuration.log_sink;
    if (!sink) {
        sink = [](LogLevel level, std::string_view message) {
            // Standard error may be a file.
            const internal::os::FileSizeLimitGuard guard;
            internal::Log::write_to_standard_error(level, message);
        };
    }
    return std::make_unique<internal::Log>(configuration.log_level, std::move(sink));
}

internal::store::OpenOptions open_options(const Configuration& configuration,
                                          internal::store::History& history,
                                          internal::store::Access access) {
    using internal::store::WorldWritable;
    internal::store::OpenOptions options;
    options.directory = configuration.directory.string();
    options.state_directory = configuration.state_directory.string();
    options.access = access;
    options.max_size = configuration.max_size;
    options.min_free = configuration.min_free;
    options.history = &history;
    options.world_writable =
        configuration.allow_world_writable ? WorldWritable::allow : WorldWritable::refuse;
    return options;
}

std::chrono::system_clock::time_point time_point(std::int64_t since_epoch_ns) {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(
            std::chrono::nanoseconds(since_epoch_ns)));
}

void add(Stats::Outcomes& sum, const internal::state::EventSum& events) {
    const auto took = std::chrono::milliseconds(events.total_ms);
    if (events.outcome == "compiled") {
        sum.compiled += events.count;
        sum.compiled_time += took;
    }
    if (events.outcome == "loaded") {
        sum.loaded += events.count;
        sum.loaded_time += took;
    }
    if (events.outcome == "waited") {
        sum.waited += events.count;
        sum.waited_time += took;
    }
    if (events.outcome == "bypassed") sum.bypassed += events.count;
    if (events.outcome == "refused") sum.refused += events.count;
    sum.saved += std::chrono::milliseconds(events.saved_ms);
}

std::vector<Stats::Remote> remotes(internal::state::State& state) {
    std::vector<Stats::Remote> found;
    for (const auto& [url, use] : state.remotes()) {
        Stats::Remote remote;
        remote.url = url;
        remote.hits = use.hits;
        remote.misses = use.misses;
        remote.failures = use.failures;
        remote.fetched_bytes = use.fetched_bytes;
        remote.fetch_time = std::chrono::milliseconds(use.fetch_ms);
        remote.sent_entries = use.sent;
        remote.sent_bytes = use.sent_bytes;
        if (use.rests_until_ns > 0) remote.rests_until = time_point(use.rests_until_ns);
        remote.last_fault = use.fault;
        if (use.fault_at_ns > 0) remote.last_fault_at = time_point(use.fault_at_ns);
        found.push_back(std::move(remote));
    }
    return found;
}

Compiling compiling(const internal::store::CompileLockHolder& holder) {
    Compiling found{holder.key.hex(), holder.purpose, holder.process, holder.is_of_this_machine,
                    time_point(holder.since_ns)};
    for (const auto& user : holder.waiting) {
        found.waiting.push_back({user.process, user.program, time_point(user.started_at_ns)});
    }
    return found;
}

std::filesystem::path home_directory() {
    const char* const variable = std::getenv("HOME");
    std::filesystem::path home = variable == nullptr ? "" : variable;
    if (home.empty()) {
        const auto files = internal::os::make_posix_file_system();
        home = internal::os::home_of_this_user(*files, "/etc/passwd");
    }
    return home.is_absolute() ? home : std::filesystem::path{};
}

Options with_defaults(Options options) {
    if (options.directory.empty()) options.directory = below_home("XDG_CACHE_HOME", ".cache");
    if (options.state_directory.empty()) {
        options.state_directory = below_home("XDG_STATE_HOME", ".local/state");
    }
    return options;
}

}  // namespace larder::api
