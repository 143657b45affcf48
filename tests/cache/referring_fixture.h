// Complete requests with referring entries, on a fake runtime that copies the imported bytes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "attempt_harness.h"
#include "support/interrupted_calls.h"
#include "support/meddled_file_system.h"
#include "support/random_text.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {

class ReferringTest : public AttemptTest {
protected:
    static constexpr std::size_t k_weights_bytes = 600'000;
    static constexpr std::uint64_t k_small_bytes = 50'000;

    ReferringTest() {
        std::filesystem::create_directories(root_ / "models");
        support::write_file(xml_, R"(<net name="m" version="11"><layers>)"
                                  R"(<layer id="0" name="c" type="Const"/></layers></net>)");
        put(a_);
        device_.copies_blob = true;
        device_.weights_in_blob = a_;
        // Like a real runtime, it reads the current content of the file.
        device_.on_compile = [this] { device_.weights_in_blob = support::read_file(bin_); };
    }

    // Replaces the old file by a new one.
    void put(const std::string& weights) const {
        support::write_file(bin_ + ".new", weights);
        std::filesystem::rename(bin_ + ".new", bin_);
    }
    void overwrite(const std::string& weights) const {
        const auto time = std::filesystem::last_write_time(bin_);
        {
            std::fstream file(bin_, std::ios::in | std::ios::out | std::ios::binary);
            file.write(weights.data(), static_cast<std::streamsize>(weights.size()));
        }
        std::filesystem::last_write_time(bin_, time);
    }
    // Waits so that later changes are visible in the times of the files.
    static void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(30)); }

    // In a session of its own.
    Outcome ask_for(const ModelReference& reference, os::FileSystem& fs) {
        const auto real = system_.system();
        Session session({fs, real.clock, real.entropy, real.process}, log_, config_);
        support::FakeRequest request(device_, "x");
        const auto response = serve(session, request, reference);
        EXPECT_TRUE(response) << response.error().message();
        EXPECT_EQ(request.result(), "compiled x");
        if (!response) return Outcome::bypassed;
        reason_ = response->reason;
        weights_ = response->outcome == Outcome::loaded ? device_.imported_weights
                                                        : device_.weights_in_blob;
        return response->outcome;
    }
    Outcome ask_in(const std::string& path) {
        ModelReference reference;
        reference.path = path;
        return ask_for(reference, meddled_);
    }
    Outcome ask() { return ask_in(xml_); }
    [[nodiscard]] std::uint64_t kept_bytes() const {
        std::uint64_t bytes = 0;
        for (const auto& file :
             std::filesystem::recursive_directory_iterator(root_ / "larder/objects")) {
            if (file.is_regular_file()) bytes += file.file_size();
        }
        return bytes;
    }
    void forget() const {
        std::filesystem::remove_all(config_.directory);
        std::filesystem::remove_all(config_.state_directory);
    }
    [[nodiscard]] bool is_of_model(const support::Call& call) const {
        return call.path.starts_with((root_ / "models").string());
    }
    // The next request, and another one after all other processes have ended.
    void expect_right(const std::string& weights, const std::string& what) {
        meddled_.stop();
        const auto outcome = ask();
        EXPECT_TRUE(outcome == Outcome::loaded || outcome == Outcome::compiled) << what << reason_;
        EXPECT_TRUE(weights_ == weights) << what;
        EXPECT_EQ(ask(), Outcome::loaded) << what << reason_;
        EXPECT_TRUE(weights_ == weights) << what;
    }

    std::string xml_ = root_ / "models/m.xml";
    std::string bin_ = root_ / "models/m.bin";
    std::string a_ = support::random_text(k_weights_bytes, 1);
    std::string b_ = support::random_text(k_weights_bytes, 2);
    support::UnsyncedCalls calls_;
    std::unique_ptr<os::FileSystem> fs_ = os::make_posix_file_system(calls_);
    support::MeddledFileSystem meddled_{*fs_};
    std::string weights_;  // of the model that the last request ended with
};

}  // namespace larder::internal::cache
