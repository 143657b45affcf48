// A file system on which another program acts, at a moment that the test chooses.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "support/intercepted_file_system.h"

namespace larder::internal::support {

// Thread-safe, except meddle_before and place, which must be called while no other thread uses it.
class MeddledFileSystem final : public InterceptedFileSystem {
public:
    using InterceptedFileSystem::InterceptedFileSystem;

    // `action` is called once, before the call with that number (from 0 on) of those from now on
    // for which `counts`. It may use the files, but not this file system.
    void meddle_before(std::uint64_t number, std::function<bool(const Call&)> counts,
                       std::function<void()> action) {
        left_ = static_cast<std::int64_t>(number);
        is_done_ = false;
        counts_ = std::move(counts);
        action_ = std::move(action);
    }
    void stop() { counts_ = {}; }
    // Whether there was a call with that number.
    [[nodiscard]] bool is_done() const { return is_done_; }

    // Reports this for all files in `directory`.
    void place(std::string directory, os::Locality locality) {
        directory_ = std::move(directory);
        locality_ = locality;
    }
    Result<os::SpaceInfo> space(const std::string& path) override {
        auto space = InterceptedFileSystem::space(path);
        if (space && !directory_.empty() && path.starts_with(directory_)) {
            space->locality = locality_;
        }
        return space;
    }

protected:
    std::optional<Error> before(const Call& call) override {
        if (counts_ && counts_(call) && left_.fetch_sub(1) == 0) {
            is_done_ = true;
            action_();
        }
        return std::nullopt;
    }

private:
    std::function<bool(const Call&)> counts_;
    std::function<void()> action_;
    std::atomic<std::int64_t> left_{0};
    std::atomic<bool> is_done_{false};
    std::string directory_;
    os::Locality locality_ = os::Locality::local;
};

}  // namespace larder::internal::support
