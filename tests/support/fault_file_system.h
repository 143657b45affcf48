// A file system that fails selected calls, and counts all calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/intercepted_file_system.h"

namespace larder::internal::support {

// Counts calls, and keeps them in order. Thread-safe.
class CountingFileSystem : public InterceptedFileSystem {
public:
    using InterceptedFileSystem::InterceptedFileSystem;

    [[nodiscard]] std::uint64_t calls() const;
    [[nodiscard]] std::uint64_t calls(Operation operation) const;
    // "write /tmp/x", one a line; for messages of failed tests and for documents.
    [[nodiscard]] std::string transcript() const;
    // The files on which an operation was called.
    [[nodiscard]] std::set<std::string> paths(Operation operation) const;
    void reset();

protected:
    std::optional<Error> before(const Call& call) override;

private:
    struct Record {
        Operation operation;
        std::string path;
        std::string target;
    };
    mutable std::mutex mutex_;
    std::vector<Record> records_;
};

// Fails the selected calls. A write that fails with ENOSPC has written half of its bytes.
// Thread-safe, but faults must be set while no other thread uses it.
class FaultFileSystem final : public CountingFileSystem {
public:
    using CountingFileSystem::CountingFileSystem;

    // The call after `calls_before` others from now on, once.
    void fail_once_after(std::uint64_t calls_before, int system_errno);
    // Every call from that one on.
    void fail_always_after(std::uint64_t calls_before, int system_errno);
    // Every call for which `matches` is true, and no other.
    void fail_where(std::function<bool(const Call&)> matches, int system_errno);
    void fail_all(Operation operation, int system_errno);
    void heal();

    // The number of failed calls since the last of the above.
    [[nodiscard]] std::uint64_t faults() const { return faults_; }
    // The first of them.
    [[nodiscard]] std::string first_fault() const;

protected:
    std::optional<Error> before(const Call& call) override;

private:
    void arm(std::function<bool(const Call&)> matches, int system_errno);

    mutable std::mutex mutex_;
    std::function<bool(const Call&)> matches_;
    int system_errno_ = 0;
    std::atomic<std::uint64_t> faults_{0};
    std::string first_fault_;
};

}  // namespace larder::internal::support
