// Publishes files that a device writes to its private cache directory after its model is ready: the
// blob of a GPU that AUTO switches to, or kernels at the first inference.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/log.h"
#include "cache/entries/lookout.h"
#include "format/manifest.h"
#include "store/store.h"

namespace larder::internal::cache {

// All such directories of one session. Its thread publishes files soon after they are complete, so
// that they are not lost if the program is killed. Thread-safe.
class LateFiles {
public:
    LateFiles() = default;
    LateFiles(const LateFiles&) = delete;
    LateFiles& operator=(const LateFiles&) = delete;
    ~LateFiles() = default;

    // The directory lives as long as this object. `began_at_ns` is when this process began to
    // compile, if it did. `log` must outlive this object.
    void retain(Log& log, std::shared_ptr<store::Store> store, store::PrivateDirectory directory,
                format::Manifest manifest, std::optional<std::int64_t> began_at_ns);
    // Publishes the files that devices have written so far.
    void keep();

private:
    struct Retained {
        Log& log;
        std::shared_ptr<store::Store> store;  // outlives the directory
        store::PrivateDirectory directory;
        format::Manifest manifest;
        std::optional<std::int64_t> began_at_ns;  // of a compile in this process
        std::mutex mutex{};
    };
    enum class Asked { in_between, at_the_end };

    // True if there was anything to publish.
    static bool keep(Retained& retained, Asked asked);
    bool look(const std::stop_token& stop);
    [[nodiscard]] std::vector<std::shared_ptr<Retained>> all();

    std::mutex mutex_;
    std::vector<std::shared_ptr<Retained>> retained_;
    Lookout lookout_{[this](const std::stop_token& stop) { return look(stop); }};
};

}  // namespace larder::internal::cache
