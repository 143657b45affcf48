// A program that requests several models in a row, and a record of the bytes that are read ahead.
#pragma once

#include <atomic>
#include <cctype>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "cache/ahead/next_model.h"
#include "cache/attempt/serve.h"
#include "support/fake_runtime.h"
#include "support/intercepted_file_system.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {

namespace fs = std::filesystem;
using support::FakeDevice;
using support::FakeRequest;
using support::Operation;

inline constexpr std::uint64_t k_mib = std::uint64_t{1} << 20;
inline constexpr std::size_t k_padding = 6 * k_mib;

// Records how far each file was read, and lets a test stop a reader.
class Watcher final : public support::InterceptedFileSystem {
public:
    using InterceptedFileSystem::InterceptedFileSystem;

    [[nodiscard]] bool was_opened(const std::string& path) const {
        const std::lock_guard lock(mutex_);
        return read_to_.contains(path);
    }
    // The end of the last read.
    [[nodiscard]] std::uint64_t read_to(const std::string& path) const {
        const std::lock_guard lock(mutex_);
        const auto found = read_to_.find(path);
        return found == read_to_.end() ? 0 : found->second;
    }
    void forget() {
        const std::lock_guard lock(mutex_);
        read_to_.clear();
    }
    // Every thread of this process that reads `path` waits until release().
    void hold(const std::string& path) {
        const std::lock_guard lock(mutex_);
        held_ = path;
        held_in_ = os::current_process_id();
    }
    void wait_until_held() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_; });
    }
    void release() {
        const std::lock_guard lock(mutex_);
        held_.clear();
        changed_.notify_all();
    }

protected:
    std::optional<Error> before(const support::Call& call) override {
        std::unique_lock lock(mutex_);
        if (call.operation == Operation::open) read_to_[call.path];
        if (call.operation != Operation::read) return {};
        auto& read_to = read_to_[call.path];
        read_to = std::max(read_to, call.offset + 1);
        if (call.path == held_ && held_in_ == os::current_process_id()) {
            waiting_ = true;
            changed_.notify_all();
            changed_.wait(lock, [&] { return held_.empty(); });
            waiting_ = false;
        }
        return {};
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::uint64_t> read_to_;
    std::string held_;
    std::int64_t held_in_ = 0;
    bool waiting_ = false;
};

// False if the condition is not met within a very long time.
inline bool eventually(const std::function<bool()>& is_so) {
    for (int i = 0; i < 6'000; ++i) {
        if (is_so()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

inline std::size_t threads() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/task")) ++count;
    return count;
}

// The number of threads without larder: a sanitizer starts a thread with the first one, and a
// joined thread is listed for a moment longer.
inline std::size_t threads_alone() {
    pid_t id = 0;
    std::thread([&id] { id = ::gettid(); }).join();
    EXPECT_TRUE(eventually([&] { return !fs::exists("/proc/self/task/" + std::to_string(id)); }));
    return threads();
}

class NextModelTest : public ::testing::Test {
protected:
    NextModelTest() : process_(real_.system().process) {
        config_.directory = directory_ / "larder";
        config_.state_directory = directory_ / "state";
    }

    [[nodiscard]] os::System system() {
        return {watcher_, real_.system().clock, real_.system().entropy, process_};
    }
    [[nodiscard]] std::unique_ptr<Session> start() {
        return std::make_unique<Session>(system(), log_, config_);
    }
    // Models with capital letters are small.
    Response ask(Session& session, const std::string& model) {
        device_.blob_padding = std::isupper(model[0]) != 0 ? 0 : k_padding;
        FakeRequest request(device_, model);
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        reference.name = model;
        auto response = serve(session, request, reference);
        EXPECT_TRUE(response.has_value());
        EXPECT_TRUE(request.result() == "compiled " + model);
        if (!response) return {};
        if (response->key) keys_[model] = format::Key{*response->key};
        if (response->object) {
            const auto name = response->object->hex();
            objects_.insert_or_assign(model, *response->object);
            paths_[model] = config_.directory + "/objects/" + name.substr(0, 2) + "/" + name;
        }
        return *response;
    }
    // One run of a program that asks for these models, of one letter each.
    void run(const std::string& models) {
        const auto session = start();
        for (const char model : models) (void)ask(*session, std::string(1, model));
    }
    void learn(const std::string& models) {
        run(models);
        // A file that was written in the same tick of the clock is read, and not remembered as
        // verified.
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        run(models);
        watcher_.forget();
    }
    void reboot() { process_.boot_id += "'"; }
    [[nodiscard]] const std::string& path(const std::string& model) const {
        return paths_.at(model);
    }
    [[nodiscard]] bool is_alone() const {
        return eventually([this] { return threads() == alone_; });
    }
    [[nodiscard]] bool is_read(const std::string& model) const {
        return watcher_.read_to(path(model)) > 4 * k_mib;
    }

    std::size_t alone_ = threads_alone();
    support::TemporaryDirectory directory_{support::fast_directory()};
    os::RealSystem real_;
    os::ProcessInfo process_;
    Watcher watcher_{real_.system().fs};
    std::atomic<int> said_{0};
    Log log_{LogLevel::warn, [this](LogLevel, std::string_view) { ++said_; }};
    Config config_;
    FakeDevice device_;
    std::map<std::string, format::Key> keys_;
    std::map<std::string, Digest> objects_;
    std::map<std::string, std::string> paths_;
};

}  // namespace larder::internal::cache
