// A thousand processes, killed at random moments while they publish, look up, verify and remove in
// one larder. Every acknowledged entry exists, no process ever read a part of one, and nothing
// stays locked.
#include <atomic>
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "support/process.h"

namespace larder::internal::store {
namespace {

using support::Child;

constexpr int k_kills = 1'000;
constexpr std::size_t k_slots = 4;
constexpr std::size_t k_shared_names = 6;

// The acknowledged actions of each child, in memory that outlives it.
class Acknowledged {
public:
    Acknowledged()
        : versions_(static_cast<std::atomic<int>*>(
              ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
    Acknowledged(const Acknowledged&) = delete;
    Acknowledged& operator=(const Acknowledged&) = delete;
    ~Acknowledged() { ::munmap(versions_, 4096); }

    std::atomic<int>& operator[](std::size_t slot) { return versions_[slot]; }

private:
    std::atomic<int>* versions_;
};

class KillTest : public ::testing::Test {
protected:
    static std::string own_name(std::size_t slot) { return "own-" + std::to_string(slot); }

    void complain(const std::string& what) const {
        const int file = ::open((directory_ / "complaints").c_str(),
                                O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        const auto line = what + "\n";
        static_cast<void>(!::write(file, line.data(), line.size()));
        ::close(file);
    }

    void look_up(Store& store, const std::string& name) const {
        const auto found = store.find(key_of(name));
        if (found.fault) complain("find: " + found.fault->message());
        if (!found.manifest) return;
        const auto object = store.open_blob(*found.manifest, Verify::always);
        if (!object) {
            // Others remove and replace it.
            if (object.error().code != Errc::not_found) complain(object.error().message());
            return;
        }
        const auto& notes = found.manifest->notes;
        const auto expected =
            content_of(name, std::stoi(notes.at("version")), std::stoul(notes.at("bytes")));
        if (text_of(*object) != expected) complain("another object for " + name);
    }

    // Others may change its encoding after it was found and before it is opened.
    static bool is_whole(Store& store, const std::string& name) {
        constexpr int k_tries = 100;
        for (int i = 0; i < k_tries; ++i) {
            const auto found = store.find(key_of(name));
            if (found.manifest && store.open_blob(*found.manifest, Verify::always)) return true;
        }
        return false;
    }

    // In both directions. It avoids entries that others change at the same time.
    void recode(Store& store, const std::string& name, bool compress) const {
        const auto key = key_of(name);
        const auto report = compress ? store.compress({{{key}}, {}}) : store.decompress({&key, 1});
        if (!report) {
            if (report.error().code != Errc::not_found) complain(report.error().message());
            return;
        }
        for (const auto& left : report->left) {
            if (left.why == Unchanged::failed) complain("recode: " + left.error->message());
        }
    }

    // Until it is killed.
    void work(std::size_t slot, std::uint32_t seed) {
        std::mt19937 random(seed);
        const auto below = [&](std::size_t limit) { return random() % limit; };
        Machine machine(*fs_);
        const auto opened = machine.open({.directory = larder(), .threads = 1});
        if (!opened) return complain("open: " + opened.error().message());
        auto& store = **opened;
        while (true) {
            const auto name = "shared-" + std::to_string(below(k_shared_names));
            const auto size = 1 + below(200'000);
            switch (below(12)) {
                case 0:
                case 1: {
                    const int version = acknowledged_[slot] + 1;
                    const auto done = store.publish(blob(own_name(slot), version, size));
                    if (done) {
                        acknowledged_[slot] = version;
                    } else {
                        complain("publish: " + done.error().message());
                    }
                    break;
                }
                case 2: {
                    const auto done =
                        store.publish(blob(name, static_cast<int>(below(1'000)), size));
                    if (!done) complain("publish: " + done.error().message());
                    break;
                }
                case 3: {
                    const auto key = key_of(name);
                    const auto done = store.remove({&key, 1});
                    if (!done && done.error().code != Errc::not_found) {
                        complain("remove: " + done.error().message());
                    }
                    break;
                }
                case 4: {
                    const auto report = store.verify({});
                    if (!report) complain("verify: " + report.error().message());
                    for (const auto& each : report->findings) {
                        complain("found: " + each.error.message());
                    }
                    break;
                }
                case 5: {
                    const auto compile_lock =
                        store.compile_lock(key_of(name), std::chrono::seconds(0));
                    if (!compile_lock && compile_lock.error().code != Errc::timed_out) {
                        complain("compile_lock: " + compile_lock.error().message());
                    }
                    break;
                }
                case 6:
                    if (const auto done = store.prune({}); !done) {
                        complain("garbage: " + done.error().message());
                    }
                    break;
                case 7:
                case 8: recode(store, below(2) == 0 ? name : own_name(below(k_slots)), true); break;
                case 9:
                    recode(store, below(2) == 0 ? name : own_name(below(k_slots)), false);
                    break;
                default: look_up(store, name);
            }
        }
    }

    [[nodiscard]] std::string larder() const { return directory_ / "larder"; }

    support::TemporaryDirectory directory_{support::fast_directory()};
    support::UnsyncedCalls calls_;
    std::unique_ptr<os::FileSystem> fs_ = os::make_posix_file_system(calls_);
    Acknowledged acknowledged_;
};

TEST_F(KillTest, LosesNothingThatWasAcknowledged) {
    std::minstd_rand random(4711);
    const auto start = [&](std::size_t slot) {
        return Child(
            [this, slot, seed = static_cast<std::uint32_t>(random())] { work(slot, seed); });
    };
    std::vector<std::unique_ptr<Child>> children;
    for (std::size_t slot = 0; slot < k_slots; ++slot) {
        children.push_back(std::make_unique<Child>(start(slot)));
    }
    Machine machine(*fs_);
    const auto store = machine.must_open(larder());
    for (int kills = 0; kills < k_kills; ++kills) {
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 8'000));
        const auto slot = random() % k_slots;
        children[slot]->kill();
        ASSERT_EQ(children[slot]->wait(), -SIGKILL) << "it ended by itself";
        const int version = acknowledged_[slot];
        const auto found = store->find(key_of(own_name(slot)));
        ASSERT_TRUE(found.manifest || version == 0) << "lost, after " << kills << " kills";
        if (found.manifest) {
            ASSERT_GE(std::stoi(found.manifest->notes.at("version")), version);
            ASSERT_TRUE(is_whole(*store, own_name(slot)));
        }
        children[slot] = std::make_unique<Child>(start(slot));
    }
    children.clear();

    if (std::filesystem::exists(directory_ / "complaints")) {
        ADD_FAILURE() << support::read_file(directory_ / "complaints");
    }
    auto contents = read_larder(larder());
    EXPECT_EQ(contents.damage, "");
    EXPECT_TRUE(contents.missing.empty());
    EXPECT_EQ(support::tree_of(larder() + "/quarantine"), "");
    for (std::size_t slot = 0; slot < k_slots; ++slot) {
        EXPECT_GT(acknowledged_[slot], 0) << "the test tests nothing";
    }
    const auto again = machine.must_open(larder());
    EXPECT_EQ(support::tree_of(larder() + "/tmp"), "");
    ASSERT_TRUE(again->prune({}));
    EXPECT_TRUE(read_larder(larder()).unused.empty());
    for (std::size_t i = 0; i < k_shared_names; ++i) {
        const auto compile_lock =
            again->compile_lock(key_of("shared-" + std::to_string(i)), std::chrono::seconds(0));
        ASSERT_TRUE(compile_lock) << compile_lock.error().message();
        EXPECT_FALSE(compile_lock->waited());
    }
}

// A process that dies while it holds a private directory, or tries an object.
TEST_F(KillTest, WhatTheDeadHeldIsSwept) {
    Machine machine(*fs_);
    auto store = machine.must_open(larder());
    const auto set = store->publish(files("set", {{"a", "A"}, {"b", "B"}}));
    ASSERT_TRUE(set);
    const auto object = set->parts[0].object;
    const support::Signal ready;
    Child child([&] {
        Machine own(*fs_);
        const auto theirs = own.must_open(larder());
        const auto directory = theirs->materialise(&*set, Verify::once);
        const auto trial = theirs->begin_trial(object);
        ASSERT_TRUE(directory && trial);
        ready.raise();
        std::this_thread::sleep_for(std::chrono::seconds(60));
    });
    ASSERT_TRUE(ready.wait());
    EXPECT_EQ(store->count_crashes(object)->crashes, 0U);
    store = machine.must_open(larder());
    EXPECT_NE(support::tree_of(larder() + "/tmp"), "") << "swept while it was used";
    child.kill();
    child.wait();
    EXPECT_EQ(store->count_crashes(object)->crashes, 0U) << "nobody is to blame";
    EXPECT_EQ(support::tree_of(larder() + "/trials"), "");
    store = machine.must_open(larder());
    EXPECT_EQ(support::tree_of(larder() + "/tmp"), "");
    EXPECT_TRUE(std::filesystem::is_empty(larder() + "/tmp"));
    EXPECT_EQ(read_larder(larder()).damage, "");
}

}  // namespace
}  // namespace larder::internal::store
