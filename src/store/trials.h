// A blob that takes the process down when it is loaded must not do so for ever: a load leaves a
// locked marker, and a marker whose lock is free belongs to a process that died. Its mode says
// when, and of what.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "os/file_system.h"
#include "store/types.h"

namespace larder::internal::store {

struct Context;

// One load under suspicion. Must not outlive the store's file system.
class Trial {
public:
    Trial(Trial&&) noexcept = default;
    Trial& operator=(Trial&&) noexcept;
    Trial(const Trial&) = delete;
    Trial& operator=(const Trial&) = delete;
    // As end().
    ~Trial();

    // The process survived, whatever else came of it. Does nothing the second time.
    void end() noexcept;
    // The load is over, and the first use begins. It may be cut short by many things that say
    // nothing of the object: people stop programs, and jobs end without ceremony. From now on only
    // a crash makes a dead trial, and only where the program leaves it to us to notice one.
    void note_loaded() noexcept;

private:
    friend Result<Trial> begin_trial(Context&, const Digest&);
    Trial(os::FileSystem& fs, std::unique_ptr<os::File> file, std::string path);

    os::FileSystem* fs_;
    std::unique_ptr<os::File> file_;
    std::string path_;
    Ownership ownership_;
};

// See Store for the contracts.
[[nodiscard]] Result<Trial> begin_trial(Context& context, const Digest& object);
[[nodiscard]] Result<std::uint64_t> dead_trials(Context& context, const Digest& object);
[[nodiscard]] Result<void> mark_proven(Context& context, const Digest& object);
[[nodiscard]] bool is_proven(Context& context, const Digest& object);
void forget_trials(Context& context, const Digest& object) noexcept;

}  // namespace larder::internal::store
