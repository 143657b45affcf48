#include "samples.h"

#include <limits>
#include <span>

namespace larder::internal::format {
namespace {

Digest digest_of(std::string_view text) { return hash_bytes(std::as_bytes(std::span(text))); }

Manifest blob() {
    Manifest manifest;
    manifest.key_inputs = {{"larder.key", "1"},
                           {"model.fingerprint", digest_of("model").hex()},
                           {"device.name", "CPU"},
                           {"device.full_name", "Some processor @ 2.10GHz"},
                           {"runtime.build", "2026.4.1-00000-abcdef"},
                           {"property.INFERENCE_PRECISION_HINT", "f32"}};
    manifest.key = key_of(manifest.key_inputs);
    manifest.parts = {{"", digest_of("blob"), 102'400'000}};
    manifest.model = {"/models/resnet-50.xml",
                      "ir",
                      {{"xml", digest_of("xml"), 123'456}, {"bin", digest_of("bin"), 102'000'000}}};
    manifest.device = "CPU";
    manifest.created_at_ns = 1'790'000'000'123'456'789;
    manifest.compile_ms = 1234;
    manifest.requirements = "avx2";
    return manifest;
}

Manifest files() {
    auto manifest = blob();
    manifest.key_inputs["device.name"] = "AUTO";
    manifest.key = key_of(manifest.key_inputs);
    manifest.encoding = Encoding::files;
    manifest.parts = {{"1234.blob", digest_of("a"), 1}, {"ä 5678.blob", digest_of("b"), 0}};
    manifest.device = "AUTO";
    manifest.weights = Weights::external;
    manifest.notes = {{"why", "a device that caches through a directory"}};
    return manifest;
}

Manifest odd_bytes() {
    auto manifest = blob();
    manifest.key_inputs = {{"", ""}, {"quote\"\\", "line\nend\x01"}, {"raw", "\xff\xfe"}};
    manifest.key = key_of(manifest.key_inputs);
    manifest.model.path = "/models/\xc3\x28/latin-1 \xe9.xml";
    manifest.model.kind = std::string("nul\0inside", 10);
    manifest.model.files.clear();
    manifest.device = "\xf0\x9f\xa7\xba";
    manifest.created_at_ns = std::numeric_limits<std::int64_t>::max();
    manifest.compile_ms = 0;
    manifest.requirements = "\xed\xa0\x80";  // half of a surrogate pair
    manifest.parts[0].bytes = std::numeric_limits<std::int64_t>::max();
    return manifest;
}

Manifest variant() {
    auto manifest = blob();
    manifest.encoding = Encoding::variant;
    manifest.parts = {{"base", digest_of("blob"), 102'400'000}, {"delta", digest_of("d"), 200'000}};
    manifest.blob_bytes = 102'401'234;
    return manifest;
}

Manifest compressed() {
    auto manifest = blob();
    manifest.encoding = Encoding::compressed;
    manifest.parts = {{"frames", digest_of("frames"), 51'234'567}};
    manifest.blob_bytes = 102'400'000;
    return manifest;
}

Manifest encrypted() {
    auto manifest = blob();
    manifest.encoding = Encoding::encrypted;
    manifest.parts = {{"pieces", digest_of("pieces"), 102'400'224}};
    return manifest;
}

Manifest referring() {
    auto manifest = blob();
    manifest.encoding = Encoding::referring;
    manifest.parts = {{"made", digest_of("made"), 345'678}};
    manifest.blob_bytes = 102'401'234;
    return manifest;
}

Manifest referring_to_objects() {
    auto manifest = referring();
    manifest.parts.push_back({"shared 1", digest_of("blob"), 102'400'000});
    manifest.parts.push_back({"shared 2", digest_of("other"), 1'234'567});
    manifest.notes["shared bytes"] = "100000000";
    return manifest;
}

}  // namespace

std::vector<Sample> samples() {
    return {{"blob", blob()},
            {"files", files()},
            {"odd_bytes", odd_bytes()},
            {"variant", variant()},
            {"compressed", compressed()},
            {"encrypted", encrypted()},
            {"referring", referring()},
            {"referring_to_objects", referring_to_objects()}};
}

std::string text_of(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Referring sample_referring() {
    Referring referring;
    referring.referred = {{ReferredKind::file, digest_of("bin"), 1'000'000},
                          {ReferredKind::constant, digest_of("constant"), 65'536}};
    referring.pieces = {{0, 4'096, 500},     {1, 0, 100'000}, {0, 4'600, 30'000}, {2, 0, 65'536},
                        {1, 999'000, 1'000}, {1, 0, 100'000}, {0, 39'999, 1}};
    for (const auto& piece : referring.pieces) referring.blob_bytes += piece.bytes;
    return referring;
}

Referring sample_referring_to_object() {
    auto referring = sample_referring();
    referring.referred.push_back({ReferredKind::object, digest_of("blob"), 2'000'000});
    referring.pieces.push_back({3, 4'096, 1'000'000});
    referring.blob_bytes += 1'000'000;
    referring.start_in_page = 960;
    return referring;
}

Compressed sample_compressed() {
    Compressed compressed;
    compressed.blob = digest_of("blob");
    compressed.blob_bytes = 4 * k_frame_bytes + 1'000;
    auto offset = compressed_table_bytes(5);
    const auto add = [&](FrameMethod method, std::uint64_t bytes) {
        compressed.frames.push_back({method, offset, bytes});
        offset += bytes;
    };
    add(FrameMethod::zstd, 3'000'000);
    add(FrameMethod::stored, k_frame_bytes);
    add(FrameMethod::shuffled_by_2_zstd, k_frame_bytes - 1);
    add(FrameMethod::shuffled_by_4_zstd, 1);
    add(FrameMethod::stored, 1'000);
    return compressed;
}

std::uint64_t object_bytes_of(const Compressed& compressed) {
    const auto& last = compressed.frames.back();
    return last.offset + last.bytes;
}

std::string little_endian(std::uint64_t value, std::size_t bytes) {
    std::string text;
    // Of what is longer than a number, the rest is zeros.
    for (std::size_t i = 0; i < bytes; ++i, value = value >> 8) {
        text += static_cast<char>(value & 0xFFU);
    }
    return text;
}

}  // namespace larder::internal::format
