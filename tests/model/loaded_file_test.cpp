// model/loaded_file.h. Real files that are mapped, and then change.
#include "model/loaded_file.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "os/address_space.h"
#include "os/system.h"
#include "support/mapped_memory.h"
#include "support/temporary_directory.h"

namespace larder::internal::model {
namespace {

namespace fs = std::filesystem;

class LoadedFileTest : public ::testing::Test {
protected:
    LoadedFileTest() { support::write_file(file_, "the code"); }

    Result<Digest> digest_of(const void* address) {
        LoadedFiles files(system_, address_space_, memory_);
        return files.digest("mine.so", reinterpret_cast<std::uintptr_t>(address));
    }

    support::TemporaryDirectory directory_;
    std::string file_ = directory_ / "mine.so";
    os::RealSystem real_;
    os::System system_ = real_.system();
    os::ProcAddressSpace address_space_;
    NoMemory memory_;
};

TEST_F(LoadedFileTest, DigestIsThatOfTheContent) {
    const support::MappedMemory mapped(file_, MAP_PRIVATE);
    const auto found = digest_of(mapped.bytes().data() + 3);
    ASSERT_TRUE(found.has_value()) << found.error().message();
    const auto copy = directory_ / "copy";
    fs::copy_file(file_, copy);
    EXPECT_EQ(*hash_file(system_, memory_, copy), *found);
    support::write_file(copy, "the CODE");
    EXPECT_NE(*hash_file(system_, memory_, copy), *found);
}

TEST_F(LoadedFileTest, ReplacedFileIsNotTheOneThatWasLoaded) {
    const support::MappedMemory mapped(file_, MAP_PRIVATE);
    const auto other = directory_ / "other";
    support::write_file(other, "the code");
    fs::rename(other, file_);
    const auto found = digest_of(mapped.bytes().data());
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().code, Errc::unsupported);
    EXPECT_NE(found.error().message().find("'mine.so' was replaced or removed"), std::string::npos);
}

TEST_F(LoadedFileTest, RemovedFileTellsNothing) {
    const support::MappedMemory mapped(file_, MAP_PRIVATE);
    fs::remove(file_);
    EXPECT_EQ(digest_of(mapped.bytes().data()).error().code, Errc::unsupported);
}

TEST_F(LoadedFileTest, MemoryWithoutAFileTellsNothing) {
    const auto memory = std::make_unique<int>(1);
    EXPECT_EQ(digest_of(memory.get()).error().code, Errc::unsupported);
}

TEST_F(LoadedFileTest, PathThatNamesNoFileHasNoContent) {
    for (const auto& path :
         {directory_ / "none", std::string(directory_.path()), std::string(10000, 'x')}) {
        const auto found = hash_file(system_, memory_, path);
        ASSERT_TRUE(found.has_value()) << found.error().message();
        EXPECT_FALSE(found->has_value());
    }
}

}  // namespace
}  // namespace larder::internal::model
