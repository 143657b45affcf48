// Whole requests on a fake runtime, in a larder of their own.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/attempt/serve.h"
#include "support/fake_runtime.h"

namespace larder::internal::cache {

struct Asked {
    Result<Response> response;
    std::string model;
};

class AttemptTest : public ::testing::Test {
protected:
    AttemptTest() {
        auto pattern = (std::filesystem::path(::testing::TempDir()) / "larder-XXXXXX").string();
        root_ = ::mkdtemp(pattern.data());
        config_.directory = root_ / "larder";
        config_.state_directory = root_ / "state";
    }
    ~AttemptTest() override {
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }

    Asked ask(Session& session, const std::string& model = "x") {
        support::FakeRequest request(device_, model);
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        reference.name = model;
        auto response = serve(session, request, reference);
        return {std::move(response), request.result()};
    }
    // In a session of its own, like a new process.
    Asked ask(const std::string& model = "x") {
        Session session(system(), log_, config_);
        return ask(session, model);
    }
    os::System system() {
        const auto real = system_.system();
        return {real.fs, clock_ != nullptr ? *clock_ : real.clock, real.entropy, real.process};
    }
    Outcome outcome(const std::string& model = "x") {
        const auto asked = ask(model);
        EXPECT_TRUE(asked.response.has_value());
        EXPECT_EQ(asked.model, "compiled " + model);
        reason_ = asked.response->reason;
        return asked.response->outcome;
    }
    // Runs in a child, and returns its wait status.
    int in_a_child(const std::function<void()>& work) {
        const auto child = ::fork();
        if (child == 0) {
            work();
            ::_exit(0);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        return status;
    }
    std::size_t count(const std::string& part) const {
        if (!std::filesystem::exists(std::filesystem::path(config_.directory) / part)) return 0;
        std::size_t files = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(
                 std::filesystem::path(config_.directory) / part)) {
            files += entry.is_regular_file() ? 1U : 0U;
        }
        return files;
    }

    std::filesystem::path root_;
    os::RealSystem system_;
    os::Clock* clock_ = nullptr;  // in place of the real one
    std::vector<std::string> said_;
    Log log_{LogLevel::warn,
             [this](LogLevel, std::string_view message) { said_.emplace_back(message); }};
    Config config_;
    support::FakeDevice device_;
    std::string reason_;
};

}  // namespace larder::internal::cache
