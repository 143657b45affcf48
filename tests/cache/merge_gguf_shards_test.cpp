// A split GGUF model reaches the runtime as one file, which is removed after reading.
#include "cache/identify/merge_gguf_shards.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cache/attempt/serve.h"
#include "model_files/gguf_writer.h"
#include "support/fake_runtime.h"
#include "support/intercepted_file_system.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

namespace fs = std::filesystem;
namespace files = larder::internal::model_files;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Fails the selected calls.
class RefusingFileSystem final : public support::InterceptedFileSystem {
public:
    using InterceptedFileSystem::InterceptedFileSystem;
    std::function<std::optional<Error>(const support::Call&)> refuse;

private:
    std::optional<Error> before(const support::Call& call) override {
        return refuse ? refuse(call) : std::nullopt;
    }
};

class JoinShards : public testing::Test {
protected:
    JoinShards() {
        config_.directory = root_ / "larder";
        config_.state_directory = root_ / "state";
        config_.temporary_directory = root_ / "elsewhere";
        fs::create_directory(config_.temporary_directory);
        for (std::uint16_t i = 0; i < 2; ++i) {
            auto shard = files::gguf_shard(i, 2);
            if (i == 1) shard.tensors = {{"more", {8}, 0, 0}, {"most", {32, 2}, 2, 32}};
            support::write_file(shard_path(i + 1U), shard.bytes());
        }
        device_.on_read = [this](const std::string& path) {
            read_.push_back(fs::path(path).parent_path());
            EXPECT_THAT(path, testing::EndsWith(".gguf"));
            EXPECT_THAT(support::read_file(path), HasSubstr("most"));
        };
    }

    [[nodiscard]] std::string shard_path(unsigned number) const {
        return root_ / ("m-0000" + std::to_string(number) + "-of-00002.gguf");
    }
    Result<Response> ask(const std::string& path) {
        const auto real = system_.system();
        Result<Response> response = fail(Errc::io, "not asked");
        {
            Session session({fs_, real.clock, real.entropy, real.process}, log_, config_);
            support::FakeRequest request(device_, "x");
            ModelReference reference;
            reference.path = path;
            response = serve(session, request, reference);
        }
        EXPECT_TRUE(!fs::exists(tmp()) || fs::is_empty(tmp()));
        EXPECT_TRUE(fs::is_empty(config_.temporary_directory));
        return response;
    }
    [[nodiscard]] std::string tmp() const { return os::join(config_.directory, "tmp"); }
    // In that directory, for scratch files; writing them where `operation` is write.
    void refuse_in(const std::string& directory, support::Operation operation, Errc code) {
        fs_.refuse = [=, before = fs_.refuse](const support::Call& call) -> std::optional<Error> {
            if (before) {
                if (auto error = before(call)) return error;
            }
            if (call.operation != operation || !call.path.ends_with(".gguf")) return {};
            if (os::parent_directory(call.path) != directory) return {};
            return Error{code, 0, "cannot write", call.path, {}};
        };
    }

    support::TemporaryDirectory root_;
    os::RealSystem system_;
    RefusingFileSystem fs_{system_.system().fs};
    Log log_{LogLevel::error, [](LogLevel, std::string_view) {}};
    Config config_;
    support::FakeDevice device_;
    std::vector<std::string> read_;  // directories of the files that were read
};

TEST_F(JoinShards, InTheLarderAndOnlyToCompile) {
    EXPECT_EQ(ask(shard_path(1))->outcome, Outcome::compiled);
    EXPECT_THAT(read_, ElementsAre(tmp()));
    EXPECT_EQ(ask(shard_path(1))->outcome, Outcome::loaded);
    EXPECT_EQ(ask(shard_path(2))->outcome, Outcome::loaded);
    EXPECT_THAT(read_, ElementsAre(tmp()));
    EXPECT_EQ(device_.compiles_done, 1);
}

TEST_F(JoinShards, WithALarderOrWithout) {
    config_.mode = Mode::off;
    EXPECT_EQ(ask(shard_path(1))->outcome, Outcome::bypassed);
    EXPECT_FALSE(fs::exists(config_.directory));
    config_.mode = Mode::read_only;
    EXPECT_EQ(ask(shard_path(1))->outcome, Outcome::bypassed);
    EXPECT_THAT(read_, testing::SizeIs(2));
    config_.mode = Mode::on;
    device_.caching = runtime::Caching::none;
    EXPECT_EQ(ask(shard_path(1))->outcome, Outcome::bypassed);
    device_.caching = runtime::Caching::directory;
    EXPECT_EQ(ask(shard_path(1))->outcome, Outcome::bypassed) << "the fake keeps nothing there";
    EXPECT_THAT(read_, testing::SizeIs(4));
}

TEST_F(JoinShards, ElsewhereWhereTheLarderHasNoRoom) {
    for (const auto operation : {support::Operation::write, support::Operation::create}) {
        read_.clear();
        fs_.refuse = nullptr;
        refuse_in(tmp(), operation, Errc::no_space);
        config_.mode = Mode::refresh;
        const auto response = ask(shard_path(1));
        ASSERT_TRUE(response) << response.error().message();
        EXPECT_EQ(response->outcome, Outcome::compiled);
        EXPECT_THAT(read_, ElementsAre(config_.temporary_directory));
    }
}

TEST_F(JoinShards, SaysWhenThereIsNoRoomAnywhere) {
    refuse_in(tmp(), support::Operation::write, Errc::no_space);
    refuse_in(config_.temporary_directory, support::Operation::write, Errc::no_space);
    for (const auto mode : {Mode::on, Mode::off}) {
        config_.mode = mode;
        const auto response = ask(shard_path(1));
        ASSERT_FALSE(response);
        EXPECT_EQ(response.error().code, Errc::no_space);
        EXPECT_THAT(response.error().message(), HasSubstr("cannot join the shards of the model"));
        EXPECT_THAT(response.error().remedy, HasSubstr("TMPDIR"));
    }
    EXPECT_EQ(device_.compiles_done, 0);
    // The compile lock is free, and nothing was published.
    fs_.refuse = nullptr;
    config_.mode = Mode::on;
    EXPECT_EQ(ask(shard_path(1))->outcome, Outcome::compiled);
}

TEST_F(JoinShards, SaysWhatIsWrongWithAShard) {
    auto shard = files::gguf_shard(1, 2);  // with the tensors of the first
    support::write_file(shard_path(2), shard.bytes());
    const auto twice = ask(shard_path(1));
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, Errc::damaged);
    EXPECT_THAT(twice.error().message(), HasSubstr("occurs twice"));
    fs::remove(shard_path(2));
    config_.mode = Mode::off;
    const auto missing = ask(shard_path(1));
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::not_found);
    EXPECT_THAT(missing.error().message(), HasSubstr("00002-of-00002"));
}

TEST_F(JoinShards, LeavesEveryOtherModelAlone) {
    support::write_file(root_ / "one.gguf", files::small_gguf().bytes());
    support::write_file(root_ / "x-00001-of-00001.gguf", files::small_gguf().bytes());
    support::write_file(root_ / "x-00001-of-00002.onnx", "anything");
    config_.mode = Mode::off;
    for (const auto* name : {"one.gguf", "x-00001-of-00001.gguf", "x-00001-of-00002.onnx"}) {
        EXPECT_TRUE(ask(root_ / name)) << name;
    }
    EXPECT_THAT(read_, IsEmpty());
}

}  // namespace
}  // namespace larder::internal::cache
