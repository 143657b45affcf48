// 550 mutations of all files of entries for a GPU, none of which reaches its plugin.
//
// In a mode in which a miss is an error, a returned model was loaded: nothing is compiled, so that
// each mutation costs milliseconds.
#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "asking/damage.h"
#include "gpu_harness.h"
#include "small_models/small_models.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

class GpuMutations : public GpuTest {
protected:
    void remember() {
        for (const auto* part : {"entries", "objects"}) {
            for (const auto& file : files_in(part)) whole_[file] = bytes_of(file);
        }
    }
    void restore() {
        fs::remove_all(directory_ / "quarantine");
        for (const auto& [file, bytes] : whole_) {
            if (fs::exists(file) && bytes_of(file) == bytes) continue;
            fs::create_directories(file.parent_path());
            put(file, bytes);
        }
    }
    // The model, if it was loaded.
    std::optional<Result> load(Cache& cache, const fs::path& model) {
        try {
            return cache.compile_model(core_, model, "GPU");
        } catch (const std::runtime_error&) {
            return std::nullopt;
        }
    }
    [[nodiscard]] Options strict() const {
        auto strict = options();
        strict.mode = Mode::cache_only;
        return strict;
    }

    std::map<fs::path, std::string> whole_;
};

// Like a disk that writes to the wrong place.
std::string spliced(const std::string& bytes, const std::string& others, std::mt19937& random) {
    const auto end = std::min(bytes.size(), others.size());
    const auto at = std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
    return bytes.substr(0, at) + others.substr(at);
}

TEST_F(GpuMutations, OfBlobsAndManifestsAreNeverLoaded) {
    const auto model = save(dense_model({.width = 32}), "m");
    const auto other = save(dense_model({.seed = 2, .width = 32}), "other");
    const auto answers = fresh(model);
    const auto kept = expect(model, Outcome::compiled, answers);
    const auto others = expect(other, Outcome::compiled, fresh(other));
    remember();
    unsigned harmless = 0;
    for (unsigned seed = 0; seed < 500; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        const bool is_manifest = seed % 4 == 3;
        const auto path = is_manifest ? manifest_of : object_of;
        const auto& bytes = whole_.at(path(directory_, kept));
        const auto& of_other = whole_.at(path(directory_, others));
        auto mutant = seed % 3 == 2 ? spliced(bytes, of_other, random) : damaged(bytes, random);
        if (mutant == bytes) mutant.pop_back();
        if (seed % 50 == 1) put(path(directory_, others), bytes);
        put(path(directory_, kept), mutant);
        Cache cache(strict());
        if (auto loaded = load(cache, model)) {
            // A change of blanks between the members of a manifest changes nothing.
            ASSERT_TRUE(is_manifest);
            ASSERT_EQ(answers_of(loaded->model), answers);
            ++harmless;
        }
        restore();
    }
    EXPECT_LT(harmless, 10U);
    expect(model, Outcome::loaded, answers);
}

TEST_F(GpuMutations, OfKernelsAreNeverHandedOver) {
    const auto model = save(attention_model(), "m");
    const auto answers = fresh(model);
    const auto kept = [&] {
        Cache cache(options());
        auto compiled = cache.compile_model(core_, model, "GPU");
        EXPECT_EQ(answers_of(compiled.model), answers);
        compiled.model = {};
        cache.flush();
        return compiled;
    }();
    remember();
    std::vector<fs::path> victims;
    std::set<std::string> sound;
    for (const auto& [file, bytes] : whole_) {
        if (file == object_of(directory_, kept) || file == manifest_of(directory_, kept)) continue;
        victims.push_back(file);
        sound.insert(bytes);
    }
    const auto hand_over = [&](bool answer) {
        Cache cache(strict());
        auto loaded = load(cache, model);
        if (!loaded) return std::ptrdiff_t{-1};
        if (answer) {
            EXPECT_EQ(answers_of(loaded->model), answers);
        }
        const fs::path given = loaded->model.get_property("CACHE_DIR").as<std::string>();
        // If none of them can be read, it has none.
        if (given.empty()) return std::ptrdiff_t{0};
        const std::vector<fs::path> files{fs::directory_iterator(given), {}};
        return std::ranges::count_if(files, [&](const auto& file) {
            EXPECT_TRUE(answer || sound.contains(bytes_of(file))) << file;
            return true;
        });
    };
    const auto all = hand_over(false);
    ASSERT_GT(all, 0);
    for (unsigned seed = 0; seed < 50; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        const auto& victim = victims[seed % victims.size()];
        const auto& bytes = whole_.at(victim);
        const auto& blob = whole_.at(object_of(directory_, kept));
        put(victim, seed % 3 == 2 ? spliced(bytes, blob, random) : damaged(bytes, random));
        const auto given = hand_over(seed % 10 == 0);
        ASSERT_GE(given, 0) << "the blob itself is whole";
        EXPECT_LE(given, all);
        restore();
    }
    EXPECT_EQ(hand_over(true), all);
}

}  // namespace
}  // namespace larder::testing
