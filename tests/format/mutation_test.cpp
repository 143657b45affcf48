// Every kind of damage: no crash, and no changed content is accepted.
#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "format/chunk_list.h"
#include "format/larder_info.h"
#include "format/sealed_json.h"
#include "samples.h"

namespace larder::internal::format {
namespace {

constexpr int k_mutations = 4000;

class Mutator {
public:
    explicit Mutator(std::uint32_t seed) : random_(seed) {}

    std::size_t below(std::size_t limit) {
        return limit == 0 ? 0 : std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
    }

    std::string mutate(std::string text) {
        for (auto changes = 1 + below(3); changes > 0; --changes) change(text);
        return text;
    }

private:
    void change(std::string& text) {
        const auto at = below(text.size());
        const auto length = std::min(1 + below(64), text.size() - at);
        switch (below(8)) {
            case 0: text[at] = static_cast<char>(below(256)); break;
            case 1: text[at] = static_cast<char>(text[at] ^ (1 << below(8))); break;
            case 2: text.erase(at, length); break;
            case 3: text.insert(at, text.substr(below(text.size()), length)); break;
            case 4: text.resize(at); break;
            case 5: text.append(1 + below(16), static_cast<char>(below(256))); break;
            case 6:
                std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(at), length, '\0');
                break;
            default: {
                static constexpr std::string_view k_tokens[] = {
                    "{",    "}",    "[",       "]",         "\"",
                    ",",    ":",    "-1",      "1e999",     "18446744073709551616",
                    "null", "true", "\\u0000", "\\ud800",   "\xff",
                    " ",    "\n",   "0.5",     "\"format\""};
                text.insert(at, k_tokens[below(std::size(k_tokens))]);
            }
        }
        if (text.empty()) text = "x";
    }

    std::mt19937 random_;
};

TEST(Mutation, OfAManifestIsNeverAccepted) {
    for (const auto& [name, manifest] : samples()) {
        const auto text = *encode_manifest(manifest);
        for (int seed = 0; seed < k_mutations; ++seed) {
            const auto mutated = Mutator(static_cast<std::uint32_t>(seed)).mutate(text);
            const auto read = decode_manifest(mutated, manifest.key);
            if (mutated == text) continue;
            ASSERT_FALSE(read) << name << ", seed " << seed << ":\n" << mutated;
        }
    }
}

TEST(Mutation, OfEveryByteOfAManifestIsSeen) {
    for (const auto& [name, manifest] : samples()) {
        const auto text = *encode_manifest(manifest);
        for (std::size_t at = 0; at < text.size(); ++at) {
            for (const int bit : {0x01, 0x20, 0x80}) {
                auto mutated = text;
                mutated[at] = static_cast<char>(mutated[at] ^ bit);
                ASSERT_FALSE(decode_manifest(mutated, manifest.key)) << name << ", byte " << at;
            }
        }
    }
}

// A writer who computes the digest can write any content; but an accepted one must be a manifest.
TEST(Mutation, WithARightDigestIsAManifestOrRefused) {
    int accepted = 0;
    for (const auto& [name, manifest] : samples()) {
        const auto body = unseal_json(*encode_manifest(manifest), k_manifest_bytes_max);
        const auto text = body->dump(1);
        for (int seed = 0; seed < k_mutations; ++seed) {
            const auto mutated = Mutator(static_cast<std::uint32_t>(seed)).mutate(text);
            auto json = Json::parse(mutated, nullptr, false);
            if (!json.is_object()) continue;
            const auto read = decode_manifest(seal_json(std::move(json)), manifest.key);
            if (!read) continue;
            ++accepted;
            const auto again = encode_manifest(*read);
            ASSERT_TRUE(again) << name << ", seed " << seed << ": " << again.error().message();
            ASSERT_EQ(*decode_manifest(*again, manifest.key), *read);
        }
    }
    EXPECT_GT(accepted, 0);
}

TEST(Mutation, OfLarderJsonIsNeverAccepted) {
    const auto text = *encode_larder_info({"0123456789abcdef0123456789abcdef"});
    for (int seed = 0; seed < k_mutations; ++seed) {
        const auto mutated = Mutator(static_cast<std::uint32_t>(seed)).mutate(text);
        if (mutated == text) continue;
        ASSERT_FALSE(decode_larder_info(mutated)) << "seed " << seed << ":\n" << mutated;
    }
}

TEST(Mutation, OfAChunkListIsNeverAccepted) {
    ChunkList list{3 * k_chunk_size_bytes + 1, std::vector<Digest>(4)};
    list.chunks[2].bytes[0] = 7;
    const auto object = combine_chunks(list.total_bytes, list.chunks);
    const auto bytes = encode_chunk_list(list);
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (int seed = 0; seed < k_mutations; ++seed) {
        const auto mutated = Mutator(static_cast<std::uint32_t>(seed)).mutate(text);
        if (mutated == text) continue;
        ASSERT_FALSE(decode_chunk_list(std::as_bytes(std::span(mutated)), object))
            << "seed " << seed;
    }
}

TEST(Mutation, DeepNestingIsRefusedBeforeItIsParsed) {
    for (const char* const opening : {"[", "{\"a\":"}) {
        std::string text;
        while (text.size() < 1'000'000) text += opening;
        EXPECT_FALSE(decode_manifest(text, Key{}));
        EXPECT_FALSE(decode_larder_info(text.substr(0, 60'000)));
    }
}

}  // namespace
}  // namespace larder::internal::format
