#include "exchange/push.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/hex.h"
#include "exchange/shared_entries.h"
#include "format/shared_entry.h"

namespace larder::internal::exchange {
namespace {

// Of an object that is sent, so that a large one does not take the memory of others.
constexpr std::uint64_t k_resident_bytes_max = k_chunk_size_bytes;

bool has_object(remote::Tier& tier, const format::Part& part) {
    const auto stored = tier.find(object_name(part.object));
    return stored && stored->bytes == part.bytes;
}

// Counts what has been sent, of all entries.
class Sender {
public:
    Sender(store::Store& store, remote::Tier& tier, const remote::SigningKey* signing_key,
           const Progress& progress, std::uint64_t total)
        : store_(store),
          tier_(tier),
          signing_key_(signing_key),
          progress_(progress),
          total_(total) {}

    // Whether anything was sent.
    Result<bool> send(const format::Manifest& manifest, std::uint64_t& sent) {
        bool is_new = false;
        for (const auto& part : manifest.parts) {
            // A prune that runs meanwhile leaves a young object alone, until the entry names it.
            if (has_object(tier_, part) && tier_.refresh(object_name(part.object))) continue;
            if (auto done = send_object(manifest.key, part); !done) return fail(done.error());
            sent += part.bytes;
            is_new = true;
        }
        // Last: an entry never names an object that is missing.
        auto named = send_entry(manifest);
        if (!named) return fail(std::move(named.error()));
        return is_new || *named;
    }
    [[nodiscard]] bool goes_on() const { return !progress_ || progress_(done_, total_); }

private:
    Result<void> send_object(const format::Key& key, const format::Part& part) {
        const auto object = store_.open_object(key, part, store::Verify::once);
        if (!object) return fail(object.error());
        const auto bytes = object->bytes();
        std::uint64_t since_drop = 0;
        return tier_.write(object_name(part.object), part.bytes,
                           [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
                               std::memcpy(buffer.data(), bytes.data() + offset, buffer.size());
                               since_drop += buffer.size();
                               if (since_drop >= k_resident_bytes_max) {
                                   object->mapping->drop_resident();
                                   since_drop = 0;
                               }
                               done_ += buffer.size();
                               static_cast<void>(goes_on());
                               return {};
                           });
    }

    Result<bool> send_entry(const format::Manifest& manifest) {
        auto text = format::encode_manifest(manifest);
        if (!text) return fail(std::move(text.error()));
        // Another machine may push the same entry at the same time: no signature is lost.
        constexpr int k_attempts = 8;
        for (int attempt = 1;; ++attempt) {
            auto sent = send_entry(entry_name(manifest.key), {*text, {}});
            if (sent || sent.error().code != Errc::already_exists || attempt == k_attempts) {
                return sent;
            }
        }
    }

    Result<bool> send_entry(const std::string& name, format::SharedEntry entry) {
        const auto before_text = remote::read_text(tier_, name, format::k_shared_entry_bytes_max);
        const auto before = before_text ? format::decode_shared_entry(*before_text)
                                        : Result<format::SharedEntry>(fail(before_text.error()));
        if (before && before->manifest == entry.manifest) entry.signatures = before->signatures;
        if (signing_key_ != nullptr) {
            entry.signatures[signing_key_->public_key().hex()] =
                to_hex(signing_key_->sign(format::text_to_sign(entry)));
        }
        if (before && *before == entry && tier_.refresh(name)) return false;
        const auto encoded = format::encode_shared_entry(entry);
        const bool is_new = !before_text && before_text.error().code == Errc::not_found;
        auto done = tier_.write(
            name, encoded.size(),
            [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
                std::memcpy(buffer.data(), encoded.data() + offset, buffer.size());
                return {};
            },
            is_new ? remote::IfThere::keep : remote::IfThere::replace);
        if (!done) return fail(std::move(done.error()));
        // One that is written again only for its date was there.
        return !(before && *before == entry);
    }

    store::Store& store_;
    remote::Tier& tier_;
    const remote::SigningKey* signing_key_;
    const Progress& progress_;
    std::uint64_t done_ = 0;
    std::uint64_t total_;
};

struct Planned {
    format::Key key;
    std::optional<format::Manifest> manifest;
    std::string obstacle;  // where there is no manifest
};

Planned plan(store::Store& store, const format::Key& key) {
    auto found = store.find(key);
    if (!found.manifest) {
        return {key, {}, found.fault ? found.fault->message() : "it is not kept any more"};
    }
    const bool is_empty = std::ranges::all_of(found.manifest->parts,
                                              [](const auto& part) { return part.bytes == 0; });
    if (is_empty) return {key, {}, "the entry holds no blob: larder show says why"};
    return {key, std::move(found.manifest), {}};
}

}  // namespace

Result<Exchange> push(store::Store& store, remote::Tier& tier, std::span<const format::Key> keys,
                      const remote::SigningKey* signing_key, const Progress& progress) {
    std::vector<Planned> planned;
    planned.reserve(keys.size());
    for (const auto& key : keys) planned.push_back(plan(store, key));
    // Before anything else, so that a storage that cannot be used is one failure.
    const bool writes =
        std::ranges::any_of(planned, [](const Planned& each) { return each.manifest.has_value(); });
    if (writes) {
        if (auto prepared = tier.prepare(); !prepared) return fail(std::move(prepared.error()));
    }
    std::uint64_t total = 0;
    for (const auto& each : planned) {
        if (!each.manifest) continue;
        for (const auto& part : each.manifest->parts) {
            if (!has_object(tier, part)) total += part.bytes;
        }
    }
    Exchange exchange;
    Sender sender(store, tier, signing_key, progress, total);
    for (const auto& each : planned) {
        if (!sender.goes_on()) {
            exchange.is_complete = false;
            break;
        }
        Moved moved;
        moved.key = each.key;
        if (!each.manifest) {
            moved.state = Moved::State::skipped;
            moved.reason = each.obstacle;
            exchange.entries.push_back(std::move(moved));
            continue;
        }
        moved.model = each.manifest->model.path;
        const auto sent = sender.send(*each.manifest, moved.bytes);
        if (sent) {
            moved.state = *sent ? Moved::State::moved : Moved::State::was_there;
        } else {
            using enum Errc;
            const auto code = sent.error().code;
            if (code == no_space || code == read_only || code == permission_denied ||
                code == invalid_argument) {
                return fail(sent.error());
            }
            moved.state = Moved::State::failed;
            moved.reason = sent.error().message();
        }
        exchange.entries.push_back(std::move(moved));
    }
    return exchange;
}

}  // namespace larder::internal::exchange
