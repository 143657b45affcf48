// Goal: no damage to stored files ever reaches an output. Method: one seed decides a mutation of an
// object or a manifest; the requested model must have the outputs of a fresh compile, the damaged
// file must be in quarantine, and the next request must be a hit. Runs in one process: a crash
// fails the test.
#include <random>

#include <openvino/openvino.hpp>
#include <sys/stat.h>

#include "asker_outputs.h"
#include "damage.h"
#include "harness.h"
#include "larder/larder.hpp"
#include "small_models/small_models.h"

namespace larder::testing {
namespace {

class NeverDamaged : public LarderTest {};

TEST_F(NeverDamaged, MutationsNeverReachAnOutput) {
    const auto model = save(dense_model({.width = 32}), "m");
    ov::Core core;
    auto plain = core.compile_model(model.string(), "CPU");
    const auto expected = digest_of_outputs(plain);
    Options options{.directory = directory_, .state_directory = state_};
    options.log_sink = [](LogLevel, std::string_view) {};
    auto kept = Cache(options).compile_model(core, model, "CPU");
    ASSERT_EQ(kept.outcome, Outcome::compiled);
    constexpr unsigned k_mutations = 500;
    for (unsigned seed = 0; seed < k_mutations; ++seed) {
        std::mt19937 random(seed);
        const bool manifest = seed % 2 == 1;
        const auto victim = manifest ? manifest_of(directory_, kept) : object_of(directory_, kept);
        put(victim, damaged(bytes_of(victim), random));
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
        const auto a = bytes_of(files[0]);
        put(files[0], bytes_of(files[1]));
        put(files[1], a);
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
