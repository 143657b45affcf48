// Goal: in a process whose C++ streams write numbers differently, nothing is stored or loaded,
// because the runtime writes and reads blobs through such streams.
#include <locale>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "openvino/request.h"
#include "small_models/small_models.h"

namespace larder::internal::openvino {
namespace {

class Grouping : public std::numpunct<char> {
    [[nodiscard]] std::string do_grouping() const override { return "\3"; }
};

class OtherStreams {
public:
    OtherStreams()
        : before_(std::locale::global(std::locale(std::locale::classic(), new Grouping))) {}
    OtherStreams(const OtherStreams&) = delete;
    OtherStreams& operator=(const OtherStreams&) = delete;
    ~OtherStreams() { std::locale::global(before_); }

private:
    std::locale before_;
};

class BytesSink final : public runtime::BlobSink {
public:
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
        if (bytes_.size() < offset + bytes.size()) bytes_.resize(offset + bytes.size());
        std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
        return {};
    }
    [[nodiscard]] runtime::Blob blob() const { return {bytes_, nullptr}; }

private:
    std::vector<std::byte> bytes_;
};

TEST(RequestState, TellsWhetherFilesAreMapped) {
    ov::Core core;
    const auto maps = [&](ov::AnyMap properties) {
        Request request(core, {.path = {}, .model = testing::dense_model(), .build = {}}, "CPU",
                        std::move(properties));
        return request.identify()->maps_files;
    };
    EXPECT_TRUE(maps({}));
    EXPECT_FALSE(maps({ov::enable_mmap(false)}));
    EXPECT_FALSE(maps({{"ENABLE_MMAP", "NO"}}));
    core.set_property(ov::enable_mmap(false));
    EXPECT_FALSE(maps({}));
    EXPECT_TRUE(maps({ov::enable_mmap(true)}));
    EXPECT_TRUE(maps({{"ENABLE_MMAP", "nonsense"}}));
}

TEST(RequestState, KeepsNothingUnderOtherStreams) {
    ov::Core core;
    Request request(core, {.path = {}, .model = testing::dense_model(), .build = {}}, "CPU", {});
    EXPECT_EQ(request.identify()->caching, runtime::Caching::blob);
    request.compile();
    BytesSink sink;
    ASSERT_TRUE(request.export_blob(sink));
    {
        const OtherStreams other;
        const auto identity = request.identify();
        EXPECT_EQ(identity->caching, runtime::Caching::none);
        EXPECT_NE(identity->reason.find("C++ locale"), std::string::npos) << identity->reason;
        BytesSink unused;
        const auto exported = request.export_blob(unused);
        ASSERT_FALSE(exported);
        EXPECT_EQ(exported.error().code, Errc::unsupported);
        const auto imported = request.import_blob(sink.blob(), false);
        ASSERT_FALSE(imported);
        // Not the blob's fault.
        EXPECT_EQ(imported.error().code, Errc::busy);
    }
    EXPECT_TRUE(request.import_blob(sink.blob(), false));
}

TEST(RequestState, ImportedModelExportsTheSameBytes) {
    ov::Core core;
    for (const auto& model :
         {testing::dense_model(), testing::convolution_model(), testing::attention_model(),
          testing::loop_model(), testing::stateful_model()}) {
        Request compiled(core, {.path = {}, .model = model, .build = {}}, "CPU", {});
        compiled.compile();
        BytesSink sink;
        ASSERT_TRUE(compiled.export_blob(sink));
        Request imported(core, {.path = {}, .model = model, .build = {}}, "CPU", {});
        ASSERT_TRUE(imported.import_blob(sink.blob(), false));
        std::stringstream again;
        imported.take().export_model(again);
        EXPECT_NO_THROW((void)core.import_model(again, "CPU"));
        // The plugin renames a tensor in it each time.
        if (model->get_friendly_name() == "state") continue;
        const auto bytes = sink.blob().bytes;
        EXPECT_TRUE(again.str() ==
                    std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    }
}

}  // namespace
}  // namespace larder::internal::openvino
