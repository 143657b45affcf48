// Publishes kernels that a device makes while a model runs. The device reads stored kernels from a
// private directory, and writes new ones there.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/log.h"
#include "cache/entries/lookout.h"
#include "format/manifest.h"
#include "os/system.h"
#include "store/store.h"

namespace larder::internal::cache {

// The note in the manifest of a blob whose device makes kernels while the model runs.
inline constexpr const char* k_kernels_note = "kernels";

// Returns the key inputs of the entry that holds the kernels of a blob.
[[nodiscard]] format::KeyInputs kernel_inputs(const format::KeyInputs& blob_inputs);
// Returns the entry of the blob's kernels, without any kernel.
[[nodiscard]] format::Manifest kernel_manifest(const format::Manifest& blob);
// Returns the key of the blob's entry, in hexadecimal; empty for an entry that holds no kernels.
[[nodiscard]] std::string kernels_of(const format::Manifest& manifest);

// A directory of kernels that this process uses. Thread-safe.
class KernelDirectory {
public:
    // `manifest` is that of kernel_manifest. `log`, and the objects that `system` refers to, must
    // outlive this.
    KernelDirectory(const os::System& system, Log& log, std::shared_ptr<store::Store> store,
                    store::PrivateDirectory directory, format::Manifest manifest)
        : system_(system),
          log_(log),
          store_(std::move(store)),
          directory_(std::move(directory)),
          manifest_(std::move(manifest)) {}

    [[nodiscard]] const std::string& path() const { return directory_.path(); }
    [[nodiscard]] bool is_of(const store::Store& store, const format::Manifest& manifest) const;
    [[nodiscard]] bool is_there() const { return system_.fs.link_info(path()).has_value(); }

    // Copies the stored kernels into the directory, unless a process has crashed with them. Returns
    // a digest of them for a trial; nothing if there are none.
    [[nodiscard]] std::optional<Digest> begin();
    // To be called instead of begin(): ignores the stored kernels, so that all are made anew.
    void begin_anew();
    // Publishes the kernels that the device has made since, and copies in those that other
    // processes have published. True if there were any. Waits at most `limit` for another process
    // that does the same.
    bool exchange(std::chrono::nanoseconds limit);

private:
    // Returns the entry whose kernels the device may get.
    [[nodiscard]] std::optional<format::Manifest> find_kept() const;
    [[nodiscard]] bool take_in(const format::Manifest& kept);
    // Reads the kernels that the device has finished and `kept` does not have.
    [[nodiscard]] std::vector<store::PartSource> read_new(const store::Harvest& harvest,
                                                          const format::Manifest& kept) const;
    [[nodiscard]] Result<bool> keep_new(const store::Harvest& harvest,
                                        std::chrono::nanoseconds limit);

    os::System system_;
    Log& log_;
    std::shared_ptr<store::Store> store_;
    std::mutex mutex_;
    store::PrivateDirectory directory_;
    format::Manifest manifest_;
    bool may_read_ = true;  // the stored kernels; true again once this process has replaced them
};

// All kernel directories of one session. Thread-safe.
class KernelKeeping {
public:
    KernelKeeping() = default;
    KernelKeeping(const KernelKeeping&) = delete;
    KernelKeeping& operator=(const KernelKeeping&) = delete;
    ~KernelKeeping() = default;

    // Returns the directory of `manifest` (kernel_manifest), which the first call creates.
    [[nodiscard]] Result<std::shared_ptr<KernelDirectory>> open(
        const os::System& system, Log& log, const std::shared_ptr<store::Store>& store,
        const format::Manifest& manifest);
    // Publishes the kernels that devices have made so far.
    void keep();

private:
    [[nodiscard]] std::vector<std::shared_ptr<KernelDirectory>> all();
    bool exchange_all(const std::stop_token& stop);

    std::mutex mutex_;
    std::vector<std::shared_ptr<KernelDirectory>> directories_;
    Lookout lookout_{[this](const std::stop_token& stop) { return exchange_all(stop); }};
};

}  // namespace larder::internal::cache
