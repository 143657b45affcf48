// The storages of LARDER_REMOTE, with what this machine remembers of them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exchange/shared_entries.h"
#include "exchange_verbs/open_larder.h"
#include "remote/address.h"
#include "remote/signature.h"

namespace larder::cli {

struct StorageInUse {
    std::size_t place = 0;  // among the URLs
    std::string url;
    bool is_read_only = false;  // or there is no key to sign with
    internal::exchange::Trust trust;
    std::unique_ptr<internal::remote::Tier> tier;
};

struct Patience {
    std::function<bool()> is_ended;
    internal::remote::HttpLimits limits;
};

class StoragesInUse {
public:
    // Throws Error if a key cannot be read. A storage that cannot be opened has failed, and is left
    // out, as those that rest are.
    StoragesInUse(OpenLarder& larder, const Patience& patience);

    [[nodiscard]] std::vector<StorageInUse>& all() { return all_; }
    [[nodiscard]] const internal::remote::SigningKey* signing_key() const {
        return key_ ? &*key_ : nullptr;
    }

    void note_failure(const std::string& url, const std::string& fault);

private:
    OpenLarder& larder_;
    std::optional<internal::remote::SigningKey> key_;
    std::vector<StorageInUse> all_;
};

// Records that keys or settings, which all storages need, cannot be used.
void note_unusable(OpenLarder& larder, const Error& error);

// The state of an entry in the queue.
enum class Queued {
    no,       // it is sent, or never will be
    waiting,  // for a process that sends; there is none now
    sending,  // a process sends the queue
};
[[nodiscard]] Queued look_at_queue(OpenLarder& larder, const internal::format::Key& key);

// Sends the entries of the queue (cache/tiers/tiers.h) unless another process does. A storage that
// fails gets the rest at another time.
void send_queued(OpenLarder& larder);

}  // namespace larder::cli
