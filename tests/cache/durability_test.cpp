// A program does not wait until the disk has a small entry; Session::wait_for_published does.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "attempt_harness.h"
#include "support/intercepted_file_system.h"

namespace larder::internal::cache {
namespace {

class SyncsSeen final : public support::InterceptedFileSystem {
public:
    using InterceptedFileSystem::InterceptedFileSystem;

    std::vector<std::string> paths;

protected:
    std::optional<Error> before(const support::Call& call) override {
        const bool is_sync = call.operation == support::Operation::sync ||
                             call.operation == support::Operation::sync_directory;
        if (is_sync) paths.push_back(call.path);
        return std::nullopt;
    }
};

class DurabilityTest : public AttemptTest {
protected:
    DurabilityTest() : disk_(system_.system().fs) {
        // The larder itself is made, and synced, before.
        EXPECT_EQ(outcome("first"), Outcome::compiled);
    }
    os::System watched() {
        const auto real = system_.system();
        return {disk_, real.clock, real.entropy, real.process};
    }
    [[nodiscard]] bool has_synced(const std::string& part) const {
        return std::ranges::any_of(disk_.paths, [&](const std::string& path) {
            return path.find(part) != std::string::npos;
        });
    }

    SyncsSeen disk_;
};

TEST_F(DurabilityTest, ASmallEntryIsSyncedWhenAskedFor) {
    Session session(watched(), log_, config_);
    const auto asked = ask(session);
    ASSERT_TRUE(asked.response);
    EXPECT_EQ(asked.response->outcome, Outcome::compiled);
    EXPECT_TRUE(disk_.paths.empty()) << disk_.paths.front();
    session.wait_for_published();
    EXPECT_TRUE(has_synced("/objects/"));
    EXPECT_TRUE(has_synced(asked.response->key->hex() + ".json"));
    disk_.paths.clear();
    session.wait_for_published();
    EXPECT_TRUE(disk_.paths.empty()) << "once";
    EXPECT_EQ(outcome(), Outcome::loaded);
}

TEST_F(DurabilityTest, ALargeEntryIsSyncedFirst) {
    device_.blob_padding = store::k_small_object_bytes;
    Session session(watched(), log_, config_);
    ASSERT_TRUE(ask(session).response);
    EXPECT_TRUE(has_synced("/tmp/object-"));
    EXPECT_TRUE(has_synced("/entries"));
}

TEST_F(DurabilityTest, AnEntryThatIsGoneMeanwhileIsNoFault) {
    Session session(watched(), log_, config_);
    const auto asked = ask(session);
    const std::vector keys{format::Key{*asked.response->key}};
    ASSERT_TRUE((*session.store())->remove(keys));
    session.wait_for_published();
    EXPECT_TRUE(said_.empty());
}

}  // namespace
}  // namespace larder::internal::cache
