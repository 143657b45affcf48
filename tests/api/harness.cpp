#include "harness.h"

#include <array>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <openvino/openvino.hpp>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace larder::testing {
namespace fs = std::filesystem;

Asker::Asker(const fs::path& directory, const fs::path& state, const Question& question) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) return;
    std::vector<std::string> words{LARDER_ASKER, directory, state, question.model, question.device};
    words.insert(words.end(), question.properties.begin(), question.properties.end());
    std::vector<std::string> environment;
    for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
    for (const auto& [name, value] : question.environment)
        environment.push_back(name + '=' + value);
    const auto pointers = [](std::vector<std::string>& texts) {
        std::vector<char*> list;
        for (auto& text : texts) list.push_back(text.data());
        list.push_back(nullptr);
        return list;
    };
    auto arguments = pointers(words);
    auto variables = pointers(environment);
    pid_ = ::fork();
    if (pid_ == 0) {
        ::dup2(in[0], STDIN_FILENO);
        ::dup2(out[1], STDOUT_FILENO);
        if (question.user != 0 && (::setgid(question.user) != 0 || ::setuid(question.user) != 0)) {
            ::_exit(126);
        }
        ::execve(arguments[0], arguments.data(), variables.data());
        ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    from_ = out[0];
}

Asker::Asker(Asker&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      to_(std::exchange(other.to_, -1)),
      from_(std::exchange(other.from_, -1)) {}

Asker::~Asker() {
    if (to_ >= 0) ::close(to_);
    if (from_ >= 0) ::close(from_);
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

void Asker::go() { EXPECT_EQ(::write(to_, "\n", 1), 1); }

Answer Asker::answer() {
    std::string text;
    std::array<char, 4096> buffer{};
    for (auto got = ::read(from_, buffer.data(), buffer.size()); got > 0;
         got = ::read(from_, buffer.data(), buffer.size())) {
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    Answer answer;
    if (WIFSIGNALED(status)) answer.signal = WTERMSIG(status);
    const auto first = text.find('|');
    const auto second = text.find('|', first + 1);
    if (first == std::string::npos || second == std::string::npos) return answer;
    answer.outcome = text.substr(0, first);
    answer.outputs = text.substr(first + 1, second - first - 1);
    answer.reason = text.substr(second + 1);
    while (answer.reason.ends_with('\n')) answer.reason.pop_back();
    return answer;
}

LarderTest::LarderTest() {
    auto pattern = (fs::path(::testing::TempDir()) / "larder-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    // Some tests start programs of other users.
    fs::permissions(root_, fs::perms(0755));
    directory_ = root_ / "larder";
    state_ = root_ / "state";
    // Most tests look at what was kept as soon as they have a model; tests/cache/behind_test.cpp
    // and tests/hook/first_start_test.py are about the other way.
    ::setenv("LARDER_PUBLISH", "first", 1);  // NOLINT(concurrency-mt-unsafe)
}

LarderTest::~LarderTest() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
}

Answer LarderTest::ask(const Question& question) const {
    Asker asker(directory_, state_, question);
    asker.go();
    return asker.answer();
}

Answer LarderTest::ask_without(Question question) const {
    question.environment["ASK_MODE"] = "off";
    return ask(question);
}

fs::path LarderTest::save(const std::shared_ptr<ov::Model>& model, const std::string& name) const {
    auto path = root_ / (name + ".xml");
    fs::create_directories(path.parent_path());
    ov::save_model(model, path.string(), false);
    return path;
}

std::vector<fs::path> LarderTest::files_in(const std::string& part) const {
    std::vector<fs::path> files;
    if (!fs::exists(directory_ / part)) return files;
    for (const auto& entry : fs::recursive_directory_iterator(directory_ / part)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
    return files;
}

void change_byte_unseen(const fs::path& file, std::uintmax_t offset) {
    struct stat before{};
    ASSERT_EQ(::stat(file.c_str(), &before), 0);
    {
        std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
        stream.seekg(static_cast<std::streamoff>(offset));
        const char byte = static_cast<char>(stream.get() ^ 0x41);
        stream.seekp(static_cast<std::streamoff>(offset));
        stream.put(byte);
    }
    const std::array<timespec, 2> times{before.st_atim, before.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times.data(), 0), 0);
}

}  // namespace larder::testing
