// A larder, models in files, and requests for them in this process, each in a session of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <openvino/openvino.hpp>

#include "cache/session/session.h"
#include "os/system.h"
#include "support/interrupted_calls.h"
#include "support/meddled_file_system.h"
#include "support/temporary_directory.h"

namespace larder::testing {

// The result of a request.
struct Answer {
    std::optional<internal::cache::Outcome> outcome;  // nothing: it threw
    std::string reason;                               // or what it threw
    std::vector<std::vector<float>> outputs;
};

[[nodiscard]] std::string_view name_of(const Answer& answer);

// The runtime starts threads, so it is used only in children of the test (support::Child), each of
// which makes a Requester.
class Requester {
public:
    explicit Requester(const std::filesystem::path& root);

    [[nodiscard]] Answer ask(const std::filesystem::path& model);
    // Reads the model, and requests the graph.
    [[nodiscard]] Answer ask_in_memory(const std::filesystem::path& model);
    // Without a larder.
    [[nodiscard]] Answer compile(const std::filesystem::path& model);

    // Requests the model with unchanged files: the outputs are those of a fresh compile.
    void expect(internal::cache::Outcome outcome, const std::filesystem::path& model);
    void expect_in_memory(internal::cache::Outcome outcome, const std::filesystem::path& model);

    [[nodiscard]] internal::support::MeddledFileSystem& files() { return files_; }
    [[nodiscard]] internal::cache::Config& config() { return config_; }
    // The bytes of all objects.
    [[nodiscard]] std::uint64_t kept_bytes() const;
    void forget() const;

private:
    Answer ask(const std::string& path, const std::shared_ptr<const ov::Model>& model);

    ov::Core core_;
    internal::os::RealSystem real_;
    internal::os::System system_ = real_.system();
    internal::support::UnsyncedCalls calls_;
    std::unique_ptr<internal::os::FileSystem> fs_ = internal::os::make_posix_file_system(calls_);
    internal::support::MeddledFileSystem files_{*fs_};
    internal::cache::Config config_;
};

}  // namespace larder::testing
