#pragma once

#include "model/memory.h"
#include "state/state.h"

namespace larder::internal::cache {

// The state's fingerprints of files, through the interface of model/.
class RememberedFingerprints final : public model::FingerprintMemory {
public:
    // `state` must outlive it.
    explicit RememberedFingerprints(state::State& state) : state_(state) {}
    std::optional<Digest> find(const os::FileStamp& stamp) override {
        return state_.fingerprint(stamp);
    }
    void remember(const os::FileStamp& stamp, const Digest& digest) override {
        state_.remember_fingerprint(stamp, digest);
    }
    std::optional<std::string> find_derived(const os::FileStamp& stamp,
                                            std::string_view kind) override {
        return state_.derived(stamp, kind);
    }
    void remember_derived(const os::FileStamp& stamp, std::string_view kind,
                          std::string_view text) override {
        state_.remember_derived(stamp, kind, text);
    }

private:
    state::State& state_;
};

}  // namespace larder::internal::cache
