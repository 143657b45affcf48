// Sends entries that were published here: the work of "larder --transfer send".
#include <algorithm>
#include <chrono>
#include <set>

#include "cache/tiers/tiers.h"
#include "cli/failure.h"
#include "exchange/leases.h"
#include "exchange/push.h"
#include "exchange_verbs/storages_in_use.h"
#include "exchange_verbs/transfer.h"
#include "process/hidden_program.h"

namespace larder::cli {
namespace {

namespace exchange = internal::exchange;
namespace os = internal::os;

constexpr std::chrono::hours k_lifetime{1};
// A note that could not be served for so long is given up.
constexpr std::chrono::nanoseconds k_note_age_max = std::chrono::hours(24 * 7);
// New notes come while others are sent.
constexpr int k_rounds_max = 100;

class Queue {
public:
    explicit Queue(OpenLarder& larder)
        : larder_(larder),
          fs_(larder.system().fs),
          path_(internal::cache::send_queue(larder.configuration().state_directory.string(),
                                            larder.store().id())) {}

    // The notes that were not tried yet.
    [[nodiscard]] std::vector<internal::format::Key> next() {
        std::vector<internal::format::Key> keys;
        const auto files = fs_.list(path_);
        if (!files) return keys;
        const auto now_ns = larder_.system().clock.wall().count();
        for (const auto& file : *files) {
            const auto key = internal::format::Key::from_hex(file.name);
            if (!key || tried_.contains(*key)) continue;
            const auto info = fs_.info(os::join(path_, file.name));
            if (info && now_ns - info->stamp.mtime_ns > k_note_age_max.count()) {
                remove(*key);
                continue;
            }
            keys.push_back(*key);
            tried_.insert(*key);
        }
        return keys;
    }
    void remove(const internal::format::Key& key) {
        static_cast<void>(fs_.remove(os::join(path_, key.hex())));
    }

    [[nodiscard]] bool contains(const internal::format::Key& key) {
        return fs_.link_info(os::join(path_, key.hex())).has_value();
    }
    // Whether another process sends.
    [[nodiscard]] bool is_locked() {
        const auto file = fs_.open(os::join(path_, k_lock), os::OpenMode::read);
        return file && (*file)->is_locked().value_or(false);
    }
    // Null if another process sends; held until the result is gone.
    [[nodiscard]] std::unique_ptr<os::File> lock() {
        auto file = fs_.open(os::join(path_, k_lock), os::OpenMode::create_or_open, 0600);
        if (!file || !(*file)->try_lock()) return nullptr;
        return std::move(*file);
    }

private:
    static constexpr const char* k_lock = ".lock";

    OpenLarder& larder_;
    os::FileSystem& fs_;
    std::string path_;
    std::set<internal::format::Key> tried_;
};

// Whether the storage has the entry now, or never will.
bool send_to(OpenLarder& larder, StoragesInUse& storages, StorageInUse& storage,
             const internal::format::Key& key) {
    const auto sent = exchange::push(larder.store(), *storage.tier, std::span(&key, 1),
                                     storages.signing_key(), [](auto, auto) { return true; });
    if (!sent || sent->entries.empty()) {
        storages.note_failure(storage.url, sent ? "nothing was sent" : sent.error().message());
        return false;
    }
    const auto& moved = sent->entries.front();
    if (moved.state == exchange::Moved::State::failed) {
        storages.note_failure(storage.url, moved.reason);
        return false;
    }
    if (moved.state == exchange::Moved::State::skipped) return true;
    internal::state::RemoteUse use;
    use.url = storage.url;
    use.sent = moved.state == exchange::Moved::State::moved ? 1 : 0;
    use.sent_bytes = moved.bytes;
    larder.state().note_remote(use);
    exchange::drop_leases(*storage.tier, key);
    return true;
}

void send_all(OpenLarder& larder, Queue& queue, const std::vector<internal::format::Key>& keys) {
    StoragesInUse storages(larder, {});
    const auto writable = [](const StorageInUse& storage) { return !storage.is_read_only; };
    const auto& urls = larder.configuration().remote;
    // One that rests, or could not be opened, gets the entries later.
    bool all_are_there = storages.all().size() == urls.size();
    std::set<std::size_t> failed;
    for (const auto& key : keys) {
        bool is_sent = all_are_there;
        for (auto& storage : storages.all()) {
            if (!writable(storage)) continue;
            if (failed.contains(storage.place) || !send_to(larder, storages, storage, key)) {
                failed.insert(storage.place);
                is_sent = false;
            }
        }
        if (is_sent) queue.remove(key);
    }
}

}  // namespace

Queued look_at_queue(OpenLarder& larder, const internal::format::Key& key) {
    if (larder.configuration().state_directory.empty()) return Queued::no;
    Queue queue(larder);
    // Before the note: it is removed before the lock is released.
    const bool is_sending = queue.is_locked();
    if (!queue.contains(key)) return Queued::no;
    return is_sending ? Queued::sending : Queued::waiting;
}

void send_queued(OpenLarder& larder) {
    if (larder.configuration().state_directory.empty()) return;
    Queue queue(larder);
    auto keys = queue.next();
    if (keys.empty()) return;
    internal::process::run_in_background();
    internal::process::set_lifetime(k_lifetime);
    for (int round = 0; round < k_rounds_max && !keys.empty(); ++round) {
        {
            // Released before the last look at the queue, so that a note which comes meanwhile
            // finds this process or no other.
            const auto lock = queue.lock();
            if (!lock) return;
            send_all(larder, queue, keys);
        }
        keys = queue.next();
    }
}

int send_for_host(const Context& context) {
    OpenLarder larder(context.options(), internal::store::Access::read_only);
    try {
        send_queued(larder);
    } catch (const Error& error) {
        note_unusable(larder, error);
        return k_failed;
    }
    return k_done;
}

}  // namespace larder::cli
