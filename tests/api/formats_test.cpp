// Goal: models of every format that OpenVINO reads are identified by their content, with all files
// of the model. Method: models are built by the models package, requested by fresh processes,
// moved, and changed by one byte with size and time restored; the outputs must be those of a
// compile without larder.
#include <array>
#include <cstdio>

#include "harness.h"
#include "small_models/small_models.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

// The last line of the command's output.
std::string last_line_of(const std::string& command) {
    // NOLINTNEXTLINE(bugprone-command-processor): a command of ours
    FILE* const pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) {
        ADD_FAILURE() << "cannot start " << command;
        return {};
    }
    std::string line;
    std::array<char, 4096> buffer{};
    while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) line = buffer.data();
    EXPECT_EQ(::pclose(pipe), 0) << command;
    while (line.ends_with('\n')) line.pop_back();
    return line;
}

class Formats : public LarderTest {
protected:
    fs::path build(const std::string& name) const {
        return last_line_of("cd " LARDER_ROOT " && .venv/bin/python -m models " + name + " --out " +
                            root_.string());
    }
    void expect(const fs::path& model, const std::string& outcome, const std::string& what) const {
        const auto answer = ask(model);
        EXPECT_EQ(answer.outcome, outcome) << what << ": " << answer.reason;
        // If an inference failed, all its outputs are equal.
        EXPECT_TRUE(answer.outputs.starts_with('[')) << what << ": " << answer.outputs;
        EXPECT_EQ(answer.outputs, ask_without({.model = model}).outputs) << what;
    }
    // Requests the model in `folder`, which holds nothing else, after every kind of move.
    void expect_kept_by_content(const fs::path& model) const {
        expect(model, "compiled", "first");
        expect(model, "loaded", "again");
        const auto elsewhere = root_ / "elsewhere";
        fs::copy(model.parent_path(), elsewhere);
        expect(elsewhere / model.filename(), "loaded", "copied");
        fs::last_write_time(model, fs::file_time_type::clock::now() - std::chrono::hours(1));
        expect(model, "loaded", "touched");
        for (const auto& file : fs::directory_iterator(model.parent_path())) {
            if (file.file_size() < 4096) continue;  // the builder's own note
            change_byte_unseen(file.path(), file.file_size() * 3 / 4);
            const auto answer = ask(model);
            EXPECT_NE(answer.outcome, "loaded") << file.path();
            EXPECT_TRUE(answer.outputs.starts_with('[')) << file.path() << ": " << answer.reason;
            EXPECT_EQ(answer.outputs, ask_without({.model = model}).outputs) << file.path();
        }
    }
};

TEST_F(Formats, Onnx) { expect_kept_by_content(build("onnx-tiny")); }
TEST_F(Formats, OnnxWithExternalData) { expect_kept_by_content(build("onnx-external")); }
TEST_F(Formats, TensorFlow) { expect_kept_by_content(build("tf-tiny")); }
TEST_F(Formats, TensorFlowLite) { expect_kept_by_content(build("tflite-tiny")); }
TEST_F(Formats, Paddle) { expect_kept_by_content(build("paddle-tiny")); }
TEST_F(Formats, IrWithState) { expect_kept_by_content(build("llama-stateful")); }
TEST_F(Formats, Gguf) { expect_kept_by_content(build("gguf-tiny")); }

// OpenVINO reads no shards: larder gives it one file, even if larder is switched off.
TEST_F(Formats, SplitGguf) {
    const auto model = build("gguf-split");
    const auto whole = ask_without({.model = build("gguf-tiny")});
    ASSERT_TRUE(whole.outputs.starts_with('[')) << whole.outputs << whole.reason;
    EXPECT_EQ(ask_without({.model = model}).outputs, whole.outputs);
    expect(model, "compiled", "first");
    for (const auto* shard : {"00001", "00002", "00003"}) {
        const auto named = "gguf-split-" + std::string(shard) + "-of-00003.gguf";
        expect(model.parent_path() / named, "loaded", named);
    }
    EXPECT_EQ(files_in("tmp"), std::vector<fs::path>{});
    fs::remove_all(directory_);
    expect_kept_by_content(model);
    EXPECT_EQ(files_in("tmp"), std::vector<fs::path>{});
}

// Neither a read-only directory nor a missing shard leads to a message about tensors.
TEST_F(Formats, SplitGgufThatCannotBeJoined) {
    const auto model = build("gguf-split");
    const Question nowhere{.model = model,
                           .environment = {{"ASK_MODE", "off"}, {"TMPDIR", "/proc/self"}}};
    EXPECT_NE(ask(nowhere).reason.find("cannot join the shards of the model: cannot create"),
              std::string::npos)
        << ask(nowhere).reason;
    fs::remove(model.parent_path() / "gguf-split-00002-of-00003.gguf");
    EXPECT_NE(ask(model).reason.find("needs a file that is missing"), std::string::npos);
    EXPECT_NE(ask_without({.model = model}).reason.find("needs a file that is missing"),
              std::string::npos);
}

}  // namespace
}  // namespace larder::testing
