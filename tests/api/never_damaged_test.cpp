// Goal: no damage to stored files ever reaches an output. Method: one seed decides a mutation of an
// object or a manifest; the requested model must have the outputs of a fresh compile, the damaged
// file must be in quarantine, and the next request must be a hit. Runs in one process: a crash
// fails the test.
#include <fstream>
#include <iterator>
#include <random>

#include <openvino/openvino.hpp>
#include <sys/stat.h>

#include "asker_outputs.h"
#include "harness.h"
#include "larder/larder.hpp"
#include "small_models/small_models.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

std::string content(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void overwrite(const fs::path& file, const std::string& bytes) {
    // In place, like real damage: the same inode, with any permissions.
    fs::permissions(file, fs::perms::owner_write, fs::perm_options::add);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

std::string mutated(std::string bytes, std::mt19937& random) {
    const auto below = [&](std::size_t end) {
        return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
    };
    const auto before = bytes;
    switch (below(7)) {
        case 0: bytes[below(bytes.size())] ^= static_cast<char>(1U << below(8)); break;
        case 1: {  // a page of zeros
            const auto at = below(bytes.size()) / 4096 * 4096;
            std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                        std::min<std::size_t>(4096, bytes.size() - at), '\0');
            break;
        }
        case 2: bytes.resize(below(bytes.size())); break;
        case 3: bytes.append(1 + below(5000), static_cast<char>(below(256))); break;
        case 4:  // a header of garbage
            for (std::size_t i = 0; i < std::min<std::size_t>(256, bytes.size()); ++i) {
                bytes[i] = static_cast<char>(below(256));
            }
            break;
        case 5: {  // two parts swap their places
            const auto size = std::min<std::size_t>(64, bytes.size() / 4);
            const auto a = below(bytes.size() / 2 - size);
            const auto b = bytes.size() / 2 + below(bytes.size() / 2 - size);
            std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(a),
                             bytes.begin() + static_cast<std::ptrdiff_t>(a + size),
                             bytes.begin() + static_cast<std::ptrdiff_t>(b));
            break;
        }
        default:
            for (int i = 0; i < 16; ++i) bytes[below(bytes.size())] = static_cast<char>(below(256));
    }
    if (bytes == before) bytes += '!';
    return bytes;
}

class NeverDamaged : public LarderTest {};

TEST_F(NeverDamaged, TwoThousandMutationsNeverReachAnOutput) {
    const auto model = save(dense_model({.width = 32}), "m");
    ov::Core core;
    auto plain = core.compile_model(model.string(), "CPU");
    const auto expected = digest_of_outputs(plain);
    Options options{.directory = directory_, .state_directory = state_};
    options.log_sink = [](LogLevel, std::string_view) {};
    auto kept = Cache(options).compile_model(core, model, "CPU");
    ASSERT_EQ(kept.outcome, Outcome::compiled);
    constexpr unsigned k_mutations = 2000;
    for (unsigned seed = 0; seed < k_mutations; ++seed) {
        std::mt19937 random(seed);
        const bool manifest = seed % 2 == 1;
        const auto victim =
            manifest
                ? directory_ / "entries" / kept.key.substr(0, 2) / (kept.key + ".json")
                : directory_ / "objects" / kept.object_digest.substr(0, 2) / kept.object_digest;
        const auto bytes = mutated(content(victim), random);
        overwrite(victim, bytes);
        Cache cache(options);
        auto result = cache.compile_model(core, model, "CPU");
        ASSERT_EQ(digest_of_outputs(result.model), expected) << "seed " << seed;
        // A change of blanks between the members of a manifest changes nothing.
        if (!manifest || result.outcome != Outcome::loaded) {
            ASSERT_EQ(result.outcome, Outcome::compiled) << "seed " << seed << result.reason;
            ASSERT_FALSE(files_in("quarantine").empty()) << "seed " << seed;
            result = cache.compile_model(core, model, "CPU");
            ASSERT_EQ(result.outcome, Outcome::loaded) << "seed " << seed << result.reason;
            ASSERT_EQ(digest_of_outputs(result.model), expected) << "seed " << seed;
            kept = std::move(result);
        }
    }
}

TEST_F(NeverDamaged, SwappedObjectsAndEntriesAreNoticed) {
    const auto first = save(dense_model({.seed = 1}), "a");
    const auto second = save(dense_model({.seed = 2}), "b");
    EXPECT_EQ(ask(first).outcome, "compiled");
    EXPECT_EQ(ask(second).outcome, "compiled");
    for (const auto* part : {"objects", "entries"}) {
        const auto files = files_in(part);
        ASSERT_EQ(files.size(), 2U);
        const auto a = content(files[0]);
        overwrite(files[0], content(files[1]));
        overwrite(files[1], a);
        for (const auto& model : {first, second}) {
            const auto answer = ask(model);
            EXPECT_EQ(answer.outcome, "compiled") << part << answer.reason;
            EXPECT_EQ(answer.outputs, ask_without({.model = model}).outputs);
            EXPECT_EQ(ask(model).outcome, "loaded");
        }
    }
}

}  // namespace
}  // namespace larder::testing
