// format/manifest.h: decoding returns the encoded manifest, and refuses everything else.
#include "format/manifest.h"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "format/manifest_scan.h"
#include "format/sealed_json.h"
#include "samples.h"
#include "support/temporary_directory.h"

namespace larder::internal::format {
namespace {

std::string encoded(const Manifest& manifest) {
    auto text = encode_manifest(manifest);
    EXPECT_TRUE(text) << text.error().message();
    return text.value_or("");
}

// The manifest with one member set, and a correct digest.
std::string resealed(const Manifest& manifest, const std::function<void(Json&)>& change) {
    auto body = unseal_json(encoded(manifest), k_manifest_bytes_max);
    change(*body);
    return seal_json(std::move(*body));
}

Errc code_of(const Result<Manifest>& result) {
    EXPECT_FALSE(result) << "was accepted";
    return result ? Errc::io : result.error().code;
}

TEST(Manifest, IsReadAsItWasWritten) {
    for (const auto& [name, manifest] : samples()) {
        const auto read = decode_manifest(encoded(manifest), manifest.key);
        ASSERT_TRUE(read) << name << ": " << read.error().message();
        EXPECT_EQ(*read, manifest) << name;
    }
}

// The fast path, for manifests without escapes.
TEST(Manifest, ScanTellsTheSame) {
    int scanned = 0;
    for (const auto& [name, manifest] : samples()) {
        const auto text = encoded(manifest);
        const auto found = scan_manifest(text);
        const bool has_escapes = text.find('\\') != std::string::npos ||
                                 text.find("{\n      \"hex\"") != std::string::npos;
        EXPECT_EQ(found.has_value(), !has_escapes) << name;
        if (!found) continue;
        ++scanned;
        EXPECT_EQ(*found, manifest) << name;
        SharedInputs shared;
        auto summary = summarise_manifest(text, shared);
        ASSERT_TRUE(summary) << name;
        EXPECT_EQ(*summary->built_for, *shared.of_build(manifest.key_inputs)) << name;
        EXPECT_EQ(summarise_manifest(text, shared)->built_for, summary->built_for) << "one copy";
        summary->manifest.key_inputs.insert(summary->built_for->begin(), summary->built_for->end());
        for (const auto& [input, value] : manifest.key_inputs) {
            if (input.starts_with("property.")) summary->manifest.key_inputs[input] = value;
        }
        EXPECT_EQ(summary->manifest, manifest) << name;
        // A manifest of another format is left to the full parser.
        EXPECT_FALSE(scan_manifest(resealed(manifest, [](Json& body) { body["format"] = 2; })));
        EXPECT_FALSE(scan_manifest(resealed(manifest, [](Json& body) { body["new"] = "x"; })));
        EXPECT_FALSE(
            scan_manifest(resealed(manifest, [](Json& body) { body["compile_ms"] = -1; })));
    }
    EXPECT_GT(scanned, 0);
}

TEST(Manifest, ScanRefusesEveryOtherByte) {
    for (const auto& [name, manifest] : samples()) {
        const auto text = encoded(manifest);
        if (text.size() > 10'000) continue;
        for (std::size_t i = 0; i < text.size(); ++i) {
            for (const char other : {' ', '0', 'a', '"', '\n', ',', '\xff'}) {
                if (text[i] == other) continue;
                auto changed = text;
                changed[i] = other;
                EXPECT_FALSE(scan_manifest(changed)) << name << " at " << i;
            }
            EXPECT_FALSE(scan_manifest(text.substr(0, i))) << name << " cut at " << i;
        }
    }
}

TEST(Manifest, OutlineTellsTheSame) {
    for (const auto& [name, manifest] : samples()) {
        const auto outline = outline_manifest(encoded(manifest));
        ASSERT_TRUE(outline) << name;
        EXPECT_EQ(outline->compile_ms, manifest.compile_ms) << name;
        EXPECT_EQ(outline->created_at_ns, manifest.created_at_ns) << name;
        ASSERT_EQ(outline->objects.size(), manifest.parts.size()) << name;
        for (std::size_t i = 0; i < outline->objects.size(); ++i) {
            EXPECT_EQ(outline->objects[i], manifest.parts[i].object) << name;
        }
        // Unknown content is left to the full parser.
        EXPECT_FALSE(outline_manifest(resealed(manifest, [](Json& body) { body["format"] = 2; })));
        EXPECT_FALSE(
            outline_manifest(resealed(manifest, [](Json& body) { body["encoding"] = "new"; })));
        EXPECT_FALSE(outline_manifest(encoded(manifest).substr(0, 100)));
    }
    EXPECT_FALSE(outline_manifest(""));
}

TEST(Manifest, IsWrittenInOneSpelling) {
    for (const auto& [name, manifest] : samples()) {
        EXPECT_EQ(encoded(*decode_manifest(encoded(manifest), manifest.key)), encoded(manifest));
    }
}

// Manifests of earlier versions stay readable, and this version encodes them to the same bytes.
TEST(Manifest, GoldenFilesAreStillRead) {
    const std::filesystem::path golden = LARDER_GOLDEN;
    for (const auto& [name, manifest] : samples()) {
        const auto path = golden / ("manifest_" + name + ".json");
        if (std::getenv("UPDATE_GOLDEN") != nullptr) support::write_file(path, encoded(manifest));
        const auto text = support::read_file(path);
        const auto read = decode_manifest(text, manifest.key);
        ASSERT_TRUE(read) << path << ": " << read.error().message();
        EXPECT_EQ(*read, manifest) << path;
        EXPECT_EQ(encoded(manifest), text) << path;
    }
}

TEST(Manifest, IsShownInTheDocumentAsItIs) {
    const auto document = support::read_file(LARDER_FORMAT_DOCUMENT);
    for (const auto* const name : {"manifest_blob.json", "larder.json"}) {
        const auto text = support::read_file(std::filesystem::path(LARDER_GOLDEN) / name);
        EXPECT_NE(document.find("```json\n" + text + "```\n"), std::string::npos) << name;
    }
}

TEST(Manifest, IsOfItsKeyAlone) {
    const auto sample = samples()[0].manifest;
    auto other = sample.key;
    other.digest.bytes[31] ^= 1;
    EXPECT_EQ(code_of(decode_manifest(encoded(sample), other)), Errc::damaged);
}

TEST(Manifest, OfANewerFormatIsKnownAsSuch) {
    const auto sample = samples()[0].manifest;
    const auto newer = [&](const std::function<void(Json&)>& change) {
        return code_of(decode_manifest(resealed(sample, change), sample.key));
    };
    EXPECT_EQ(newer([](Json& body) { body["format"] = 2; }), Errc::unsupported);
    EXPECT_EQ(newer([](Json& body) { body = {{"format", 1'000}}; }), Errc::unsupported);
    EXPECT_EQ(newer([](Json& body) { body["encoding"] = "delta"; }), Errc::unsupported);
    EXPECT_EQ(newer([](Json& body) { body["weights"] = "elsewhere"; }), Errc::unsupported);
}

TEST(Manifest, OfAVariantNamesTheBlobsLengthAndItsOwnObject) {
    const auto sample = samples()[3].manifest;
    ASSERT_EQ(sample.encoding, Encoding::variant);
    EXPECT_EQ(sample.total_bytes(), sample.blob_bytes);
    EXPECT_EQ(sample.own_part().name, k_delta_part);
    EXPECT_EQ(samples()[0].manifest.own_part(), samples()[0].manifest.parts[0]);
    const auto read = [&](const std::function<void(Json&)>& change) {
        return code_of(decode_manifest(resealed(sample, change), sample.key));
    };
    EXPECT_EQ(read([](Json& body) { body.erase("blob_bytes"); }), Errc::damaged);
    EXPECT_EQ(read([](Json& body) { body["parts"][0]["name"] = "other"; }), Errc::damaged);
    EXPECT_EQ(read([](Json& body) { body["parts"].erase(0); }), Errc::damaged);
}

TEST(Manifest, OfABlobOfSeveralObjectsNamesThemAndItsOwn) {
    const auto sample = samples()[7].manifest;
    ASSERT_EQ(sample.encoding, Encoding::referring);
    EXPECT_EQ(sample.total_bytes(), sample.blob_bytes);
    EXPECT_EQ(sample.own_part().name, k_made_part);
    EXPECT_EQ(sample.referred_bytes(), 102'401'234U - 345'678U - 100'000'000U);
    const auto with_note = [&](const std::string& text) {
        auto manifest = sample;
        manifest.notes[k_shared_note] = text;
        return manifest.referred_bytes();
    };
    EXPECT_EQ(with_note("x"), 102'401'234U - 345'678U) << "notes are for people";
    EXPECT_EQ(with_note("102401234"), 0U);
    EXPECT_EQ(with_note("18446744073709551615"), 0U);
    const auto read = [&](const std::function<void(Json&)>& change) {
        return code_of(decode_manifest(resealed(sample, change), sample.key));
    };
    EXPECT_EQ(read([](Json& body) { body["parts"][0]["name"] = "shared 3"; }), Errc::damaged);
    EXPECT_EQ(read([](Json& body) { body["parts"][1]["name"] = "other"; }), Errc::damaged);
    EXPECT_EQ(read([](Json& body) { body["parts"][1]["name"] = "shared 2"; }), Errc::damaged);
}

TEST(Manifest, OfACompressedBlobNamesTheBlobsLength) {
    const auto sample = samples()[4].manifest;
    ASSERT_EQ(sample.encoding, Encoding::compressed);
    EXPECT_EQ(sample.total_bytes(), sample.blob_bytes);
    EXPECT_EQ(sample.own_part(), sample.parts[0]);
    const auto read = [&](const std::function<void(Json&)>& change) {
        return code_of(decode_manifest(resealed(sample, change), sample.key));
    };
    EXPECT_EQ(read([](Json& body) { body.erase("blob_bytes"); }), Errc::damaged);
    EXPECT_EQ(read([](Json& body) { body["parts"][0]["name"] = ""; }), Errc::damaged);
    EXPECT_EQ(read([](Json& body) { body["parts"].push_back(body["parts"][0]); }), Errc::damaged);
    EXPECT_EQ(read([](Json& body) { body["encoding"] = "raw"; }), Errc::damaged);
}

TEST(Manifest, MayHaveMembersOfALaterVersion) {
    const auto sample = samples()[0].manifest;
    const auto text = resealed(sample, [](Json& body) {
        body["later"] = {{"a", 1}, {"b", {"c", "d"}}};
        body["model"]["later"] = "x";
        body["parts"][0]["later"] = 7;
    });
    const auto read = decode_manifest(text, sample.key);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(*read, sample);
}

TEST(Manifest, WithAnyMemberMissingOrOfAnotherTypeIsDamaged) {
    const auto sample = samples()[0].manifest;
    const auto body = unseal_json(encoded(sample), k_manifest_bytes_max);
    for (const auto& [name, value] : body->items()) {
        const auto without = resealed(sample, [&](Json& json) { json.erase(name); });
        EXPECT_EQ(code_of(decode_manifest(without, sample.key)), Errc::damaged) << name;
        const auto with = resealed(sample, [&](Json& json) {
            json[name] = value.is_array() ? Json(1) : Json(Json::array());
        });
        EXPECT_EQ(code_of(decode_manifest(with, sample.key)), Errc::damaged) << name;
    }
    for (const auto* const name : {"name", "object", "bytes"}) {
        const auto text = resealed(sample, [&](Json& json) { json["parts"][0].erase(name); });
        EXPECT_EQ(code_of(decode_manifest(text, sample.key)), Errc::damaged) << name;
    }
}

TEST(Manifest, ThatCannotBeReadIsNotWritten) {
    const auto refuses = [](const std::function<void(Manifest&)>& change) {
        auto manifest = samples()[1].manifest;
        change(manifest);
        const auto text = encode_manifest(manifest);
        return !text && text.error().code == Errc::invalid_argument;
    };
    EXPECT_FALSE(refuses([](Manifest&) {}));
    EXPECT_TRUE(refuses([](Manifest& m) { m.key.digest.bytes[0] ^= 1; }));
    EXPECT_TRUE(refuses([](Manifest& m) { m.parts.clear(); }));
    EXPECT_TRUE(refuses([](Manifest& m) { m.parts.push_back(m.parts[0]); }));
    EXPECT_TRUE(refuses([](Manifest& m) { m.encoding = Encoding::raw; }));
    EXPECT_TRUE(refuses([](Manifest& m) { m.parts[0].bytes = ~std::uint64_t{0}; }));
    EXPECT_TRUE(refuses([](Manifest& m) { m.created_at_ns = -1; }));
    EXPECT_TRUE(refuses([](Manifest& m) { m.notes["\xff"] = ""; }));
    EXPECT_TRUE(refuses([](Manifest& m) { m.notes["x"] = std::string(17 << 20, 'x'); }));
    for (const std::string name : {"", ".", "..", "a/b", "/", "a\nb", "\x7f", "\xff", "nul"}) {
        EXPECT_EQ(refuses([&](Manifest& m) { m.parts[0].name = name; }), name != "nul") << name;
    }
    EXPECT_TRUE(refuses([](Manifest& m) { m.parts[0].name = std::string(256, 'x'); }));
    EXPECT_TRUE(refuses([](Manifest& m) { m.blob_bytes = 1; }));
    EXPECT_TRUE(refuses([](Manifest& m) { m.encoding = Encoding::variant; }));
    EXPECT_TRUE(refuses([](Manifest& m) { m.encoding = Encoding::compressed; }));
    EXPECT_TRUE(refuses([](Manifest& m) { m.parts[0].name = std::string("a\0b", 3); }));
}

TEST(Manifest, NeverNamesAFileOutsideItsDirectory) {
    const auto sample = samples()[1].manifest;
    for (const auto* const name : {"../x", "/etc/passwd", "..", "a/../../b", "", "a\nb"}) {
        const auto text = resealed(sample, [&](Json& body) { body["parts"][0]["name"] = name; });
        EXPECT_EQ(code_of(decode_manifest(text, sample.key)), Errc::damaged) << name;
    }
}

TEST(Key, DependsOnEveryNameAndValueAndWhereOneEnds) {
    const std::vector<KeyInputs> all = {{},
                                        {{"", ""}},
                                        {{"a", "b"}},
                                        {{"ab", ""}},
                                        {{"", "ab"}},
                                        {{"b", "a"}},
                                        {{"a", ""}, {"b", ""}},
                                        {{"a", "b"}, {"c", "d"}},
                                        {{"a", "bc"}, {"", "d"}}};
    std::set<Key> keys;
    for (const auto& inputs : all) keys.insert(key_of(inputs));
    EXPECT_EQ(keys.size(), all.size());
    // Fixed for ever: every larder on disk depends on it.
    EXPECT_EQ(key_of({{"a", "b"}}).hex(),
              "2b45859856cc6e0b240d535309825a68cceb9d61c7fb27daaf32757cc27b31e0");
    EXPECT_EQ(*Key::from_hex(key_of({}).hex()), key_of({}));
    EXPECT_FALSE(Key::from_hex("AB"));
    EXPECT_FALSE(Key::from_hex(std::string(64, 'A')));
}

}  // namespace
}  // namespace larder::internal::format
