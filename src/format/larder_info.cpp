#include "format/larder_info.h"

#include "base/hex.h"
#include "format/sealed_json.h"

namespace larder::internal::format {
namespace {

bool is_id(std::string_view id) { return id.size() == 32 && is_hex(id); }

}  // namespace

Result<std::string> encode_larder_info(const LarderInfo& info) {
    if (!is_id(info.id)) return fail(Errc::invalid_argument, "a larder's id is 32 hex digits");
    Json body = {{"format", k_larder_format}, {"id", info.id}};
    return seal_json(std::move(body));
}

Result<LarderInfo> decode_larder_info(std::string_view text) {
    const auto body = unseal_json(text, k_larder_info_bytes_max);
    if (!body) return fail(body.error());
    if (auto known = check_format(*body, k_larder_format); !known) return fail(known.error());
    const auto* id = string_member(*body, "id");
    if (id == nullptr || !is_id(*id)) return fail(Errc::damaged, "without an id");
    return LarderInfo{*id};
}

std::string_view cache_directory_tag() noexcept {
    return "Signature: 8a477f597d28d172789f06886806bc55\n"
           "# This file is a cache directory tag created by larder.\n"
           "# For information about cache directory tags, see https://bford.info/cachedir/\n";
}

}  // namespace larder::internal::format
