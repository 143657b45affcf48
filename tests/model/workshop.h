// Common parts of the tests of model/: models of every kind on disk, and a system that counts.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "model/fingerprint.h"
#include "model/memory.h"
#include "model/source.h"
#include "os/system.h"
#include "support/fake_clock.h"
#include "support/intercepted_file_system.h"
#include "support/temporary_directory.h"

namespace larder::internal::model {

class WatchedFileSystem final : public support::InterceptedFileSystem {
public:
    using InterceptedFileSystem::InterceptedFileSystem;

    std::atomic<int> reads{0};
    std::atomic<int> opens{0};
    std::atomic<int> syncs{0};
    // The reported kind of the models' file system, because the tests use a fast one; absent: its
    // real kind.
    std::optional<os::Locality> locality = os::Locality::local;
    // Serialises calls, because several threads read files.
    std::function<void(const support::Call&)> on_call;
    std::function<std::optional<Error>(const support::Call&)> refuse;

    Result<os::SpaceInfo> space(const std::string& path) override {
        auto info = InterceptedFileSystem::space(path);
        if (info && locality) info->locality = *locality;
        return info;
    }

private:
    std::optional<Error> before(const support::Call& call) override {
        if (call.operation == support::Operation::read) ++reads;
        if (call.operation == support::Operation::open) ++opens;
        if (call.operation == support::Operation::sync) ++syncs;
        if (on_call) {
            const std::lock_guard lock(mutex_);
            on_call(call);
        }
        if (refuse) return refuse(call);
        return {};
    }

    std::mutex mutex_;
};

class MapMemory final : public FingerprintMemory {
public:
    std::optional<Digest> find(const os::FileStamp& stamp) override;
    void remember(const os::FileStamp& stamp, const Digest& digest) override;
    std::optional<std::string> find_derived(const os::FileStamp& stamp,
                                            std::string_view kind) override;
    void remember_derived(const os::FileStamp& stamp, std::string_view kind,
                          std::string_view text) override;

    [[nodiscard]] std::size_t size() const { return digests_.size() + derived_.size(); }
    // Replaces every derived text by this one.
    void spoil_derived(const std::string& text);

private:
    using Stamp = std::vector<std::uint64_t>;

    std::mutex mutex_;
    std::map<Stamp, Digest> digests_;
    std::map<std::pair<Stamp, std::string>, std::string> derived_;
};

class ModelTest : public testing::Test {
protected:
    ModelTest();

    [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }
    // Makes the necessary directories; returns the path.
    std::string write(const std::string& name, const std::string& content) const;

    [[nodiscard]] os::System system();
    // A time at which everything written so far is settled.
    void settle();
    // A time at which bytes that are written now are not settled.
    void unsettle();
    // Waits until the clock of the file system has advanced since the change of the file.
    void wait_for_tick(const std::string& changed);

    [[nodiscard]] Result<ModelSource> find(const std::string& path);
    [[nodiscard]] Result<Fingerprinted> print(const std::string& path);
    // The fingerprint, without remembered digests; fails the test if there is none.
    [[nodiscard]] std::string hex(const std::string& path);
    [[nodiscard]] static std::vector<std::string> roles(const Result<ModelSource>& source);
    [[nodiscard]] static Errc code(const Result<ModelSource>& source);
    [[nodiscard]] static std::string message(const Result<ModelSource>& source);

    support::TemporaryDirectory directory_{support::fast_directory()};
    os::RealSystem real_;
    WatchedFileSystem fs_{real_.system().fs};
    support::FakeClock clock_;
    MapMemory memory_;
};

// A model of one kind on disk.
struct Sample {
    std::string kind;
    std::string named;  // what a user names, relative to the directory
    std::vector<std::pair<std::string, std::string>> files;  // name and content
};

// One of each kind, two of those that may have more files.
[[nodiscard]] const std::vector<Sample>& samples();

[[nodiscard]] std::string ir_xml();

}  // namespace larder::internal::model
