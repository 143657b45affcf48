// A larder, a model and programs that ask for it, each in a process of its own.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openvino/core/model.hpp>
#include <sys/types.h>

namespace larder::testing {

struct Answer {
    std::string outcome;  // empty: the process died
    std::string outputs;
    std::string reason;
    int signal = 0;  // the signal that killed it
};

struct Question {
    std::filesystem::path model;
    std::string device = "CPU";
    std::vector<std::string> properties{};
    std::map<std::string, std::string> environment{};
    uid_t user = 0;  // asks as this user; 0: as ourselves
};

// A started process that waits for the command to ask.
class Asker {
public:
    Asker(const std::filesystem::path& directory, const std::filesystem::path& state,
          const Question& question);
    Asker(Asker&&) noexcept;
    Asker& operator=(Asker&&) = delete;
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;
    ~Asker();

    void go();
    [[nodiscard]] Answer answer();
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    pid_t pid_ = -1;
    int to_ = -1;
    int from_ = -1;
};

// A fresh directory with a larder, a state directory and a place for models; removed at the end.
class LarderTest : public ::testing::Test {
public:
    ~LarderTest() override;

protected:
    LarderTest();

    [[nodiscard]] Answer ask(const Question& question) const;
    [[nodiscard]] Answer ask(const std::filesystem::path& model) const {
        return ask(Question{.model = model});
    }
    // A compile without larder.
    [[nodiscard]] Answer ask_without(Question question) const;
    // Saves as IR: `name`.xml and .bin, weights as they are.
    std::filesystem::path save(const std::shared_ptr<ov::Model>& model,
                               const std::string& name) const;
    [[nodiscard]] std::vector<std::filesystem::path> files_in(const std::string& part) const;

    std::filesystem::path root_;
    std::filesystem::path directory_;
    std::filesystem::path state_;
};

// Flips one byte and restores size and mtime (ctime cannot be restored).
void change_byte_unseen(const std::filesystem::path& file, std::uintmax_t offset);

}  // namespace larder::testing
