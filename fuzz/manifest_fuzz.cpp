// Manifests and larder.json: any bytes, and any JSON with the right digest.
#include <cstdlib>
#include <string>
#include <string_view>

#include "format/larder_info.h"
#include "format/manifest.h"
#include "format/sealed_json.h"
#include "fuzz_target.h"

namespace {

using namespace larder::internal::format;

void require(bool condition) {
    if (!condition) std::abort();
}

void check(std::string_view text, const Key& key) {
    const auto manifest = decode_manifest(text, key);
    if (!manifest) return;
    require(manifest->key == key);
    const auto again = encode_manifest(*manifest);
    // It may have members of a later version, which are not written again.
    require(again && decode_manifest(*again, key) == *manifest);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check(text, Key{});
    if (const auto info = decode_larder_info(text)) require(encode_larder_info(*info).has_value());
    // No fuzzer finds a digest: it gets one.
    const auto json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return 0;
    auto body = json;
    body.erase("digest");
    const auto sealed = seal_json(std::move(body));
    const auto* key = string_member(json, "key");
    check(sealed, key == nullptr ? Key{} : Key::from_hex(*key).value_or(Key{}));
    if (const auto info = decode_larder_info(sealed)) {
        require(encode_larder_info(*info).has_value());
    }
    return 0;
}

std::vector<std::string> fuzz_seeds() {
    Manifest manifest;
    manifest.key_inputs = {{"device.name", "CPU"}, {"bytes", "\xff"}};
    manifest.key = key_of(manifest.key_inputs);
    manifest.encoding = Encoding::files;
    manifest.parts = {{"a.blob", {}, 1}, {"b.blob", {}, 2}};
    manifest.model = {"m.xml", "ir", {{"xml", {}, 3}}};
    manifest.notes = {{"note", "x"}};
    return {encode_manifest(manifest).value_or(""),
            encode_larder_info({"0123456789abcdef0123456789abcdef"}).value_or("")};
}
