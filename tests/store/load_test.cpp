// Eviction under load: eight processes publish and load 200 models in a larder that has room for a
// tenth of them, while others prune, verify and remove. The limit holds, no load fails or is wrong,
// and the policy gives the results of its simulation.
//
// LARDER_LOAD_SECONDS (8) is how long; LARDER_LOAD_DIVISOR (40) makes models of 1 to 50 MB, and the
// limit of 300 MB, smaller. LARDER_LOAD_TRACE names a file for the requests, as bench/policy reads
// them.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "harness.h"
#include "state/state.h"
#include "store/limit/selection.h"
#include "store/limit/worth.h"
#include "support/process.h"

namespace larder::internal::store {
namespace {

using support::Child;

constexpr std::size_t k_models = 200;
constexpr int k_workers = 8;
constexpr std::int64_t k_recent_ns = 2'000'000'000;

std::uint64_t setting(const char* variable, std::uint64_t otherwise) {
    const char* const value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
    return value == nullptr ? otherwise : std::stoull(value);
}

struct Model {
    std::string name;
    std::size_t bytes = 0;
    std::uint64_t compile_ms = 0;
    std::uint32_t seed = 0;
};

// One line of a process's record.
struct Deed {
    std::int64_t at_ns = 0;
    std::size_t model = 0;
    char what = 'm';  // a hit, a miss, or removed
};

std::string content_of(const Model& model) {
    std::string content(model.bytes, '\0');
    std::minstd_rand random(model.seed);
    for (std::size_t i = 0; i + 4 <= content.size(); i += 4) {
        const auto word = static_cast<std::uint32_t>(random());
        std::memcpy(content.data() + i, &word, sizeof word);
    }
    return content;
}

class LoadTest : public LarderTest {
protected:
    LoadTest() : divisor_(setting("LARDER_LOAD_DIVISOR", 40)) {
        std::mt19937 random(1);
        std::uniform_real_distribution<double> megabytes(1, 50);
        std::uniform_real_distribution<double> factor(10, 200);
        for (std::size_t i = 0; i < k_models; ++i) {
            const auto size = megabytes(random);
            models_.push_back({"model-" + std::to_string(i),
                               static_cast<std::size_t>(size * 1e6) / divisor_,
                               static_cast<std::uint64_t>(size * factor(random)),
                               static_cast<std::uint32_t>(i + 1)});
            total_ += std::pow(static_cast<double>(i + 1), -0.9);
            popularity_.push_back(total_);
        }
    }

    [[nodiscard]] std::uint64_t limit() const { return 300'000'000 / divisor_; }
    [[nodiscard]] std::uint64_t largest() const { return 50'000'000 / divisor_ + 65'536; }
    [[nodiscard]] std::string deeds_of(int who) const {
        return directory_ / ("deeds-" + std::to_string(who));
    }

    // Like in a process of its own.
    struct Process {
        explicit Process(LoadTest& test)
            : machine(*test.fs_),
              state(machine.system(), machine.log(), test.directory_ / "state") {
            OpenOptions options;
            options.directory = test.larder();
            options.max_size.bytes = test.limit();
            options.history = &state;
            options.threads = 1;
            store = *machine.open(options);
        }
        Machine machine;
        state::State state;
        std::unique_ptr<Store> store;
    };

    void write(int who, const std::vector<Deed>& deeds) const {
        std::ofstream file(deeds_of(who));
        for (const auto& deed : deeds) {
            file << deed.at_ns << ' ' << deed.model << ' ' << deed.what << '\n';
        }
    }

    // Whether the entry existed. An existing entry must have the published content.
    static bool load(Process& process, const Model& model) {
        const auto found = process.store->find(key_of(model.name));
        EXPECT_FALSE(found.fault) << found.fault->message();
        if (!found.manifest) return false;
        const auto object = process.store->open_object(found.manifest->key,
                                                       found.manifest->parts[0], Verify::always);
        if (!object) {
            EXPECT_EQ(object.error().code, Errc::not_found) << object.error().message();
            return false;
        }
        EXPECT_EQ(text_of(*object), content_of(model)) << model.name;
        return true;
    }

    static void keep(Process& process, const Model& model) {
        auto publication = blob_of(model.name, content_of(model));
        publication.manifest.compile_ms = model.compile_ms;
        publication.manifest.created_at_ns = process.machine.system().clock.wall().count();
        const auto kept = process.store->publish(publication);
        EXPECT_TRUE(kept) << kept.error().message();
    }

    void work(int who, std::chrono::steady_clock::time_point end) {
        Process process(*this);
        std::mt19937 random(static_cast<std::uint32_t>(who));
        std::uniform_real_distribution<double> place(0, total_);
        std::vector<Deed> deeds;
        while (std::chrono::steady_clock::now() < end) {
            const auto at = std::upper_bound(popularity_.begin(), popularity_.end(), place(random));
            const auto index = static_cast<std::size_t>(at - popularity_.begin());
            const auto& model = models_[index];
            bool hit = load(process, model);
            if (!hit) {
                const auto compile_lock =
                    process.store->compile_lock(key_of(model.name), std::chrono::seconds(30));
                EXPECT_TRUE(compile_lock) << compile_lock.error().message();
                hit = load(process, model);
                if (!hit) keep(process, model);
            }
            state::Event event;
            event.larder_id = process.store->id();
            event.key = key_of(model.name);
            event.outcome = hit ? "loaded" : "compiled";
            event.at_ns = process.machine.system().clock.wall().count();
            process.state.record(event);
            deeds.push_back({event.at_ns, index, hit ? 'h' : 'm'});
        }
        write(who, deeds);
    }

    void disturb(int who, std::chrono::steady_clock::time_point end) {
        Process process(*this);
        std::mt19937 random(99);
        std::vector<Deed> deeds;
        while (std::chrono::steady_clock::now() < end) {
            const auto report = process.store->verify({});
            EXPECT_TRUE(report);
            for (const auto& each : report->findings) ADD_FAILURE() << each.error.message();
            const auto pruned = process.store->prune({});
            EXPECT_TRUE(pruned) << pruned.error().message();
            const auto index = random() % k_models;
            const auto key = key_of(models_[index].name);
            if (process.store->remove({&key, 1})) {
                deeds.push_back({process.machine.system().clock.wall().count(), index, 'r'});
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(300));
        }
        write(who, deeds);
    }

    std::vector<Deed> all_deeds() const {
        std::vector<Deed> deeds;
        for (int who = 0; who <= k_workers; ++who) {
            std::ifstream file(deeds_of(who));
            Deed deed;
            while (file >> deed.at_ns >> deed.model >> deed.what) deeds.push_back(deed);
        }
        std::stable_sort(deeds.begin(), deeds.end(),
                         [](const Deed& a, const Deed& b) { return a.at_ns < b.at_ns; });
        return deeds;
    }

    std::uint64_t divisor_;
    std::vector<Model> models_;
    std::vector<double> popularity_;  // sums
    double total_ = 0;
};

// The same policy, without processes, files and locks.
class Simulation {
public:
    Simulation(const std::vector<Model>& models, std::uint64_t limit)
        : models_(models), limit_(limit), histories_(models.size()), kept_(models.size()) {}

    bool ask(const Deed& deed) {
        auto& history = histories_[deed.model];
        history = with_request(history, deed.at_ns);
        if (kept_[deed.model]) return true;
        const auto bytes = disk_bytes(deed.model);
        if (used_ + bytes > limit_) evict(used_ + bytes - limit_, deed.at_ns);
        kept_[deed.model] = true;
        used_ += bytes;
        return false;
    }
    void remove(std::size_t model) {
        if (kept_[model]) used_ -= disk_bytes(model);
        kept_[model] = false;
    }

private:
    [[nodiscard]] std::uint64_t disk_bytes(std::size_t model) const {
        return (models_[model].bytes + 4095) / 4096 * 4096 + 4096;
    }
    void evict(std::uint64_t bytes, std::int64_t now_ns) {
        std::vector<std::size_t> kept;
        std::vector<Candidate> candidates;
        for (std::size_t i = 0; i < models_.size(); ++i) {
            if (!kept_[i]) continue;
            Candidate candidate;
            candidate.own_bytes = disk_bytes(i);
            candidate.worth = worth_of(models_[i].compile_ms, histories_[i], now_ns);
            candidate.recent = now_ns - histories_[i].last_ns < k_recent_ns;
            candidates.push_back(candidate);
            kept.push_back(i);
        }
        bytes += slack_of(limit_, kept.size());
        for (const auto& selected : select_entries(candidates, {}, bytes)) {
            remove(kept[selected.candidate]);
        }
    }

    const std::vector<Model>& models_;
    std::uint64_t limit_;
    std::uint64_t used_ = 0;
    std::vector<RequestHistory> histories_;
    std::vector<bool> kept_;
};

TEST_F(LoadTest, TheLimitHoldsAndThePolicyDoesWhatItsSimulationSays) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds(setting("LARDER_LOAD_SECONDS", 8));
    store_.reset();
    std::uint64_t most = 0;
    {
        std::vector<Child> children;
        for (int who = 0; who < k_workers; ++who) {
            children.emplace_back([&, who] { work(who, end); });
        }
        children.emplace_back([&] { disturb(k_workers, end); });
        const auto looker = machine_.must_open(larder());
        while (!children.front().poll()) {
            most = std::max(most, looker->totals()->disk_bytes);
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        for (auto& child : children) EXPECT_EQ(child.wait(), 0);
    }
    // A reader during concurrent changes may see both a removed entry and its replacement.
    EXPECT_LE(most, limit() + k_workers * largest());

    const auto deeds = all_deeds();
    Simulation simulation(models_, limit());
    double hits = 0;
    double simulated = 0;
    double requests = 0;
    for (const auto& deed : deeds) {
        if (deed.what == 'r') {
            simulation.remove(deed.model);
            continue;
        }
        ++requests;
        if (deed.what == 'h') ++hits;
        if (simulation.ask(deed)) ++simulated;
    }
    ASSERT_GT(requests, 100);
    EXPECT_NEAR(hits / requests, simulated / requests, 0.05);
    std::printf("%.0f requests, %.1f %% hits, simulated %.1f %%, at most %.1f %% of the limit\n",
                requests, 100 * hits / requests, 100 * simulated / requests,
                100 * static_cast<double>(most) / static_cast<double>(limit()));

    Process process(*this);
    EXPECT_LE(process.store->totals()->disk_bytes, limit());
    EXPECT_TRUE(process.store->verify({})->findings.empty());
    const auto pruned = process.store->prune({});
    ASSERT_TRUE(pruned);
    EXPECT_EQ(pruned->garbage_bytes, 0U);
    if (const char* const path = std::getenv("LARDER_LOAD_TRACE")) {  // NOLINT
        std::ofstream file(path);
        for (const auto& deed : deeds) {
            const auto& model = models_[deed.model];
            if (deed.what == 'r') continue;
            file << deed.at_ns << ' ' << model.name << ' ' << model.bytes << ' ' << model.compile_ms
                 << '\n';
        }
    }
}

}  // namespace
}  // namespace larder::internal::store
