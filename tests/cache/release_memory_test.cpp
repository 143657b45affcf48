// The memory that a compile releases, on a fake runtime.
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/attempt/serve.h"
#include "cache/pages/blob_pages.h"
#include "cache/pages/scratch.h"
#include "cache/pages/source_pages.h"
#include "support/fake_runtime.h"
#include "support/temporary_directory.h"
#include "support/unable.h"

namespace larder::internal::cache {
namespace {

namespace fs = std::filesystem;

class ReleaseMemoryTest : public ::testing::Test {
protected:
    ReleaseMemoryTest() {
        config_.directory = root_ / "larder";
        config_.state_directory = root_ / "state";
        device_.blob_padding = k_releasable_blob_bytes;
    }

    // In a session of its own, like a new process.
    Outcome ask() {
        Session session(system_.system(), log_, config_);
        support::FakeRequest request(device_, "x");
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        reference.name = "x";
        const auto response = serve(session, request, reference);
        EXPECT_TRUE(response.has_value());
        EXPECT_EQ(request.result(), "compiled x");
        return response ? response->outcome : Outcome::bypassed;
    }
    std::size_t temporary_files() const {
        std::size_t files = 0;
        for (const auto& entry : fs::directory_iterator(config_.directory + "/tmp")) {
            files += entry.is_regular_file() ? 1U : 0U;
        }
        return files;
    }

    support::TemporaryDirectory root_;
    os::RealSystem system_;
    Log log_{LogLevel::error, [](LogLevel, std::string_view) {}};
    Config config_;
    support::FakeDevice device_;
};

TEST_F(ReleaseMemoryTest, WhatWasKeptTakesThePlaceOfWhatWasCompiled) {
    EXPECT_EQ(ask(), Outcome::compiled);
    EXPECT_EQ(device_.compiles_done, 1);
    EXPECT_EQ(device_.imports_done, 1);
    EXPECT_EQ(ask(), Outcome::loaded);
}

TEST_F(ReleaseMemoryTest, UnlessItIsSwitchedOffOrWouldGiveNothingBack) {
    config_.release_memory = ReleaseMemory::off;
    EXPECT_EQ(ask(), Outcome::compiled);
    EXPECT_EQ(device_.imports_done, 0);
    config_.release_memory = ReleaseMemory::on;
    config_.mode = Mode::refresh;
    device_.holds_model = false;
    EXPECT_EQ(ask(), Outcome::compiled);
    EXPECT_EQ(device_.imports_done, 0);
    device_.holds_model = true;
    device_.blob_padding = 0;
    EXPECT_EQ(ask(), Outcome::compiled);
    EXPECT_EQ(device_.imports_done, 0);
}

TEST_F(ReleaseMemoryTest, ARefusedBlobCostsASecondCompileOnce) {
    device_.accepts = false;
    EXPECT_EQ(ask(), Outcome::bypassed);
    EXPECT_EQ(device_.compiles_done, 2);
    // At this point it is known that the runtime refuses the blob.
    for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(), Outcome::bypassed);
    EXPECT_EQ(device_.compiles_done, 4);
    EXPECT_EQ(device_.exports_done, 1);
}

// Sanitizers handle crashes themselves, so that larder does not detect them.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(ReleaseMemoryTest, ABlobThatCrashesIsNotTriedRightAfterACompileAgain) {
    device_.on_import = [] {
        volatile int* volatile nowhere = nullptr;
        *nowhere = 1;
    };
    const auto child = ::fork();
    if (child == 0) {
        (void)ask();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(ask(), Outcome::compiled);
    EXPECT_EQ(device_.imports_done, 0);
}
#endif

TEST_F(ReleaseMemoryTest, WeightsMoveToAFileThatHasNoNameAfterwards) {
    if (system_.system().fs.space(root_.path())->locality != os::Locality::local) {
        LARDER_UNABLE() << "nothing moves from memory to memory";
    }
    runtime::Blob weights;
    device_.on_unpack = [&](runtime::Scratch& scratch) {
        constexpr std::uint64_t k_bytes = std::uint64_t{64} << 20;
        ASSERT_TRUE(scratch.reserve(k_bytes));
        EXPECT_EQ(temporary_files(), 1U);
        const std::string text = "weights";
        ASSERT_TRUE(scratch.write_at(k_bytes - text.size(), std::as_bytes(std::span(text))));
        auto mapped = scratch.map(k_bytes);
        ASSERT_TRUE(mapped);
        weights = std::move(*mapped);
    };
    EXPECT_EQ(ask(), Outcome::compiled);
    EXPECT_EQ(temporary_files(), 0U);
    const auto last = weights.bytes.last(7);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(last.data()), last.size()), "weights");
}

TEST_F(ReleaseMemoryTest, AFewWeightsStayWhereTheyAre) {
    device_.on_unpack = [](runtime::Scratch& scratch) {
        EXPECT_EQ(scratch.reserve(4096).error().code, Errc::unsupported);
        EXPECT_EQ(scratch.reserve(std::uint64_t{1} << 60).error().code, Errc::no_space);
        EXPECT_FALSE(scratch.map(4096));
    };
    EXPECT_EQ(ask(), Outcome::compiled);
    EXPECT_EQ(temporary_files(), 0U);
}

// A private mapping may have pages that its file does not: those must stay.
TEST_F(ReleaseMemoryTest, OnlyPagesThatTheFileHasAreDropped) {
    constexpr std::size_t k_bytes = std::size_t{160} << 20;
    const auto file = system_.system().fs.open(root_ / "weights", os::OpenMode::create_exclusive);
    ASSERT_TRUE(file);
    const std::vector<std::byte> zeros(k_bytes);
    ASSERT_TRUE((*file)->write_at(0, zeros));
    const auto mapping = system_.system().fs.map(**file, k_bytes);
    ASSERT_TRUE(mapping);
    const std::vector<std::byte> written(k_bytes, std::byte{7});
    const SourcePages pages({(*mapping)->bytes(), std::span(written)});
    const auto before = os::read_memory_info().file_rss_bytes;
    constexpr std::uint64_t k_page = 4096;
    for (std::uint64_t at = 0; at < k_bytes; at += k_page) {
        ASSERT_EQ((*mapping)->bytes()[at], std::byte{0});
    }
    const auto few = before + (std::uint64_t{64} << 20);
    // Its thread does this eventually.
    for (int i = 0; i < 60'000 && os::read_memory_info().file_rss_bytes > few; ++i) ::usleep(1000);
    EXPECT_LE(os::read_memory_info().file_rss_bytes, few);
    EXPECT_EQ((*mapping)->bytes()[k_bytes - 1], std::byte{0});
    EXPECT_TRUE(std::ranges::all_of(written, [](std::byte b) { return b == std::byte{7}; }));
}

}  // namespace
}  // namespace larder::internal::cache
