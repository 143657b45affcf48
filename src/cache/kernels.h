// Kernels that a device makes while a model runs, kept beside its blob: the device reads them from
// a private directory, and writes new ones there.
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
#include "cache/lookout.h"
#include "format/manifest.h"
#include "os/system.h"
#include "store/store.h"

namespace larder::internal::cache {

// In the manifest of a blob whose device makes kernels when the model runs.
inline constexpr const char* k_kernels_note = "kernels";

// The key inputs of the entry that holds the kernels of a blob.
[[nodiscard]] format::KeyInputs kernel_inputs(const format::KeyInputs& blob_inputs);
// The entry of the blob's kernels, without any.
[[nodiscard]] format::Manifest kernel_manifest(const format::Manifest& blob);
// The key of the blob's entry, in hexadecimal; empty for an entry that holds no kernels.
[[nodiscard]] std::string kernels_of(const format::Manifest& manifest);

// A directory of kernels, in use by this process. Thread-safe.
class KernelDirectory {
public:
    // `manifest` as of kernel_manifest. `log` and what `system` refers to must outlive it.
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

    // Brings in the kernels that are kept, unless a process has crashed with these. Which they are,
    // for a trial; nothing if there are none.
    [[nodiscard]] std::optional<Digest> begin();
    // In its place: whatever is kept, all are to be made anew.
    void begin_anew();
    // Keeps what the device has made since, and brings in what others have kept. True if there was
    // anything. Waits no longer than `limit` for another process that does the same.
    bool exchange(std::chrono::nanoseconds limit);

private:
    // What the device may be given of an entry.
    [[nodiscard]] std::optional<format::Manifest> find_kept() const;
    [[nodiscard]] bool take_in(const format::Manifest& kept);
    // Those that the device has finished and `kept` does not have.
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
    bool may_read_ = true;  // what is kept; true again once this process has replaced it
};

// All of one session. Thread-safe.
class KernelKeeping {
public:
    KernelKeeping() = default;
    KernelKeeping(const KernelKeeping&) = delete;
    KernelKeeping& operator=(const KernelKeeping&) = delete;
    ~KernelKeeping() = default;

    // The directory of `manifest` (kernel_manifest), made on the first call.
    [[nodiscard]] Result<std::shared_ptr<KernelDirectory>> open(
        const os::System& system, Log& log, const std::shared_ptr<store::Store>& store,
        const format::Manifest& manifest);
    // Keeps what devices have made by now.
    void keep();

private:
    [[nodiscard]] std::vector<std::shared_ptr<KernelDirectory>> all();
    bool exchange_all(const std::stop_token& stop);

    std::mutex mutex_;
    std::vector<std::shared_ptr<KernelDirectory>> directories_;
    Lookout lookout_{[this](const std::stop_token& stop) { return exchange_all(stop); }};
};

}  // namespace larder::internal::cache
