// store/disk/sightings.h, and the methods of State that keep them.
#include "store/disk/sightings.h"

#include "harness.h"
#include "state/state.h"

namespace larder::internal::state {
namespace {

using store::Machine;

class SightingsTest : public ::testing::Test {
protected:
    std::unique_ptr<State> open() {
        return std::make_unique<State>(machine_.system(), machine_.log(), directory_ / "state");
    }
    static Sighting sighting(const std::string& path, const std::string& fingerprint,
                             std::int64_t at_ns = 10) {
        Sighting sighting{"larder", path, fingerprint, at_ns, {}};
        for (const auto* end : {".bin", ".xml"}) {
            const os::FileStamp stamp{1, std::hash<std::string>{}(path + end), 3, -4, 5};
            sighting.files.push_back({path + end, "/disk" + path + end, stamp, {"/disk", "ext4"}});
        }
        return sighting;
    }

    support::TemporaryDirectory directory_{support::fast_directory()};
    std::unique_ptr<os::FileSystem> fs_ = os::make_posix_file_system();
    Machine machine_{*fs_};
};

TEST_F(SightingsTest, AreKept) {
    open()->see(sighting("/b", "two"));
    open()->see(sighting("/a", "one"));
    open()->see(sighting("/b", "one"));
    const auto state = open();
    const auto found = state->sightings("larder");
    ASSERT_EQ(found.size(), 3U);
    const auto wanted = sighting("/a", "one");
    EXPECT_EQ(found[0].path, wanted.path);
    EXPECT_EQ(found[0].fingerprint, wanted.fingerprint);
    EXPECT_EQ(found[0].at_ns, wanted.at_ns);
    ASSERT_EQ(found[0].files.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(found[0].files[i].path, wanted.files[i].path);
        EXPECT_EQ(found[0].files[i].resolved, wanted.files[i].resolved);
        EXPECT_EQ(found[0].files[i].stamp, wanted.files[i].stamp);
        EXPECT_EQ(found[0].files[i].place, wanted.files[i].place);
    }
    EXPECT_EQ(found[1].path + found[1].fingerprint, "/bone");
    EXPECT_EQ(found[2].path + found[2].fingerprint, "/btwo");
    EXPECT_TRUE(state->sightings("another larder").empty());
}

TEST_F(SightingsTest, AreKnownWhileStampsAndAgeAreTheSame) {
    const auto state = open();
    const auto seen = sighting("/a", "one", 10);
    EXPECT_FALSE(state->has_seen(seen, 0));
    state->see(seen);
    EXPECT_TRUE(state->has_seen(seen, 10));
    EXPECT_FALSE(state->has_seen(seen, 11)) << "too old";
    auto touched = seen;
    touched.files[0].stamp.ctime_ns = 6;
    EXPECT_FALSE(state->has_seen(touched, 0));
    auto fewer = seen;
    fewer.files.pop_back();
    EXPECT_FALSE(state->has_seen(fewer, 0));
    state->see(touched);
    EXPECT_TRUE(state->has_seen(touched, 0));
    EXPECT_FALSE(state->has_seen(seen, 0));
    EXPECT_EQ(state->sightings("larder").size(), 1U);
}

TEST_F(SightingsTest, AreForgottenWithAllThatWasRememberedOfTheirFiles) {
    const auto state = open();
    const auto gone = sighting("/a", "one");
    const auto stays = sighting("/b", "one");
    for (const auto& each : {gone, stays}) {
        state->see(each);
        for (const auto& file : each.files) {
            state->remember_fingerprint(file.stamp, Digest{});
            state->remember_derived(file.stamp, "outline", "text");
        }
    }
    state->forget(gone);
    ASSERT_EQ(state->sightings("larder").size(), 1U);
    EXPECT_EQ(state->sightings("larder")[0].path, "/b");
    EXPECT_FALSE(state->fingerprint(gone.files[0].stamp));
    EXPECT_FALSE(state->derived(gone.files[1].stamp, "outline"));
    EXPECT_TRUE(state->fingerprint(stays.files[0].stamp));
    EXPECT_TRUE(state->derived(stays.files[1].stamp, "outline"));
}

TEST_F(SightingsTest, AStateThatRemembersNothingHasSeenNothing) {
    State state(machine_.system(), machine_.log(), "");
    state.see(sighting("/a", "one"));
    EXPECT_FALSE(state.has_seen(sighting("/a", "one"), 0));
    EXPECT_TRUE(state.sightings("larder").empty());
    state.forget(sighting("/a", "one"));
}

}  // namespace
}  // namespace larder::internal::state
