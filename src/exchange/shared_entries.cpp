#include "exchange/shared_entries.h"

#include <algorithm>

#include "base/hex.h"

namespace larder::internal::exchange {
namespace {

std::vector<std::string> right_signers(const format::SharedEntry& entry) {
    std::vector<std::string> signers;
    const auto text = format::text_to_sign(entry);
    for (const auto& [name, hex] : entry.signatures) {
        remote::PublicKey key{};
        remote::Signature signature{};
        if (read_hex(name, key.bytes) && read_hex(hex, signature) &&
            remote::is_signed_by(key, text, signature)) {
            signers.push_back(name);
        }
    }
    return signers;
}

bool is_trusted(const Trust& trust, const std::vector<std::string>& signers) {
    return std::ranges::any_of(trust.keys, [&](const remote::PublicKey& key) {
        return std::ranges::find(signers, key.hex()) != signers.end();
    });
}

}  // namespace

std::string entry_name(const format::Key& key) {
    return remote::stored_name(remote::k_entries, key.digest);
}

std::string object_name(const Digest& object) {
    return remote::stored_name(remote::k_objects, object);
}

Result<SharedEntryInfo> read_shared_entry(remote::Tier& tier, const format::Key& key,
                                          const Trust& trust) {
    const auto name = entry_name(key);
    SharedEntryInfo info;
    info.key = key;
    const auto read = remote::read_stored_text(tier, name, format::k_shared_entry_bytes_max);
    if (!read && read.error().code != Errc::damaged) return fail(read.error());
    // A content that is too long or changes under way has a date, too.
    const auto stored = read ? Result<remote::Stored>(read->stored) : tier.find(name);
    if (!stored) return fail(stored.error());
    info.written_at_ns = stored->written_at_ns;
    const auto entry = read ? format::decode_shared_entry(read->text)
                            : Result<format::SharedEntry>(fail(read.error()));
    const auto refuse = [&](const Error& error) {
        info.is_newer = error.code == Errc::unsupported;
        info.is_damaged = !info.is_newer;
        info.refusal = error.message();
        return info;
    };
    if (!entry) return refuse(entry.error());
    info.signers = right_signers(*entry);
    if (!is_trusted(trust, info.signers) && !trust.takes_unsigned) {
        info.refusal = info.signers.empty() ? "it is not signed"
                                            : "it is signed by " + info.signers.front() +
                                                  ", which is not among the trusted keys";
        return info;
    }
    auto manifest = format::decode_manifest(entry->manifest, key);
    if (!manifest) return refuse(manifest.error());
    info.manifest = std::move(*manifest);
    return info;
}

Result<std::vector<format::Key>> list_shared_keys(remote::Tier& tier) {
    std::vector<format::Key> keys;
    const auto listed =
        tier.list(std::string(remote::k_entries), [&](const remote::Stored& stored) {
            const auto slash = stored.name.rfind('/');
            const auto digest = Digest::from_hex(std::string_view(stored.name).substr(slash + 1));
            if (digest) keys.push_back(format::Key{*digest});
        });
    if (!listed && listed.error().code != Errc::not_found) return fail(listed.error());
    std::ranges::sort(keys);
    return keys;
}

}  // namespace larder::internal::exchange
