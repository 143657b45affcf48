// Goal: processes that load one model hold what it is unpacked into once, and never other bytes
// than those that were unpacked.
// Method: a fake runtime whose imports allocate blocks by a library of their own, as the CPU
// plugin's do; sessions of one process, and processes, that load its model at the same time.
#include "cache/weight_sharing.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "cache/attempt.h"
#include "cache/blob_pages.h"
#include "cache/unpacked.h"
#include "os/large_blocks.h"
#include "support/fake_runtime.h"
#include "support/fault_file_system.h"
#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_block_bytes = std::size_t{17} << 20;
constexpr std::size_t k_tail_bytes = 100;  // behind the last whole page

// Allocates as a plugin does: by calls that can be redirected.
class Library {
public:
    Library() : handle_(::dlopen(ALLOCATING_LIBRARY, RTLD_NOW | RTLD_LOCAL)) {
        EXPECT_NE(handle_, nullptr) << ::dlerror();
    }
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() { ::dlclose(handle_); }

    [[nodiscard]] std::byte* allocate(std::size_t size) const {
        return static_cast<std::byte*>(reinterpret_cast<void* (*)(std::size_t)>(
            ::dlsym(handle_, "library_posix_memalign"))(size));
    }
    void free(void* block) const {
        reinterpret_cast<void (*)(void*)>(::dlsym(handle_, "library_free"))(block);
    }

private:
    void* handle_;
};

// What a seed unpacks into.
std::byte byte_at(unsigned seed, std::size_t i) {
    return static_cast<std::byte>((i * 2654435761U + seed * 97U + (i >> 12U)) >> 3U);
}

// One loaded model: a session of its own, as a process has, and the blocks it was unpacked into.
class Loaded {
public:
    Loaded(const os::System& system, Log& log, const Config& config, support::FakeDevice& device,
           const Library& library)
        : session_(system, log, config), request_(device, "x"), library_(library) {}
    Loaded(const Loaded&) = delete;
    Loaded& operator=(const Loaded&) = delete;
    ~Loaded() {
        for (const auto& block : blocks_) library_.free(block.begin);
    }

    void unpack(unsigned seed) {
        auto* const begin = library_.allocate(k_block_bytes + k_tail_bytes);
        for (std::size_t i = 0; i < k_block_bytes; ++i) begin[i] = byte_at(seed, i);
        std::memset(begin + k_block_bytes, 1, k_tail_bytes);
        blocks_.push_back({begin, seed});
    }

    Result<Response> load() {
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        reference.name = "x";
        return Attempt(session_, request_, reference).run();
    }

    // Whether every byte is what was unpacked.
    [[nodiscard]] bool is_right() const {
        return std::ranges::all_of(blocks_, [](const Block& block) {
            for (std::size_t i = 0; i < k_block_bytes; ++i) {
                if (block.begin[i] != byte_at(block.seed, i)) return false;
            }
            return std::all_of(block.begin + k_block_bytes,
                               block.begin + k_block_bytes + k_tail_bytes,
                               [](std::byte b) { return b == std::byte{1}; });
        });
    }
    // How many of its blocks are mapped from files that have their names.
    [[nodiscard]] std::size_t mapped() const {
        std::map<std::uintptr_t, bool> is_file;
        std::ifstream maps("/proc/self/maps");
        for (std::string line; std::getline(maps, line);) {
            const auto begin = std::stoull(line, nullptr, 16);
            is_file[begin] =
                line.find("/objects/") != std::string::npos && !line.ends_with("(deleted)");
        }
        return static_cast<std::size_t>(std::ranges::count_if(blocks_, [&](const Block& block) {
            const auto found = is_file.find(reinterpret_cast<std::uintptr_t>(block.begin));
            return found != is_file.end() && found->second;
        }));
    }
    [[nodiscard]] std::byte* block(std::size_t i) const { return blocks_.at(i).begin; }

private:
    struct Block {
        std::byte* begin;
        unsigned seed;
    };

    Session session_;
    support::FakeRequest request_;
    const Library& library_;
    std::vector<Block> blocks_;
};

class WeightSharingTest : public ::testing::Test {
protected:
    WeightSharingTest() {
        config_.directory = root_ / "larder";
        config_.state_directory = root_ / "state";
        device_.blob_padding = k_releasable_blob_bytes;
        device_.unpacking_libraries = {"liballocating_now.so"};
        device_.holds_model = false;
        device_.on_import = [this] {
            for (const auto seed : unpacks_) loading_->unpack(seed);
        };
        device_.on_warm_up = [this] {
            for (const auto seed : unpacks_later_) loading_->unpack(seed);
        };
    }
    void SetUp() override {
        const auto obstacle = os::obstacle_to_recording(device_.unpacking_libraries);
        if (!obstacle.empty()) GTEST_SKIP() << obstacle;
        // Compiled once; all else are loads.
        const auto share = std::exchange(config_.share, Share::off);
        ASSERT_EQ(make()->load()->outcome, Outcome::compiled);
        config_.share = share;
    }

    std::unique_ptr<Loaded> make() {
        const auto system = system_.system();
        return std::make_unique<Loaded>(
            os::System{faulty_, system.clock, system.entropy, system.process}, log_, config_,
            device_, library_);
    }
    // As another process would, and keeps it loaded.
    std::unique_ptr<Loaded> load() {
        auto loaded = make();
        loading_ = loaded.get();
        response_ = loaded->load();
        EXPECT_TRUE(response_.has_value());
        EXPECT_EQ(response_->outcome, Outcome::loaded) << response_->reason;
        EXPECT_TRUE(response_->sharing.has_value());
        EXPECT_TRUE(loaded->is_right());
        return loaded;
    }
    const Sharing& sharing() const { return *response_->sharing; }

    std::vector<format::Manifest> entries(bool unpacked) {
        auto store = open();
        std::vector<format::Manifest> found;
        const auto visit = [&](store::ListedEntry& entry) {
            if (entry.manifest && unpacked_from(*entry.manifest).empty() != unpacked) {
                found.push_back(*entry.manifest);
            }
            return store::Continue::yes;
        };
        EXPECT_TRUE(store->for_each_entry(visit));
        return found;
    }
    std::unique_ptr<store::Store> open() {
        store::OpenOptions options;
        options.directory = config_.directory;
        auto store = store::Store::open(system_.system(), log_, memory_, options);
        EXPECT_TRUE(store.has_value());
        return std::move(*store);
    }
    std::vector<fs::path> objects_of_blocks() {
        std::vector<fs::path> paths;
        for (const auto& entry : entries(true)) {
            for (const auto& part : entry.parts) {
                const auto hex = part.object.hex();
                paths.emplace_back(config_.directory + "/objects/" + hex.substr(0, 2) + "/" + hex);
            }
        }
        return paths;
    }
    std::size_t temporary_files() const {
        const fs::directory_iterator files(config_.directory + "/tmp");
        return static_cast<std::size_t>(std::distance(begin(files), end(files)));
    }

    support::TemporaryDirectory root_{support::fast_directory()};
    os::RealSystem system_;
    os::System plain_ = system_.system();
    support::FaultFileSystem faulty_{plain_.fs};
    store::NoMemory memory_;
    Log log_{LogLevel::error, [](LogLevel, std::string_view) {}};
    Config config_;
    support::FakeDevice device_;
    Library library_;
    std::vector<unsigned> unpacks_{1, 2, 3};
    std::vector<unsigned> unpacks_later_;
    Loaded* loading_ = nullptr;
    Result<Response> response_ = fail(Errc::io, "nothing was loaded");
};

TEST_F(WeightSharingTest, WhoIsAloneSharesAndKeepsNothing) {
    const auto first = load();
    EXPECT_EQ(first->mapped(), 0U);
    EXPECT_EQ(sharing().reason, "no other process uses the model");
    EXPECT_EQ(device_.warm_ups_done, 0);
    EXPECT_TRUE(entries(true).empty());
}

TEST_F(WeightSharingTest, TheSecondKeepsAndSharesAndTheFirstFollows) {
    const auto first = load();
    const auto second = load();
    EXPECT_EQ(second->mapped(), 3U);
    EXPECT_EQ(sharing().shared_bytes, 3 * k_block_bytes);
    EXPECT_EQ(sharing().private_bytes, 0U);
    EXPECT_EQ(sharing().reason, "");
    ASSERT_EQ(entries(true).size(), 1U);
    EXPECT_EQ(unpacked_from(entries(true).front()), entries(false).front().key.hex());
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (first->mapped() < 3 && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(first->mapped(), 3U);
    EXPECT_TRUE(first->is_right());
}

TEST_F(WeightSharingTest, WhatOnlyOneProcessHasIsNotKept) {
    const auto first = load();
    unpacks_ = {1, 2, 99};
    const auto second = load();
    EXPECT_EQ(second->mapped(), 2U);
    EXPECT_EQ(sharing().private_bytes, k_block_bytes);
    ASSERT_EQ(entries(true).size(), 1U);
    EXPECT_EQ(entries(true).front().parts.size(), 2U);
    // Now there are two.
    EXPECT_EQ(load()->mapped(), 3U);
    EXPECT_EQ(entries(true).front().parts.size(), 3U);
}

TEST_F(WeightSharingTest, AProcessIsNoOtherOneToItself) {
    config_.share = Share::automatic;
    auto session = std::make_unique<Session>(system_.system(), log_, config_);
    auto store = session->store();
    ASSERT_TRUE(store);
    const auto key = format::key_of({{"a", "b"}});
    auto presence = (*store)->announce(key);
    ASSERT_TRUE(presence);
    presence->tell("one\ntwo\n");
    const auto path = presence->path();
    const auto kept = session->keep(*store, std::move(*presence));
    EXPECT_TRUE((*store)->told_by_others(key, session->presence_paths()).empty());
    EXPECT_EQ((*store)->told_by_others(key, {}), (std::vector<std::string>{"one\ntwo\n"}));
    session->tell(path, "3\n");
    EXPECT_EQ((*store)->told_by_others(key, {}).front().substr(0, 2), "3\n");
}

TEST_F(WeightSharingTest, AChildThatIsForkedMeanwhileEndsByItself) {
    auto loaded = load();
    ASSERT_EQ(loaded->mapped(), 0U);  // and is watched
    for (int i = 0; i < 5; ++i) {
        support::Child child([&] {
            EXPECT_TRUE(loaded->is_right());
            loaded.reset();
            (void)load();
        });
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!child.poll() && std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        EXPECT_EQ(child.poll(), 0);
    }
}

TEST_F(WeightSharingTest, WhatIsKeptIsEnoughForOneAlone) {
    config_.share = Share::on;
    EXPECT_EQ(load()->mapped(), 3U);
    config_.share = Share::automatic;
    EXPECT_EQ(load()->mapped(), 3U);
    EXPECT_EQ(entries(true).size(), 1U);
    EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(WeightSharingTest, SwitchedOffOrTooSmallNothingIsShared) {
    config_.share = Share::off;
    EXPECT_EQ(load()->mapped(), 0U);
    EXPECT_EQ(sharing().reason, "sharing is switched off");
    config_.share = Share::on;
    unpacks_ = {};
    const auto empty = load();
    EXPECT_EQ(sharing().shared_bytes, 0U);
    EXPECT_TRUE(entries(true).empty());
}

TEST_F(WeightSharingTest, WhatIsWrittenLaterStaysInItsProcess) {
    config_.share = Share::on;
    const auto first = load();
    const auto second = load();
    std::memset(first->block(1), 7, k_block_bytes);
    EXPECT_TRUE(second->is_right());
    EXPECT_TRUE(load()->is_right());
}

TEST_F(WeightSharingTest, WhatTheFirstInferenceUnpacksIsSharedToo) {
    config_.share = Share::on;
    unpacks_later_ = {4, 5};
    EXPECT_EQ(load()->mapped(), 5U);
    EXPECT_EQ(device_.warm_ups_done, 1);
    EXPECT_EQ(load()->mapped(), 5U);
    EXPECT_EQ(device_.warm_ups_done, 2);
}

TEST_F(WeightSharingTest, WithoutInferenceWhereTheImportHasUnpackedAll) {
    config_.share = Share::on;
    (void)load();
    const int before = device_.warm_ups_done;
    EXPECT_EQ(load()->mapped(), 3U);
    EXPECT_EQ(device_.warm_ups_done, before);
}

TEST_F(WeightSharingTest, AModelThatDoesNotRunOnZerosSharesWhatThereIs) {
    config_.share = Share::on;
    device_.warms_up = false;
    EXPECT_EQ(load()->mapped(), 3U);
}

TEST_F(WeightSharingTest, WhatAnotherNumberOfThreadsUnpacksIsKeptBeside) {
    config_.share = Share::on;
    const auto first = load();
    unpacks_ = {1, 12, 13};
    EXPECT_EQ(load()->mapped(), 3U);
    unpacks_ = {1, 2, 3};
    EXPECT_EQ(load()->mapped(), 3U);
    ASSERT_EQ(entries(true).size(), 1U);
    EXPECT_EQ(entries(true).front().parts.size(), 5U);
}

TEST_F(WeightSharingTest, FormsWithoutEndDoNotPileUp) {
    config_.share = Share::on;
    for (unsigned form = 0; form < 12; ++form) {
        unpacks_ = {100 + form, 200 + form, 300 + form};
        EXPECT_EQ(load()->mapped(), 3U);
    }
    ASSERT_EQ(entries(true).size(), 1U);
    EXPECT_LE(entries(true).front().parts.size(), 12U);
}

TEST_F(WeightSharingTest, MemoryOfOneValueIsNotKept) {
    config_.share = Share::on;
    device_.on_warm_up = [this] { std::memset(loading_->block(2), 0, k_block_bytes); };
    auto loaded = make();
    loading_ = loaded.get();
    ASSERT_TRUE(loaded->load());
    EXPECT_EQ(loaded->mapped(), 2U);
    EXPECT_EQ(entries(true).front().parts.size(), 2U);
}

TEST_F(WeightSharingTest, DamageCostsNobodyItsBytes) {
    config_.share = Share::on;
    (void)load();
    enum class Damage { overwritten, cut, emptied, gone, other };
    for (const auto damage :
         {Damage::overwritten, Damage::cut, Damage::emptied, Damage::gone, Damage::other}) {
        SCOPED_TRACE(static_cast<int>(damage));
        const auto objects = objects_of_blocks();
        ASSERT_EQ(objects.size(), 3U);
        const auto& path = objects.front();
        fs::permissions(path, fs::perms::owner_all);
        switch (damage) {
            case Damage::overwritten: {
                std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
                file.seekp(k_block_bytes / 2 + 1001);
                file.put('?');
                break;
            }
            case Damage::cut: fs::resize_file(path, k_block_bytes / 2); break;
            case Damage::emptied: fs::resize_file(path, 0); break;
            case Damage::gone: fs::remove(path); break;
            case Damage::other: support::write_file(path, std::string(k_block_bytes, 'x')); break;
        }
        // Its own bytes are right in any case, and what is damaged is kept anew in the end.
        (void)load();
        (void)load();
        EXPECT_EQ(load()->mapped(), 3U);
        auto store = open();
        EXPECT_TRUE(store->verify({})->findings.empty());
    }
}

TEST_F(WeightSharingTest, RemovalTakesNothingFromWhoHasIt) {
    config_.share = Share::on;
    const auto first = load();
    auto store = open();
    for (const auto unpacked : {true, false}) {
        for (const auto& entry : entries(unpacked)) {
            EXPECT_TRUE(store->remove(std::vector{entry.key}));
        }
    }
    EXPECT_TRUE(objects_of_blocks().empty());
    EXPECT_TRUE(first->is_right());
    EXPECT_EQ(first->mapped(), 0U);
}

TEST_F(WeightSharingTest, NothingGoesForItUnlessItIsAskedFor) {
    const auto first = load();
    config_.max_size.bytes = k_releasable_blob_bytes + 2 * k_block_bytes;
    const auto second = load();
    EXPECT_EQ(second->mapped(), 0U);
    EXPECT_NE(sharing().reason.find("no room"), std::string::npos) << sharing().reason;
    EXPECT_EQ(entries(false).size(), 1U);
    EXPECT_TRUE(entries(true).empty());
    config_.max_size.bytes += 2 * k_block_bytes;
    EXPECT_EQ(load()->mapped(), 3U);
}

TEST_F(WeightSharingTest, WhoOnlyReadsSharesWhatIsThere) {
    config_.mode = Mode::read_only;
    config_.share = Share::on;
    EXPECT_EQ(load()->mapped(), 0U);
    config_.mode = Mode::on;
    EXPECT_EQ(load()->mapped(), 3U);
    config_.mode = Mode::read_only;
    EXPECT_EQ(load()->mapped(), 3U);
    unpacks_ = {7, 8, 9};
    EXPECT_EQ(load()->mapped(), 0U);
    EXPECT_EQ(entries(true).front().parts.size(), 3U);
}

TEST_F(WeightSharingTest, AnotherModelWithTheSameWeightsSharesTheirFiles) {
    config_.share = Share::on;
    const auto first = load();
    const auto before = objects_of_blocks();
    device_.inputs["property.NAME"] = "another";
    const auto share = std::exchange(config_.share, Share::off);
    auto compiled = make();
    loading_ = compiled.get();
    ASSERT_EQ(compiled->load()->outcome, Outcome::compiled);
    config_.share = share;
    EXPECT_EQ(load()->mapped(), 3U);
    EXPECT_EQ(entries(true).size(), 2U);
    auto after = objects_of_blocks();
    std::ranges::sort(after);
    after.erase(std::unique(after.begin(), after.end()), after.end());
    EXPECT_EQ(after.size(), before.size());
}

TEST_F(WeightSharingTest, ProcessesThatStartTogetherShareOneCopy) {
    constexpr int k_processes = 6;
    std::vector<std::unique_ptr<support::Child>> children;
    for (int i = 0; i < k_processes; ++i) {
        children.push_back(std::make_unique<support::Child>([this] {
            config_.share = Share::on;
            const auto loaded = load();
            EXPECT_EQ(loaded->mapped(), 3U);
        }));
    }
    for (auto& child : children) EXPECT_EQ(child->wait(), 0);
    EXPECT_EQ(entries(true).size(), 1U);
    EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(WeightSharingTest, AProcessThatIsKilledMeanwhileLeavesNothing) {
    for (int i = 0; i < 8; ++i) {
        const support::Signal begins;
        support::Child child([&] {
            config_.share = Share::on;
            device_.on_warm_up = [&] { begins.raise(); };
            (void)load();
        });
        ASSERT_TRUE(begins.wait());
        std::this_thread::sleep_for(std::chrono::milliseconds(7 * i));
        child.kill();
        (void)child.wait();
        EXPECT_TRUE(load()->is_right());
        // Opening sweeps.
        EXPECT_TRUE(open()->verify({})->findings.empty());
        EXPECT_EQ(temporary_files(), 0U);
        auto store = open();
        for (const auto& entry : entries(true)) (void)store->remove(std::vector{entry.key});
    }
}

TEST(WeightSharingTurns, AreAsManyAsThereAreMemoryAndCoresFor) {
    constexpr std::uint64_t k_bytes = std::uint64_t{4} << 30;
    EXPECT_EQ(WeightSharing::turns(k_bytes, k_bytes / 2, 64), 1U);
    EXPECT_EQ(WeightSharing::turns(k_bytes, 2 * k_bytes, 64), 1U);
    EXPECT_EQ(WeightSharing::turns(k_bytes, 5 * k_bytes, 64), 4U);
    EXPECT_EQ(WeightSharing::turns(k_bytes, 100 * k_bytes, 64), 16U);
    EXPECT_EQ(WeightSharing::turns(k_bytes, 100 * k_bytes, 16), 4U);
    EXPECT_EQ(WeightSharing::turns(k_bytes, 100 * k_bytes, 2), 1U);
    // Nobody tells.
    EXPECT_EQ(WeightSharing::turns(k_bytes, 0, 1024), 16U);
}

TEST_F(WeightSharingTest, NoFaultCostsTheModelOrItsBytes) {
    config_.share = Share::on;
    std::uint64_t calls_of_import = 0;
    const auto on_import = device_.on_import;
    device_.on_import = [&] {
        on_import();
        if (calls_of_import == 0) calls_of_import = faulty_.calls();
    };
    faulty_.reset();
    (void)load();
    for (const int error : {EIO, ENOSPC}) {
        auto calls_before = calls_of_import;
        for (bool reached = true; reached; ++calls_before) {
            {
                auto store = open();
                for (const auto& entry : entries(true)) (void)store->remove(std::vector{entry.key});
            }
            auto loaded = make();
            loading_ = loaded.get();
            faulty_.fail_once_after(calls_before, error);
            const auto response = loaded->load();
            reached = faulty_.faults() > 0;
            faulty_.heal();
            ASSERT_TRUE(response.has_value()) << calls_before;
            ASSERT_TRUE(loaded->is_right()) << calls_before;
        }
        EXPECT_GT(calls_before, calls_of_import + 50);
        EXPECT_EQ(load()->mapped(), 3U);
    }
}

}  // namespace
}  // namespace larder::internal::cache
