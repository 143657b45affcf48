// Progress of a request while it runs.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "larder/options.hpp"
#include "runtime/runtime.h"

namespace larder::internal::cache {

using larder::Stage;
using Progress = larder::StageProgress;

// Called from any thread.
using ProgressSink = std::function<void(const Progress&)>;

// The stages of one request, for whoever listens; else the log has them. Begun on one thread at a
// time; add() may be called from any.
class StageMeter {
public:
    // Both must outlive it.
    StageMeter(const ProgressSink& sink, Log& log) : sink_(sink), log_(log) {}
    StageMeter(const StageMeter&) = delete;
    StageMeter& operator=(const StageMeter&) = delete;
    ~StageMeter() = default;

    void begin(Progress progress);
    // So many bytes more; cheap where nobody listens.
    void add(std::uint64_t bytes);
    // As add(), and empty where nobody listens. Not to be called after the meter is gone.
    [[nodiscard]] std::function<void(std::uint64_t)> adder();

private:
    const ProgressSink& sink_;
    Log& log_;
    Progress now_;
    std::atomic<std::uint64_t> done_{0};
};

// Passes on what is written, and counts it.
class MeteredSink final : public runtime::BlobSink {
public:
    MeteredSink(runtime::BlobSink& sink, StageMeter& meter) : sink_(sink), meter_(meter) {}
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override;

private:
    runtime::BlobSink& sink_;
    StageMeter& meter_;
};

}  // namespace larder::internal::cache
