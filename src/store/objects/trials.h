// Detects blobs that crash the process when they are loaded, so that they do so only a few times: a
// load leaves a locked marker, whose mode a crash changes (os/crash_marks.h). A marker with an
// unchanged mode belongs to a process that ended in another way, and means nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "os/file_system.h"
#include "store/disk/types.h"

namespace larder::internal::store {

struct Context;

// A trial of one load, or of one compile in its place. Must not outlive the store's file system.
class Trial {
public:
    Trial(Trial&&) noexcept = default;
    Trial& operator=(Trial&&) noexcept;
    Trial(const Trial&) = delete;
    Trial& operator=(const Trial&) = delete;
    // Calls end().
    ~Trial();

    // The process survived, with whatever result. Later calls do nothing.
    void end() noexcept;
    // The load is over, and the first use begins: from now on only a fault counts. Programs may
    // abort for reasons of their own, also when they exit.
    void note_loaded() noexcept;

private:
    friend Result<Trial> begin_trial(Context&, const Digest&);
    Trial(os::FileSystem& fs, std::unique_ptr<os::File> file, std::string path);

    os::FileSystem* fs_;
    std::unique_ptr<os::File> file_;
    std::string path_;
    Ownership ownership_;
};

// The number of trials that ended with a crash and still count.
struct CrashCount {
    std::uint64_t crashes = 0;
    std::set<std::string> signals;  // by name
    std::int64_t last_ns = 0;       // since the epoch
};

// A crash counts for this long: after that the runtime, the driver or the program may have changed.
inline constexpr std::int64_t k_crash_counts_ns = std::int64_t{24} * 3600 * 1'000'000'000;

// See Store for the contracts. `subject` is an object's digest or a key's.
[[nodiscard]] Result<Trial> begin_trial(Context& context, const Digest& subject);
[[nodiscard]] Result<CrashCount> count_crashes(Context& context, const Digest& subject);
[[nodiscard]] Result<void> mark_proven(Context& context, const Digest& object);
[[nodiscard]] bool is_proven(Context& context, const Digest& object);
void forget_trials(Context& context, const Digest& subject) noexcept;

}  // namespace larder::internal::store
