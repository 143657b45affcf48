// Models of a fake runtime that allocates like a plugin, and sessions that load them.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include "cache/attempt/serve.h"
#include "cache/pages/blob_pages.h"
#include "cache/sharing/unpacked.h"
#include "os/address_space.h"
#include "os/page_size.h"
#include "process/large_blocks.h"
#include "support/byte_pattern.h"
#include "support/c_library_allocator.h"
#include "support/fake_runtime.h"
#include "support/fault_file_system.h"
#include "support/process.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {

inline constexpr std::size_t k_block_bytes = std::size_t{17} << 20;
inline constexpr std::size_t k_tail_bytes = 100;  // behind the last whole page

// Allocates like a plugin, by calls that can be redirected.
class AllocatingLibrary {
public:
    AllocatingLibrary() : handle_(::dlopen(ALLOCATING_LIBRARY, RTLD_NOW | RTLD_LOCAL)) {
        EXPECT_NE(handle_, nullptr) << ::dlerror();
    }
    AllocatingLibrary(const AllocatingLibrary&) = delete;
    AllocatingLibrary& operator=(const AllocatingLibrary&) = delete;
    ~AllocatingLibrary() { ::dlclose(handle_); }

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

// Whether memory that begins here is mapped from an object, or from an unpublished one.
inline bool is_mapped_from_file(const std::byte* begin) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        if (std::stoull(line, nullptr, 16) != reinterpret_cast<std::uintptr_t>(begin)) continue;
        // A file that is being published has no other name yet.
        const bool is_object = line.find("/objects/") != std::string::npos ||
                               line.find("/tmp/object-") != std::string::npos;
        return is_object && !line.ends_with("(deleted)");
    }
    return false;
}

// One loaded model: a session of its own, like in a process, and the blocks of its unpacked
// weights.
class LoadedModel {
public:
    LoadedModel(const os::System& system, Log& log, const Config& config,
                support::FakeDevice& device, const AllocatingLibrary& library)
        : session_(system, log, config), request_(device, "x"), library_(library) {}
    LoadedModel(const LoadedModel&) = delete;
    LoadedModel& operator=(const LoadedModel&) = delete;
    ~LoadedModel() {
        for (const auto& block : blocks_) library_.free(block.begin);
    }

    void unpack(unsigned seed) {
        auto* const begin = library_.allocate(k_block_bytes + k_tail_bytes);
        support::fill_with_pattern({begin, k_block_bytes}, seed);
        std::memset(begin + k_block_bytes, 1, k_tail_bytes);
        blocks_.push_back({begin, seed});
    }

    Result<Response> load() {
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        reference.name = "x";
        return serve(session_, request_, reference);
    }

    // Whether every byte equals the unpacked byte.
    [[nodiscard]] bool is_right() const {
        return std::ranges::all_of(blocks_, [](const Block& block) {
            return support::has_pattern({block.begin, k_block_bytes}, block.seed) &&
                   std::all_of(block.begin + k_block_bytes,
                               block.begin + k_block_bytes + k_tail_bytes,
                               [](std::byte b) { return b == std::byte{1}; });
        });
    }
    // How many of its blocks are mapped from published files.
    [[nodiscard]] std::size_t mapped() const {
        return static_cast<std::size_t>(std::ranges::count_if(
            blocks_, [](const Block& block) { return is_mapped_from_file(block.begin); }));
    }
    // Whether no change of a file can change a byte any more.
    [[nodiscard]] bool has_own_pages() const {
        os::ProcAddressSpace address_space;
        return std::ranges::all_of(blocks_, [&](const Block& block) {
            const std::span<const std::byte> bytes(block.begin, k_block_bytes);
            for (std::size_t at = 0; at < bytes.size(); at += os::page_bytes()) {
                const auto copied = address_space.has_copied_pages(bytes.subspan(at, 1));
                if (!copied || !*copied) return false;
            }
            return true;
        });
    }
    [[nodiscard]] std::byte* block(std::size_t i) const { return blocks_.at(i).begin; }

private:
    struct Block {
        std::byte* begin;
        unsigned seed;
    };

    Session session_;
    support::FakeRequest request_;
    const AllocatingLibrary& library_;
    std::vector<Block> blocks_;
};

// A file system on which one kind of call on an unpublished object does not return for a while.
class StallingFileSystem final : public support::InterceptedFileSystem {
public:
    StallingFileSystem(os::FileSystem& inner, support::Operation operation)
        : InterceptedFileSystem(inner), operation_(operation) {}

    void stall() {
        const std::lock_guard lock(mutex_);
        stalls_ = true;
    }
    void go_on() {
        const std::lock_guard lock(mutex_);
        stalls_ = false;
        changed_.notify_all();
    }
    bool wait_until_stalled() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return is_stalled_; });
    }

protected:
    std::optional<Error> before(const support::Call& call) override {
        const bool is_object = call.path.find("/tmp/object-") != std::string::npos;
        if (call.operation != operation_ || !is_object) return std::nullopt;
        std::unique_lock lock(mutex_);
        if (!stalls_) return std::nullopt;
        is_stalled_ = true;
        changed_.notify_all();
        changed_.wait(lock, [&] { return !stalls_; });
        return std::nullopt;
    }

private:
    const support::Operation operation_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stalls_ = false;
    bool is_stalled_ = false;
};

class WeightSharingTest : public ::testing::Test {
protected:
    WeightSharingTest() {
        // Else glibc takes blocks from its heap, whose pages are not shared, once a test before
        // this one has freed larger ones.
        ::mallopt(M_MMAP_THRESHOLD, static_cast<int>(std::size_t{1} << 20));
        config_.directory = root_ / "larder";
        config_.state_directory = root_ / "state";
        config_.share = Share::automatic;
        // Short for two copies.
        config_.available_memory_bytes = 8 * k_releasable_blob_bytes;
        // At any speed of the disk.
        config_.keep_limit = std::chrono::minutes(10);
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
        if (support::is_address_sanitized()) {
            support::allocate_by_c_library(device_.unpacking_libraries.front());
        }
        const auto obstacle = process::obstacle_to_recording(device_.unpacking_libraries);
        if (support::is_thread_sanitized()) GTEST_SKIP() << obstacle;
        ASSERT_EQ(obstacle, "");
        // Compiled once; all other requests are loads.
        const auto share = std::exchange(config_.share, Share::off);
        ASSERT_EQ(make()->load()->outcome, Outcome::compiled);
        config_.share = share;
    }

    std::unique_ptr<LoadedModel> make() {
        const auto system = system_.system();
        return std::make_unique<LoadedModel>(
            os::System{*fs_, system.clock, system.entropy, system.process}, log_, config_, device_,
            library_);
    }
    // Like another process, and keeps it loaded.
    std::unique_ptr<LoadedModel> load() {
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
    // Waits until a load has published its files.
    void wait_until_published() const {
        const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (temporary_files("object-") > 0 || temporary_files("entry-") > 0) {
            ASSERT_LT(std::chrono::steady_clock::now(), until);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }

    // Another process that has the model loaded, until this ends.
    class Elsewhere {
    public:
        explicit Elsewhere(
            WeightSharingTest& test,
            const std::function<void(LoadedModel&)>& then = [](LoadedModel&) {})
            : process_([&test, &then, this] {
                  const auto loaded = test.load();
                  is_loaded_.raise();
                  then(*loaded);
                  EXPECT_TRUE(may_end_.wait());
              }) {
            EXPECT_TRUE(is_loaded_.wait());
        }
        Elsewhere(const Elsewhere&) = delete;
        Elsewhere& operator=(const Elsewhere&) = delete;
        ~Elsewhere() {
            may_end_.raise();
            EXPECT_EQ(process_.wait(), 0);
        }

    private:
        support::Signal is_loaded_;
        support::Signal may_end_;
        support::Child process_;
    };

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
    std::vector<std::filesystem::path> objects_of_blocks() {
        std::vector<std::filesystem::path> paths;
        for (const auto& entry : entries(true)) {
            for (const auto& part : entry.parts) {
                const auto hex = part.object.hex();
                paths.emplace_back(config_.directory + "/objects/" + hex.substr(0, 2) + "/" + hex);
            }
        }
        return paths;
    }
    // Whether any file of the larder or of this machine's state holds these bytes.
    bool is_any_file_with(const std::string& text) const {
        for (const auto& file : std::filesystem::recursive_directory_iterator(root_.path())) {
            if (!file.is_regular_file()) continue;
            if (support::read_file(file.path()).find(text) != std::string::npos) return true;
        }
        return false;
    }
    std::size_t temporary_files(std::string_view kind = {}) const {
        const std::filesystem::directory_iterator files(config_.directory + "/tmp");
        return static_cast<std::size_t>(std::count_if(
            begin(files), end(files),
            [&](const auto& one) { return one.path().filename().string().starts_with(kind); }));
    }

    support::TemporaryDirectory root_;
    os::RealSystem system_;
    os::System plain_ = system_.system();
    support::FaultFileSystem faulty_{plain_.fs};
    os::FileSystem* fs_ = &faulty_;
    store::NoMemory memory_;
    Log log_{LogLevel::error, [](LogLevel, std::string_view) {}};
    Config config_;
    support::FakeDevice device_;
    AllocatingLibrary library_;
    std::vector<unsigned> unpacks_{1, 2, 3};
    std::vector<unsigned> unpacks_later_;
    LoadedModel* loading_ = nullptr;
    Result<Response> response_ = fail(Errc::io, "nothing was loaded");
};

}  // namespace larder::internal::cache
