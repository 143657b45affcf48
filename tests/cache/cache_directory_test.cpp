// cache/stale/cache_directory.h, on files in OpenVINO's format. tests/cli/scan_test.py uses files
// of the real runtime.
#include "cache/stale/cache_directory.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

namespace stdfs = std::filesystem;
using support::write_file;

class FactsOfVersion2 final : public Machine {
public:
    const format::KeyInputs& inputs(const format::KeyInputs& /*kept*/) override { return none_; }
    bool refuses(const std::string& device, const std::string& requirements) override {
        return device == "CPU" && requirements != "isa";
    }
    std::string openvino() override { return "2"; }
    bool accepts(const std::string& runtime_info) override { return runtime_info == "{2}"; }

private:
    format::KeyInputs none_;
};

std::string header(const std::string& version, const std::string& runtime_info) {
    return R"(<?xml version="1.0"?><compiled_blob ie_version=")" + version +
           R"(" file_info="614" runtime_info=")" + runtime_info +
           "\" header_size_alignment=\"0\"/>\n";
}

std::string cpu(const std::string& requirements) {
    using namespace std::string_literals;
    return "RR_UPCVO\1\0\0\0\3\0\0\0\0\0\0\0"s + requirements + std::string(48, '\0');
}

class CacheDirectoryTest : public ::testing::Test {
protected:
    CacheDirectoryTest() { stdfs::create_directory(cache_); }
    void write(const std::string& name, const std::string& content) {
        write_file(cache_ / name, content);
    }
    // So long ago that the file counts as finished.
    void age(const std::string& name) {
        stdfs::last_write_time(cache_ / name,
                               stdfs::file_time_type::clock::now() - std::chrono::hours(1));
    }
    std::vector<CachedFile> examine() {
        auto found = examine_cache_directory(system_.system(), cache_.string(), facts_);
        EXPECT_TRUE(found) << found.error().message();
        return found.value_or(std::vector<CachedFile>{});
    }
    // "1.blob: usable", one line for each.
    std::string verdicts() {
        std::string text;
        for (const auto& file : examine()) {
            text += file.path.lexically_relative(cache_).string() + ": ";
            text += file.worth == CachedFile::Worth::usable  ? "usable"
                    : file.worth == CachedFile::Worth::stale ? "stale " + file.reason
                                                             : "unknown";
            text += '\n';
        }
        return text;
    }

    os::RealSystem system_;
    support::TemporaryDirectory directory_;
    stdfs::path cache_ = directory_.path() / "cache";
    FactsOfVersion2 facts_;
};

TEST_F(CacheDirectoryTest, TellsWhatTheRuntimeHereWouldLoad) {
    write("1.blob", header("2", "{2}") + cpu("isa"));
    write("2.blob", header("1", "{2}") + cpu("isa"));
    write("3.blob", header("2", "{1}") + cpu("isa"));
    write("4.blob", header("2", "{2}") + cpu("ISA"));
    write("5.blob", header("2", "") + "of another device");
    write("6.cl_cache", "kernels");
    EXPECT_EQ(verdicts(),
              "1.blob: usable\n2.blob: stale version\n3.blob: stale device\n"
              "4.blob: stale device\n5.blob: usable\n6.cl_cache: unknown\n");
}

TEST_F(CacheDirectoryTest, WhatIsCutShortIsDamagedUnlessSomebodyMayBeWritingIt) {
    write("1.blob", (header("2", "{2}") + cpu("isa")).substr(0, 120));
    write("2.blob", "");
    EXPECT_EQ(verdicts(), "1.blob: unknown\n2.blob: unknown\n");
    age("1.blob");
    age("2.blob");
    EXPECT_EQ(verdicts(), "1.blob: stale damaged\n2.blob: stale damaged\n");
}

TEST_F(CacheDirectoryTest, LeavesAloneWhatIsNotOfOpenVino) {
    write("1.txt", header("1", ""));
    write("m.blob", header("1", "") + "x");
    write("2.blob", "something else");
    write_file(directory_ / "3.blob", header("1", "") + "x");
    stdfs::create_symlink(directory_ / "3.blob", cache_ / "3.blob");
    stdfs::create_directory(directory_ / "outside");
    write_file(directory_ / "outside/4.blob", header("1", "") + "x");
    stdfs::create_directory_symlink(directory_ / "outside", cache_ / "outside");
    stdfs::create_directory(cache_ / "5.blob");
    ASSERT_EQ(::mkfifo((cache_ / "6.blob").c_str(), 0600), 0);
    stdfs::create_directory(cache_ / "larder");
    write("larder/larder.json", "{}");
    write("larder/7.blob", header("1", "") + "x");
    EXPECT_EQ(verdicts(), "");
    stdfs::create_directory(cache_ / "below");
    write("below/8.blob", header("1", "") + "x");
    EXPECT_EQ(verdicts(), "below/8.blob: stale version\n");
}

TEST_F(CacheDirectoryTest, ALarderIsRefused) {
    write("larder.json", "{}");
    const auto refused = examine_cache_directory(system_.system(), cache_.string(), facts_);
    EXPECT_EQ(refused.error().code, Errc::invalid_argument);
    const auto none = examine_cache_directory(system_.system(), directory_ / "none", facts_);
    EXPECT_EQ(none.error().code, Errc::not_found);
    const auto file =
        examine_cache_directory(system_.system(), (cache_ / "larder.json").string(), facts_);
    EXPECT_EQ(file.error().code, Errc::invalid_argument);
}

TEST_F(CacheDirectoryTest, OnlyWhatWasExaminedIsRemoved) {
    const auto remove = [&](const CachedFile& file) {
        return remove_cached(system_.system(), file.path.string(), file.inode, file.changed_ns)
            .value();
    };
    write("1.blob", header("1", "") + "x");
    write("2.blob", header("1", "") + "x");
    const auto files = examine();
    ASSERT_EQ(files.size(), 2U);
    stdfs::remove(cache_ / "1.blob");
    write("new", header("2", "") + "compiled anew");
    stdfs::rename(cache_ / "new", cache_ / "1.blob");
    EXPECT_FALSE(remove(files[0]));
    EXPECT_TRUE(stdfs::exists(cache_ / "1.blob"));
    EXPECT_TRUE(remove(files[1]));
    EXPECT_FALSE(stdfs::exists(cache_ / "2.blob"));
    EXPECT_FALSE(remove(files[1])) << "twice";
}

}  // namespace
}  // namespace larder::internal::cache
