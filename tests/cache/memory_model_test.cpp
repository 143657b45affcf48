// Goal: the stored blob of a model in memory was compiled from the content in its key, although its
// weights are in a file that other programs may change at the same time. Method: complete requests
// on a fake runtime with mapped weights; the file changes during the compile.
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cache/attempt/serve.h"
#include "support/fake_clock.h"
#include "support/fake_runtime.h"
#include "support/mapped_memory.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_size = std::size_t{5} << 20;

class MemoryModel : public ::testing::Test {
protected:
    MemoryModel() {
        support::write_file(file_, std::string(k_size, 'w'));
        config_.directory = directory_ / "larder";
        config_.state_directory = directory_ / "state";
        clock_.set_wall(real_.system().clock.wall() + std::chrono::hours(1));
    }

    // A process that maps the file as it is now.
    Outcome outcome() {
        const support::MappedMemory mapped(file_);
        device_.weights = {mapped.bytes()};
        const auto real = real_.system();
        return ask({real.fs, clock_, real.entropy, real.process});
    }
    Outcome ask(const os::System& system) {
        Session session(system, log_, config_);
        support::FakeRequest request(device_, "x");
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        reference.name = "x";
        const auto response = serve(session, request, reference);
        EXPECT_TRUE(response.has_value());
        EXPECT_EQ(request.result(), "compiled x");
        reason_ = response->reason;
        return response->outcome;
    }
    void overwrite(std::size_t offset) const {
        const auto time = fs::last_write_time(file_);
        support::flip_byte(file_, offset);
        fs::last_write_time(file_, time);
    }

    support::TemporaryDirectory directory_{support::fast_directory()};
    std::string file_ = directory_ / "weights.bin";
    os::RealSystem real_;
    support::FakeClock clock_;
    std::vector<std::string> said_;
    Log log_{LogLevel::warn,
             [this](LogLevel, std::string_view message) { said_.emplace_back(message); }};
    Config config_;
    support::FakeDevice device_;
    std::string reason_;
};

TEST_F(MemoryModel, IsCompiledOnceForAsLongAsItsWeightsStay) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(outcome(), Outcome::loaded);
    overwrite(k_size / 2);
    EXPECT_EQ(outcome(), Outcome::compiled);
    overwrite(k_size / 2);
    EXPECT_EQ(outcome(), Outcome::loaded) << "they are again what they were";
    EXPECT_TRUE(said_.empty());
}

TEST_F(MemoryModel, IsNotKeptIfItsWeightsChangeWhileItIsCompiled) {
    device_.on_compile = [this] { overwrite(k_size / 2); };
    EXPECT_EQ(outcome(), Outcome::bypassed);
    EXPECT_NE(reason_.find("changed"), std::string::npos) << reason_;
    device_.on_compile = {};
    overwrite(k_size / 2);
    EXPECT_EQ(outcome(), Outcome::compiled) << "nothing is kept of these weights";
}

// The times of a file that was just written do not show a further change.
TEST_F(MemoryModel, IsHashedAgainIfItsWeightsWereJustWritten) {
    clock_.set_wall(real_.system().clock.wall() - std::chrono::hours(1));
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(outcome(), Outcome::loaded);
}

TEST_F(MemoryModel, IsBypassedIfItsFileBecameShorter) {
    EXPECT_EQ(outcome(), Outcome::compiled);
    const support::MappedMemory mapped(file_);
    fs::resize_file(file_, k_size / 2);
    device_.weights = {mapped.bytes()};
    EXPECT_EQ(ask(real_.system()), Outcome::bypassed);
    EXPECT_NE(reason_.find("shorter"), std::string::npos) << reason_;
}

TEST_F(MemoryModel, NamesDecideWhereTheDeviceSaysSo) {
    device_.names = hash_bytes({});
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(outcome(), Outcome::loaded);
    device_.names = Digest{};
    EXPECT_EQ(outcome(), Outcome::compiled);
    device_.names.reset();
    EXPECT_EQ(outcome(), Outcome::compiled);
    EXPECT_EQ(outcome(), Outcome::loaded);
}

TEST_F(MemoryModel, NamesOfPortsThatTheCompilerMadeAreToldToTheImport) {
    device_.port_names = "6:source";
    EXPECT_EQ(outcome(), Outcome::compiled);
    device_.port_names.clear();
    EXPECT_EQ(outcome(), Outcome::loaded);
    EXPECT_EQ(device_.expected_port_names, "6:source");
}

}  // namespace
}  // namespace larder::internal::cache
