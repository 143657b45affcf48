#include "format/shared_entry.h"

#include "format/sealed_json.h"

namespace larder::internal::format {
namespace {

constexpr std::uint64_t k_shared_entry_format = 1;
constexpr std::size_t k_signatures_max = 64;

}  // namespace

std::string encode_shared_entry(const SharedEntry& entry) {
    Json body;
    body["format"] = k_shared_entry_format;
    body["manifest"] = encode_bytes(entry.manifest);
    body["signatures"] = Json::object();
    for (const auto& [key, signature] : entry.signatures) body["signatures"][key] = signature;
    return seal_json(std::move(body));
}

Result<SharedEntry> decode_shared_entry(std::string_view text) {
    const auto body = unseal_json(text, k_shared_entry_bytes_max);
    if (!body) return fail(body.error());
    if (auto known = check_format(*body, k_shared_entry_format); !known) {
        return fail(std::move(known.error()));
    }
    const auto damaged = [] { return fail(Errc::damaged, "not a shared entry"); };
    SharedEntry entry;
    const auto* const manifest = member(*body, "manifest");
    const auto* const signatures = member(*body, "signatures");
    if (manifest == nullptr || !decode_bytes(*manifest, entry.manifest)) return damaged();
    if (signatures == nullptr || !signatures->is_object() ||
        signatures->size() > k_signatures_max) {
        return damaged();
    }
    for (const auto& [key, signature] : signatures->items()) {
        if (!signature.is_string()) return damaged();
        entry.signatures.emplace(key, signature.get<std::string>());
    }
    return entry;
}

std::string text_to_sign(const SharedEntry& entry) {
    return "larder entry, signed 1\n" + entry.manifest;
}

}  // namespace larder::internal::format
