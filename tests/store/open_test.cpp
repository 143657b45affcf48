// Store::open: finding, creating and refusing larders.

#include "format/larder_info.h"
#include "format/sealed_json.h"
#include "harness.h"
#include "support/process.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;

class OpenTest : public LarderTest {
protected:
    Error refusal(const std::string& directory) {
        const auto store = machine_.open({.directory = directory});
        EXPECT_FALSE(store) << "opened";
        return store ? Error{} : store.error();
    }
};

TEST_F(OpenTest, MakesALarderWhereThereIsNothing) {
    const auto path = directory_ / "new/below/it";
    const auto store = machine_.must_open(path);
    EXPECT_EQ(store->access(), Access::read_write);
    EXPECT_EQ(store->directory(), path);
    EXPECT_EQ(store->id().size(), 32U);
    EXPECT_EQ(support::tree_of(path), "CACHEDIR.TAG\nlarder.json\n");
    EXPECT_EQ(support::read_file(path + "/CACHEDIR.TAG"), format::cache_directory_tag());
    EXPECT_EQ(machine_.must_open(path)->id(), store->id());
    EXPECT_NE(store_->id(), store->id());
}

TEST_F(OpenTest, MakesOneInAnEmptyDirectoryAndInAHalfMadeOne) {
    stdfs::create_directory(directory_ / "empty");
    EXPECT_EQ(machine_.must_open(directory_ / "empty")->access(), Access::read_write);
    stdfs::create_directories(directory_ / "half/objects/ab");
    support::write_file(directory_ / "half/CACHEDIR.TAG", "");
    const auto store = machine_.must_open(directory_ / "half");
    ASSERT_TRUE(store);
    EXPECT_TRUE(store->publish(blob("x")));
}

TEST_F(OpenTest, MakesNothingWhenNotToldTo) {
    for (const auto& options :
         {OpenOptions{.directory = directory_ / "none", .creation = Creation::never},
          OpenOptions{.directory = directory_ / "none", .access = Access::read_only}}) {
        const auto store = machine_.open(options);
        ASSERT_TRUE(store);
        EXPECT_EQ((*store)->access(), Access::read_only);
        EXPECT_EQ((*store)->id(), "");
        EXPECT_FALSE((*store)->find(key_of("x")).manifest);
        EXPECT_EQ((*store)->publish(blob("x")).error().code, Errc::read_only);
        EXPECT_EQ((*store)->compile_lock(key_of("x"), {}).error().code, Errc::read_only);
        EXPECT_EQ((*store)->totals()->entries, 0U);
        EXPECT_TRUE((*store)->find_keys("")->empty());
        EXPECT_TRUE((*store)->verify({})->findings.empty());
        EXPECT_FALSE(stdfs::exists(directory_ / "none"));
    }
}

TEST_F(OpenTest, RefusesWhatIsNoLarder) {
    support::write_file(directory_ / "file", "");
    EXPECT_EQ(refusal(directory_ / "file").code, Errc::invalid_argument);
    EXPECT_FALSE(refusal(directory_ / "file/below").message().empty());
    EXPECT_EQ(refusal("").code, Errc::not_found);
    stdfs::create_directory(directory_ / "home");
    support::write_file(directory_ / "home/precious", "x");
    const auto error = refusal(directory_ / "home");
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_NE(error.message().find("choose another directory"), std::string::npos);
    EXPECT_EQ(support::tree_of(directory_ / "home"), "precious\n") << "and leaves it alone";
    stdfs::create_symlink("nowhere", directory_ / "dangling");
    EXPECT_FALSE(refusal(directory_ / "dangling").message().empty());
}

TEST_F(OpenTest, FollowsALinkToALarder) {
    stdfs::create_symlink(larder(), directory_ / "link");
    EXPECT_EQ(machine_.must_open(directory_ / "link")->id(), store_->id());
}

TEST_F(OpenTest, RefusesANewerFormatAndLeavesItAlone) {
    support::write_file(larder() + "/larder.json", format::seal_json({{"format", 2}}));
    const auto before = tree();
    const auto error = refusal(larder());
    EXPECT_EQ(error.code, Errc::unsupported);
    EXPECT_NE(error.message().find("use the newer larder"), std::string::npos) << error.message();
    EXPECT_EQ(tree(), before);
}

TEST_F(OpenTest, SaysWhatToDoAboutADamagedLarderJson) {
    ASSERT_TRUE(publish(blob("x")));
    for (const std::string damage : {"", "nonsense", "{}"}) {
        support::write_file(larder() + "/larder.json", damage);
        const auto error = refusal(larder());
        EXPECT_EQ(error.code, Errc::damaged);
        EXPECT_NE(error.message().find("remove this file"), std::string::npos);
    }
    // And that is enough.
    stdfs::remove(larder() + "/larder.json");
    const auto store = machine_.must_open(larder());
    EXPECT_NE(store->id(), store_->id());
    EXPECT_TRUE(store->find(key_of("x")).manifest);
}

TEST_F(OpenTest, SweepsWhatTheDeadLeftAndNothingElse) {
    for (const std::string name : {"object-1", "entry-2", "chunks-3", "dir-4.lock"}) {
        support::write_file(larder() + "/tmp/" + name, "x");
    }
    stdfs::create_directories(larder() + "/tmp/dir-4/deeper");
    support::write_file(larder() + "/tmp/dir-4/deeper/file", "x");
    stdfs::create_directory(larder() + "/tmp/dir-5");
    const auto living = store_->materialise(nullptr, Verify::once);
    ASSERT_TRUE(living);
    support::write_file(living->path() + "/file", "x");
    static_cast<void>(machine_.must_open(larder()));
    const auto name = os::file_name(living->path());
    EXPECT_EQ(tmp(), name + ".lock\n" + name + "/file\n");
}

TEST_F(OpenTest, ManyHandlesWorkSideBySide) {
    std::vector<std::unique_ptr<Store>> stores;
    for (int i = 0; i < 200; ++i) stores.push_back(machine_.must_open(larder()));
    for (std::size_t i = 0; i < stores.size(); ++i) {
        ASSERT_TRUE(stores[i]->publish(blob("x", static_cast<int>(i))));
        EXPECT_EQ(stores[(i + 7) % 200]->find(key_of("x")).manifest->notes.at("version"),
                  std::to_string(i));
    }
    const auto compile_lock = stores[0]->compile_lock(key_of("x"), {});
    ASSERT_TRUE(compile_lock);
    EXPECT_EQ(stores[1]->compile_lock(key_of("x"), {}).error().code, Errc::timed_out);
}

// The first process creates the id, and all others use it.
TEST_F(OpenTest, ManyProcessesMakeOneLarder) {
    for (int round = 0; round < 20; ++round) {
        const auto path = directory_ / ("race-" + std::to_string(round));
        std::vector<support::Child> children;
        for (int i = 0; i < 4; ++i) {
            children.emplace_back([&, i] {
                Machine machine(*fs_);
                const auto store = machine.must_open(path);
                support::write_file(path + "-" + std::to_string(i), store->id());
                EXPECT_TRUE(store->publish(blob(std::to_string(i))));
            });
        }
        for (auto& child : children) ASSERT_EQ(child.wait(), 0);
        const auto id = machine_.must_open(path)->id();
        for (int i = 0; i < 4; ++i) {
            EXPECT_EQ(support::read_file(path + "-" + std::to_string(i)), id);
        }
        EXPECT_EQ(read_larder(path).versions.size(), 4U);
        EXPECT_EQ(support::tree_of(path + "/tmp"), "");
    }
}

}  // namespace
}  // namespace larder::internal::store
