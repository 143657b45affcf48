// The limit holds: which entries are evicted, which stay, and an account that may be wrong.
#include <chrono>
#include <csignal>
#include <thread>

#include "format/manifest.h"
#include "format/sealed_json.h"
#include "harness.h"
#include "state/state.h"
#include "support/fake_clock.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/unable.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;
using support::Child;

constexpr std::size_t k_blob = 100'000;
// A blob and its manifest, on a file system of whole pages.
constexpr std::uint64_t k_entry = 102'400 + 4'096;

class LimitTest : public LarderTest {
protected:
    LimitTest() : state_(machine_.system(), machine_.log(), directory_ / "state") {}

    // The larder, opened again.
    void limit_to(std::uint64_t bytes) {
        store_.reset();
        auto opened = machine_.open(options(bytes));
        ASSERT_TRUE(opened) << opened.error().message();
        store_ = std::move(*opened);
    }
    [[nodiscard]] OpenOptions options(std::uint64_t bytes) {
        OpenOptions options;
        options.directory = larder();
        options.max_size.bytes = bytes;
        options.history = &state_;
        options.threads = 1;
        return options;
    }
    void keep(const std::string& name, std::uint64_t compile_ms = 1'000) {
        auto publication = blob(name, 1, k_blob);
        publication.manifest.compile_ms = compile_ms;
        publication.manifest.created_at_ns = machine_.system().clock.wall().count();
        const auto kept = publish(publication);
        ASSERT_TRUE(kept) << name << ": " << kept.error().message();
    }
    [[nodiscard]] bool is_kept(const std::string& name) {
        const auto found = store_->find(key_of(name));
        if (!found.manifest) return false;
        EXPECT_TRUE(
            store_->open_object(found.manifest->key, found.manifest->parts[0], Verify::always));
        return true;
    }
    void ask_for(const std::string& name, std::int64_t ago_s) {
        state::Event event;
        event.larder_id = store_->id();
        event.key = key_of(name);
        event.outcome = "loaded";
        event.at_ns = machine_.system().clock.wall().count() - ago_s * 1'000'000'000;
        state_.record(event);
    }
    // On this tmpfs, as du counts it.
    [[nodiscard]] std::uint64_t total() { return store_->totals()->disk_bytes; }
    [[nodiscard]] std::string account() const { return larder() + "/account"; }

    state::State state_;
};

TEST_F(LimitTest, IsNeverExceeded) {
    limit_to(10 * k_entry);
    for (int i = 0; i < 35; ++i) {
        keep("model-" + std::to_string(i));
        EXPECT_LE(total(), 10 * k_entry);
    }
    EXPECT_TRUE(is_kept("model-34"));
    EXPECT_GE(store_->totals()->entries, 9U);
    EXPECT_EQ(read_larder(larder()).damage, "");
    EXPECT_TRUE(read_larder(larder()).missing.empty());
    EXPECT_TRUE(read_larder(larder()).unused.empty());
}

TEST_F(LimitTest, TakesWhatSavesLeast) {
    limit_to(3 * k_entry);
    keep("dear", 60'000);
    keep("cheap", 10);
    keep("used", 1'000);
    for (int i = 1; i < 100; ++i) ask_for("used", 10 * (100 - i));
    // Entries that were used in the last seconds would stay in any case.
    for (const auto* name : {"dear", "cheap", "used"}) {
        stdfs::last_write_time(path_of(key_of(name)),
                               stdfs::file_time_type::clock::now() - std::chrono::minutes(1));
    }
    keep("new");
    EXPECT_TRUE(is_kept("dear"));
    EXPECT_FALSE(is_kept("cheap"));
    EXPECT_TRUE(is_kept("used"));
    const auto sums = state_.evictions(store_->id(), 0);
    ASSERT_TRUE(sums.contains("limit"));
    EXPECT_EQ(sums.at("limit").count, 1U);
    EXPECT_EQ(sums.at("limit").freed_bytes, k_entry);
}

TEST_F(LimitTest, WarnsOnceWhenItFillsAndWhenWhatWasUsedOfLateGoes) {
    limit_to(10 * k_entry);
    for (int i = 0; i < 7; ++i) keep("model-" + std::to_string(i));
    EXPECT_EQ(machine_.logged(), "");
    keep("model-7");
    EXPECT_NE(machine_.logged().find("80 % full"), std::string::npos) << machine_.logged();
    keep("model-8");
    keep("model-9");
    EXPECT_NE(machine_.logged().find("100 % full"), std::string::npos) << machine_.logged();
    EXPECT_EQ(machine_.logged().find("used within the last day"), std::string::npos);
    keep("model-10");
    EXPECT_NE(machine_.logged().find("1 entry that was used within the last day had to be evicted"),
              std::string::npos)
        << machine_.logged();
    const auto said = machine_.logged();
    limit_to(10 * k_entry);
    for (int i = 11; i < 20; ++i) keep("model-" + std::to_string(i));
    EXPECT_EQ(machine_.logged(), said);
}

TEST_F(LimitTest, LeavesWhatIsPinned) {
    limit_to(4 * k_entry);
    keep("pinned");
    ASSERT_TRUE(store_->pin(key_of("pinned")));
    for (int i = 0; i < 12; ++i) keep("model-" + std::to_string(i));
    EXPECT_TRUE(is_kept("pinned"));
    ASSERT_TRUE(store_->unpin(key_of("pinned")));
    ASSERT_TRUE(store_->unpin(key_of("pinned")));
    EXPECT_TRUE(store_->pinned()->empty());
}

TEST_F(LimitTest, KeepsNothingMoreWhereAllIsPinned) {
    limit_to(2 * k_entry);
    for (const auto* name : {"a", "b"}) {
        keep(name);
        ASSERT_TRUE(store_->pin(key_of(name)));
    }
    const auto refused = publish(blob("c", 1, k_blob));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::no_space);
    EXPECT_TRUE(is_kept("a") && is_kept("b"));
    EXPECT_EQ(tmp(), "");
    // The pin remains when its entry is removed.
    ASSERT_TRUE(publish(blob("a", 2, 50'000)));
    EXPECT_TRUE(store_->pinned()->contains(key_of("a")));
}

TEST_F(LimitTest, KeepsNothingThatIsLargerThanItself) {
    limit_to(3 * k_entry);
    keep("small");
    const auto refused = publish(blob("large", 1, 5 * k_blob));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::no_space);
    EXPECT_NE(refused.error().message().find("larger than the limit"), std::string::npos);
    EXPECT_TRUE(is_kept("small"));
    EXPECT_EQ(tmp(), "");
}

TEST_F(LimitTest, CountsAnewWhereTheAccountIsLostOrDamaged) {
    limit_to(5 * k_entry);
    for (int i = 0; i < 5; ++i) keep("model-" + std::to_string(i));
    stdfs::remove(account());
    keep("model-5");
    EXPECT_LE(total(), 5 * k_entry);
    support::flip_byte(account(), 20);
    keep("model-6");
    EXPECT_LE(total(), 5 * k_entry);
    support::write_file(account(), "");
    keep("model-7");
    EXPECT_LE(total(), 5 * k_entry);
    EXPECT_EQ(store_->totals()->entries, 5U);
}

TEST_F(LimitTest, EvictsNothingForAnAccountThatIsTooHigh) {
    limit_to(10 * k_entry);
    for (int i = 0; i < 9; ++i) keep("model-" + std::to_string(i));
    // Removed by other means, such as rm, after the account was written.
    for (int i = 0; i < 3; ++i) {
        const auto found = store_->find(key_of("model-" + std::to_string(i)));
        stdfs::remove(path_of(found.manifest->key));
        stdfs::remove(path_of(found.manifest->parts[0].object));
    }
    for (int i = 9; i < 13; ++i) keep("model-" + std::to_string(i));
    for (int i = 3; i < 13; ++i) EXPECT_TRUE(is_kept("model-" + std::to_string(i))) << i;
    EXPECT_LE(total(), 10 * k_entry);
}

TEST_F(LimitTest, CountsAnewAfterADay) {
    support::FakeClock clock;
    Machine machine(*fs_, &clock);
    auto now = options(5 * k_entry);
    now.history = nullptr;
    auto limited = *machine.open(now);
    ASSERT_TRUE(limited->publish(blob("first", 1, k_blob)));
    // A program that keeps no account, because it has no limit and none was begun.
    const auto counted = support::read_file(account());
    ASSERT_TRUE(store_->publish(blob("x", 1, 6 * k_blob)));
    support::write_file(account(), counted);
    clock.advance(std::chrono::hours(25));
    ASSERT_TRUE(limited->publish(blob("second", 1, k_blob)));
    EXPECT_LE(total(), 5 * k_entry);
}

TEST_F(LimitTest, IsMetAgainByTheNextPublicationAfterItWasLowered) {
    limit_to(10 * k_entry);
    for (int i = 0; i < 10; ++i) keep("model-" + std::to_string(i));
    limit_to(4 * k_entry);
    EXPECT_EQ(total(), 10 * k_entry);
    keep("another");
    EXPECT_LE(total(), 4 * k_entry);
    limit_to(2 * k_entry);
    ASSERT_TRUE(store_->prune({}));
    EXPECT_LE(total(), 2 * k_entry);
}

TEST_F(LimitTest, CountsWhatIsSharedOnce) {
    limit_to(4 * k_entry);
    const auto content = content_of("shared", 1, k_blob);
    for (const auto* name : {"a", "b", "c"}) ASSERT_TRUE(publish(blob_of(name, content)));
    EXPECT_EQ(store_->totals()->objects, 1U);
    for (int i = 0; i < 2; ++i) keep("model-" + std::to_string(i));
    // Five entries, three objects: nothing had to be evicted.
    EXPECT_EQ(store_->totals()->entries, 5U);
    for (int i = 2; i < 10; ++i) keep("model-" + std::to_string(i));
    EXPECT_LE(total(), 4 * k_entry);
    EXPECT_TRUE(read_larder(larder()).missing.empty());
}

TEST_F(LimitTest, RemovesNoObjectWhileAnEntryCannotBeRead) {
    limit_to(2 * k_entry);
    keep("a");
    const auto manifest = *store_->find(key_of("a")).manifest;
    keep("b");
    const auto path = path_of(key_of("a"));
    auto body = *format::unseal_json(support::read_file(path), format::k_manifest_bytes_max);
    body["format"] = 99;
    support::write_file(path, format::seal_json(std::move(body)));
    const auto refused = publish(blob("c", 1, k_blob));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::no_space);
    EXPECT_EQ(refused.error().path, path);
    EXPECT_TRUE(is_kept("b"));
    EXPECT_TRUE(stdfs::exists(path_of(manifest.parts[0].object)));
}

TEST_F(LimitTest, TakesWhatWasSetAsideFirst) {
    limit_to(3 * k_entry);
    keep("a");
    keep("b");
    const auto manifest = *store_->find(key_of("b")).manifest;
    ASSERT_TRUE(store_->quarantine(manifest.key, manifest.parts[0], "for the test"));
    keep("c");
    keep("d");
    EXPECT_TRUE(is_kept("a") && is_kept("c") && is_kept("d"));
    EXPECT_EQ(quarantine(), "");
}

TEST_F(LimitTest, KeepsItsDistanceFromAFullDisk) {
    const auto where = directory_ / "disk";
    stdfs::create_directory(where);
    const auto mount = support::Mount::memory(where, 8 << 20);
    if (!mount) LARDER_UNABLE() << "nothing can be mounted";
    auto options = this->options(0);
    options.directory = where + "/larder";
    options.min_free.percent = 50;
    const auto store = *machine_.open(options);
    const auto available = [&] { return fs_->space(where)->available_bytes; };
    for (int i = 0; i < 80; ++i) {
        const auto kept = store->publish(blob("model-" + std::to_string(i), 1, k_blob));
        ASSERT_TRUE(kept) << i << ": " << kept.error().message();
        EXPECT_GE(available(), 4U << 20);
    }
    EXPECT_GT(state_.evictions(store->id(), 0).at("floor").count, 0U);
    // A file of another program: the larder evicts entries as far as that helps, and no more.
    support::write_file(where + "/other", std::string(3 << 20, 'x'));
    ASSERT_TRUE(store->publish(blob("more", 1, k_blob)));
    EXPECT_GE(available(), 4U << 20);
    support::write_file(where + "/another", std::string(3 << 20, 'x'));
    const auto entries = store->totals()->entries;
    const auto refused = store->publish(blob("too much", 1, k_blob));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::no_space);
    EXPECT_EQ(store->totals()->entries, entries);
}

TEST_F(LimitTest, HoldsForManyProcesses) {
    constexpr std::uint64_t k_limit = 20 * k_entry;
    constexpr int k_processes = 4;
    store_.reset();
    const auto work = [&](int who) {
        Machine machine(*fs_);
        OpenOptions options;
        options.directory = larder();
        options.max_size.bytes = k_limit;
        options.threads = 1;
        const auto store = *machine.open(options);
        for (int i = 0; i < 25; ++i) {
            const auto name = "model-" + std::to_string(who) + "-" + std::to_string(i);
            const auto kept = store->publish(blob(name, 1, k_blob));
            EXPECT_TRUE(kept) << kept.error().message();
        }
    };
    {
        std::vector<Child> children;
        for (int who = 0; who < k_processes; ++who) {
            children.emplace_back([&, who] { work(who); });
        }
        const auto looker = machine_.must_open(larder());
        while (!children.back().poll()) {
            EXPECT_LE(looker->totals()->disk_bytes, k_limit + k_processes * k_entry);
        }
        for (auto& child : children) EXPECT_EQ(child.wait(), 0);
    }
    limit_to(k_limit);
    EXPECT_LE(total(), k_limit);
    EXPECT_GE(store_->totals()->entries, 15U);
    const auto contents = read_larder(larder());
    EXPECT_EQ(contents.damage, "");
    EXPECT_TRUE(contents.missing.empty());
    // Nothing was forgotten, and nothing counted twice.
    const auto pruned = store_->prune({}, DryRun::yes);
    ASSERT_TRUE(pruned);
    EXPECT_EQ(pruned->removal.removed_entries, 0U);
}

TEST_F(LimitTest, HoldsWhenThoseWhoEvictAreKilled) {
    constexpr std::uint64_t k_limit = 8 * k_entry;
    store_.reset();
    for (int round = 0; round < 25; ++round) {
        Child child([&] {
            Machine machine(*fs_);
            OpenOptions options;
            options.directory = larder();
            options.max_size.bytes = k_limit;
            options.threads = 1;
            const auto store = *machine.open(options);
            for (int i = 0;; ++i) {
                const auto name = std::to_string(round) + "-" + std::to_string(i);
                static_cast<void>(store->publish(blob(name, 1, k_blob)));
            }
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(2 + round * 7 % 31));
        child.kill();
        const auto contents = read_larder(larder());
        EXPECT_EQ(contents.damage, "");
        EXPECT_TRUE(contents.missing.empty()) << contents.missing.front();
    }
    limit_to(k_limit);
    keep("after");
    EXPECT_LE(total(), k_limit);
    ASSERT_TRUE(store_->prune({}));
    EXPECT_TRUE(read_larder(larder()).unused.empty());
}

TEST_F(LimitTest, PrunesByAgeSizeAndName) {
    for (int i = 0; i < 6; ++i) keep("model-" + std::to_string(i));
    for (int i = 0; i < 2; ++i) {
        const auto path = path_of(key_of("model-" + std::to_string(i)));
        stdfs::last_write_time(path, stdfs::file_time_type::clock::now() - std::chrono::hours(50));
    }
    ask_for("model-1", 3600);
    ASSERT_TRUE(store_->pin(key_of("model-5")));
    PruneRules rules;
    rules.older_than = std::chrono::hours(48);
    rules.max_bytes = 3 * k_entry;
    rules.doomed = {{key_of("model-2"), "gone"}, {key_of("model-5"), "gone"}};
    // Creation counts as use: these were just created.
    const auto planned = store_->prune(rules, DryRun::yes);
    ASSERT_TRUE(planned);
    EXPECT_EQ(store_->totals()->entries, 6U);
    const auto done = store_->prune(rules);
    ASSERT_TRUE(done);
    EXPECT_EQ(planned->reasons, done->reasons);
    EXPECT_EQ(planned->removal.freed_bytes, done->removal.freed_bytes);
    EXPECT_EQ(planned->removal.removed_objects, done->removal.removed_objects);
    EXPECT_EQ(planned->left_bytes, done->left_bytes);
    EXPECT_EQ(done->left_bytes, total());
    EXPECT_LE(total(), 3 * k_entry);
    EXPECT_TRUE(is_kept("model-5"));
    EXPECT_EQ(done->reasons.at(key_of("model-2")), "gone");
}

TEST_F(LimitTest, SeesWhatOthersUse) {
    keep("model");
    const auto path = path_of(key_of("model"));
    const auto old = stdfs::file_time_type::clock::now() - std::chrono::hours(50);
    stdfs::last_write_time(path, old);
    store_->mark_used(key_of("model"));
    EXPECT_GT(stdfs::last_write_time(path), old + std::chrono::hours(49));
    const auto marked = stdfs::last_write_time(path);
    store_->mark_used(key_of("model"));
    EXPECT_EQ(stdfs::last_write_time(path), marked);
    EXPECT_GT(store_->last_uses()->at(key_of("model")), 0);
    store_->mark_used(key_of("none"));
}

}  // namespace
}  // namespace larder::internal::store
