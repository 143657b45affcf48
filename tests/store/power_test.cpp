// A power cut at every call of every operation that changes a larder, with every kind of surviving
// data: acknowledged entries are intact, earlier entries still exist, and no reader sees a part of
// one.
#include <functional>

#include <gtest/gtest.h>

#include "harness.h"
#include "support/crash_file_system.h"
#include "support/fault_file_system.h"

namespace larder::internal::store {
namespace {

using support::CrashFileSystem;
using support::TemporaryDirectory;

// The surviving part of unsynced data: nothing, everything, or a random part.
constexpr support::Survival k_survivals[] = {{.chance = 0},
                                             {.chance = 1},
                                             {.chance = 0.5, .seed = 1},
                                             {.chance = 0.5, .seed = 2},
                                             {.chance = 0.2, .seed = 3},
                                             {.chance = 0.8, .seed = 4}};

Publication member(Store& store, const std::string& name, std::uint64_t seed) {
    return member_of_family(store, name, random_text(300'000, 1), seed);
}

constexpr std::size_t k_soon_bytes = 50'000;

Publication published_soon() {
    auto publication = blob("new", 1, k_soon_bytes);
    publication.durability = Durability::soon;
    return publication;
}

struct Scenario {
    // The durable entries before.
    std::function<void(Store&)> prepare = [](Store&) {};
    // True if it was acknowledged.
    std::function<bool(Store&)> act;
    // The conditions afterwards. `done`: acknowledged before the power cut.
    std::function<void(const Contents& after, bool done)> check;
    SizeLimit max_size{};  // while it acts
    // Entries that were not acknowledged may be torn; a reader notices.
    bool may_tear = false;
};

class PowerTest : public ::testing::Test {
protected:
    void prepare(const std::filesystem::path& larder, const Scenario& scenario) {
        Machine machine(*fs_);
        const auto store = machine.must_open(larder);
        scenario.prepare(*store);
    }

    // Acts until the power cut. False if there was none.
    bool cut_after(std::uint64_t calls, const Scenario& scenario) {
        const TemporaryDirectory directory(support::fast_directory());
        const auto larder = directory / "larder";
        prepare(larder, scenario);
        CrashFileSystem crash(*fs_, directory.path());
        Machine machine(crash);
        auto opened = machine.open({.directory = larder, .max_size = scenario.max_size});
        if (!opened) {
            ADD_FAILURE() << opened.error().message();
            return false;
        }
        auto store = std::move(*opened);
        crash.cut_power_after(calls);
        const bool acknowledged = scenario.act(*store);
        const bool cut = crash.is_cut();
        SCOPED_TRACE("cut at call " + std::to_string(calls) + ": " + crash.cut_at());
        store.reset();
        for (const auto& survival : k_survivals) {
            SCOPED_TRACE("chance " + std::to_string(survival.chance) + ", seed " +
                         std::to_string(survival.seed));
            const TemporaryDirectory after(support::fast_directory());
            crash.materialise(after / "disk", survival);
            restart(after / "disk/larder", scenario, acknowledged);
            if (::testing::Test::HasFailure()) return false;
        }
        ++cuts_;
        return cut;
    }

    void restart(const std::string& larder, const Scenario& scenario, bool acknowledged) {
        Machine machine(*fs_);
        const auto store = machine.must_open(larder);
        ASSERT_TRUE(store);
        EXPECT_EQ(store->access(), Access::read_write);
        EXPECT_EQ(support::tree_of(larder + "/tmp"), "");
        if (scenario.may_tear && !acknowledged) return expect_mended(larder, *store);
        const auto contents = read_larder(larder);
        EXPECT_EQ(contents.damage, "");
        scenario.check(contents, acknowledged);
        // It must work like any other larder.
        for (const auto& [name, version] : contents.versions) {
            const auto found = store->find(key_of(name));
            ASSERT_TRUE(found.manifest) << name;
            EXPECT_TRUE(store->open_blob(*found.manifest, Verify::always));
        }
        ASSERT_TRUE(store->publish(blob("later")));
        ASSERT_TRUE(store->prune({}));
        const auto collected = read_larder(larder);
        EXPECT_EQ(collected.damage, "");
        EXPECT_TRUE(collected.unused.empty());
        EXPECT_EQ(collected.versions.at("later"), 1);
    }

    // Nobody reads other bytes than those of "new", and the next publication replaces it.
    void expect_mended(const std::string& larder, Store& store) {
        const auto expected = content_of("new", 1, k_soon_bytes);
        const auto found = store.find(key_of("new"));
        const auto object = found.manifest ? store.open_blob(*found.manifest, Verify::never)
                                           : fail(Errc::not_found, "none");
        ++(object ? whole_ : torn_);
        EXPECT_TRUE(!object || text_of(*object) == expected);
        ASSERT_TRUE(store.publish(published_soon()));
        ASSERT_TRUE(store.prune({}));
        const auto after = read_larder(larder);
        EXPECT_EQ(after.damage, "");
        EXPECT_TRUE(after.unused.empty());
        EXPECT_EQ(after.versions.at("before"), 1);
        EXPECT_EQ(after.versions.at("new"), 1);
    }

    void cut_everywhere(const Scenario& scenario) {
        for (std::uint64_t calls = 0; cut_after(calls, scenario); ++calls) {
            ASSERT_LT(calls, 1'000U);
        }
        EXPECT_GT(cuts_, 5U);
        RecordProperty("cuts", static_cast<int>(cuts_));
    }

    support::UnsyncedCalls calls_;
    std::unique_ptr<os::FileSystem> fs_ = os::make_posix_file_system(calls_);
    std::uint64_t cuts_ = 0;
    std::uint64_t whole_ = 0;
    std::uint64_t torn_ = 0;
};

TEST_F(PowerTest, WhilePublishing) {
    cut_everywhere({.prepare = [](Store& store) { ASSERT_TRUE(store.publish(blob("before"))); },
                    .act = [](Store& store) { return store.publish(blob("new")).has_value(); },
                    .check =
                        [](const Contents& after, bool done) {
                            EXPECT_EQ(after.versions.at("before"), 1);
                            EXPECT_TRUE(after.missing.empty());
                            if (done) {
                                EXPECT_TRUE(after.versions.contains("new"));
                            }
                        }});
}

TEST_F(PowerTest, WhilePublishingTheFirstEntryOfAll) {
    cut_everywhere({.act = [](Store& store) { return store.publish(blob("new")).has_value(); },
                    .check =
                        [](const Contents& after, bool done) {
                            EXPECT_TRUE(after.missing.empty());
                            EXPECT_EQ(after.versions.contains("new"),
                                      done || after.versions.contains("new"));
                        }});
}

TEST_F(PowerTest, WhilePublishingSeveralChunks) {
    cut_everywhere(
        {.act = [](Store& store) { return store.publish(blob("new", 1, 5 << 20)).has_value(); },
         .check =
             [](const Contents& after, bool done) {
                 EXPECT_TRUE(after.missing.empty());
                 if (done) {
                     EXPECT_TRUE(after.versions.contains("new"));
                 }
             }});
}

// Nothing is acknowledged before make_durable.
TEST_F(PowerTest, BeforeTheKernelHasWrittenASmallEntry) {
    cut_everywhere({.prepare = [](Store& store) { ASSERT_TRUE(store.publish(blob("before"))); },
                    .act =
                        [](Store& store) {
                            static_cast<void>(store.publish(published_soon()));
                            return false;
                        },
                    .check = {},
                    .may_tear = true});
    EXPECT_GT(torn_, 0U);
    EXPECT_GT(whole_, 0U);
}

TEST_F(PowerTest, WhileASmallEntryIsMadeDurable) {
    cut_everywhere({.prepare = [](Store& store) { ASSERT_TRUE(store.publish(blob("before"))); },
                    .act =
                        [](Store& store) {
                            return store.publish(published_soon()) &&
                                   store.make_durable(key_of("new"));
                        },
                    .check =
                        [](const Contents& after, bool done) {
                            EXPECT_EQ(after.versions.at("before"), 1);
                            EXPECT_TRUE(after.missing.empty());
                            EXPECT_TRUE(!done || after.versions.contains("new"));
                        },
                    .may_tear = true});
}

// A large entry, or one of a network's disk, is synced before it is reported.
TEST_F(PowerTest, WhilePublishingALargeEntryThatMayBeDurableSoon) {
    cut_everywhere({.act =
                        [](Store& store) {
                            auto publication = blob("new", 1, 2 << 20);
                            publication.durability = Durability::soon;
                            return store.publish(publication).has_value();
                        },
                    .check =
                        [](const Contents& after, bool done) {
                            EXPECT_TRUE(after.missing.empty());
                            EXPECT_TRUE(!done || after.versions.contains("new"));
                        }});
}

TEST_F(PowerTest, WhileReplacing) {
    cut_everywhere({.prepare =
                        [](Store& store) {
                            ASSERT_TRUE(store.publish(blob("x", 1)));
                            ASSERT_TRUE(store.publish(blob("bystander")));
                        },
                    .act = [](Store& store) { return store.publish(blob("x", 2)).has_value(); },
                    .check =
                        [](const Contents& after, bool done) {
                            ASSERT_TRUE(after.versions.contains("x"));
                            if (done) {
                                EXPECT_EQ(after.versions.at("x"), 2);
                            }
                            EXPECT_EQ(after.versions.at("bystander"), 1);
                            EXPECT_TRUE(after.missing.empty());
                        }});
}

TEST_F(PowerTest, WhileReplacingWithTheSameBytes) {
    cut_everywhere({.prepare = [](Store& store) { ASSERT_TRUE(store.publish(blob("x", 1))); },
                    .act = [](Store& store) { return store.publish(blob("x", 1)).has_value(); },
                    .check =
                        [](const Contents& after, bool) {
                            EXPECT_EQ(after.versions.at("x"), 1);
                            EXPECT_TRUE(after.missing.empty());
                        }});
}

TEST_F(PowerTest, WhilePublishingASetOfFiles) {
    cut_everywhere({.prepare =
                        [](Store& store) {
                            ASSERT_TRUE(store.publish(files("set", {{"a", "A"}, {"b", "B"}})));
                        },
                    .act =
                        [](Store& store) {
                            const auto old = store.find(key_of("set")).manifest;
                            if (!old) return false;
                            auto publication = files("set", {{"c", "C"}});
                            publication.kept = {old->parts[1]};
                            return store.publish(publication).has_value();
                        },
                    .check =
                        [](const Contents& after, bool) {
                            EXPECT_TRUE(after.versions.contains("set"));
                            EXPECT_TRUE(after.missing.empty());
                        }});
}

TEST_F(PowerTest, WhilePublishingWhatRefersToAnotherObject) {
    std::uint64_t referring = 0;
    cut_everywhere(
        {.prepare = [](Store& store) { ASSERT_TRUE(store.publish(member(store, "base", 10))); },
         .act =
             [&](Store& store) {
                 const auto kept = store.publish(member(store, "other", 20));
                 const bool refers = kept && kept->encoding == Encoding::referring;
                 referring += refers ? 1U : 0U;
                 return kept.has_value();
             },
         .check =
             [](const Contents& after, bool done) {
                 EXPECT_TRUE(after.versions.contains("base"));
                 EXPECT_TRUE(!done || after.versions.contains("other"));
                 EXPECT_TRUE(after.missing.empty());
             }});
    EXPECT_GT(referring, 0U);
}

// The limit has room for three of them.
TEST_F(PowerTest, WhileEvicting) {
    constexpr std::uint64_t k_entry = 102'400 + 4'096;
    const auto keep = [](Store& store, const char* name) {
        return store.publish(blob(name, 1, 100'000)).has_value();
    };
    cut_everywhere({.prepare =
                        [&](Store& store) {
                            for (const auto* name : {"a", "b", "pinned"}) {
                                ASSERT_TRUE(keep(store, name));
                            }
                            ASSERT_TRUE(store.pin(key_of("pinned")));
                        },
                    .act = [&](Store& store) { return keep(store, "new"); },
                    .check =
                        [](const Contents& after, bool done) {
                            EXPECT_TRUE(after.versions.contains("pinned"));
                            EXPECT_TRUE(after.versions.contains("a") ||
                                        after.versions.contains("b"));
                            EXPECT_TRUE(after.missing.empty());
                            if (done) {
                                EXPECT_TRUE(after.versions.contains("new"));
                                EXPECT_EQ(after.versions.size(), 3U);
                            }
                        },
                    .max_size = {.bytes = 3 * k_entry}});
}

// Of a family, the first entry goes, and one that refers to its object stays.
TEST_F(PowerTest, WhilePruning) {
    cut_everywhere({.prepare =
                        [](Store& store) {
                            ASSERT_TRUE(store.publish(member(store, "base", 10)));
                            ASSERT_TRUE(store.publish(member(store, "other", 20)));
                            ASSERT_TRUE(store.publish(blob("x")));
                            ASSERT_TRUE(store.publish(blob("bystander")));
                        },
                    .act =
                        [](Store& store) {
                            PruneRules rules;
                            rules.doomed = {{key_of("base"), "gone"}, {key_of("x"), "gone"}};
                            return store.prune(rules).has_value();
                        },
                    .check =
                        [](const Contents& after, bool done) {
                            EXPECT_EQ(after.versions.at("bystander"), 1);
                            EXPECT_TRUE(after.versions.contains("other"));
                            EXPECT_TRUE(after.missing.empty());
                            if (done) {
                                EXPECT_FALSE(after.versions.contains("base"));
                                EXPECT_FALSE(after.versions.contains("x"));
                            }
                        }});
}

TEST_F(PowerTest, WhileRemoving) {
    cut_everywhere({.prepare =
                        [](Store& store) {
                            ASSERT_TRUE(store.publish(blob("x")));
                            ASSERT_TRUE(store.publish(blob("y")));
                            ASSERT_TRUE(store.publish(blob("bystander")));
                            ASSERT_TRUE(store.publish(
                                blob_of("shares x's object", content_of("x", 1, 5'000))));
                        },
                    .act =
                        [](Store& store) {
                            const Key keys[] = {key_of("x"), key_of("y")};
                            return store.remove(keys).has_value();
                        },
                    .check =
                        [](const Contents& after, bool done) {
                            EXPECT_EQ(after.versions.at("bystander"), 1);
                            EXPECT_TRUE(after.versions.contains("shares x's object"));
                            EXPECT_TRUE(after.missing.empty());
                            if (done) {
                                EXPECT_FALSE(after.versions.contains("x"));
                                EXPECT_FALSE(after.versions.contains("y"));
                            }
                        }});
}

// Nothing is synced: the object may reappear, or be missing while its entry exists.
TEST_F(PowerTest, WhileSettingAside) {
    cut_everywhere({.prepare =
                        [](Store& store) {
                            ASSERT_TRUE(store.publish(blob("x")));
                            ASSERT_TRUE(store.publish(blob("bystander")));
                        },
                    .act =
                        [](Store& store) {
                            const auto found = store.find(key_of("x")).manifest;
                            return found && store.quarantine(found->key, found->parts[0], "test");
                        },
                    .check =
                        [](const Contents& after, bool) {
                            EXPECT_EQ(after.versions.at("bystander"), 1);
                            for (const auto& name : after.missing) EXPECT_EQ(name, "x");
                        }});
}

TEST_F(PowerTest, WhileCompressing) {
    cut_everywhere({.prepare =
                        [](Store& store) {
                            ASSERT_TRUE(store.publish(blob("x", 1, 20'000)));
                            ASSERT_TRUE(store.publish(blob("bystander")));
                        },
                    .act =
                        [](Store& store) {
                            const auto done = store.compress({{{key_of("x")}}, {}});
                            return done && done->done.size() == 1;
                        },
                    .check =
                        [](const Contents& after, bool done) {
                            EXPECT_EQ(after.versions.at("x"), 1);
                            EXPECT_EQ(after.versions.at("bystander"), 1);
                            EXPECT_TRUE(after.missing.empty());
                            // Durable as soon as it was acknowledged.
                            EXPECT_TRUE(!done || after.compressed == 1);
                        }});
}

TEST_F(PowerTest, WhileDecompressing) {
    cut_everywhere({.prepare =
                        [](Store& store) {
                            ASSERT_TRUE(store.publish(blob("x", 1, 20'000)));
                            ASSERT_EQ(store.compress({})->done.size(), 1U);
                        },
                    .act =
                        [](Store& store) {
                            const auto key = key_of("x");
                            const auto done = store.decompress({&key, 1});
                            return done && done->done.size() == 1;
                        },
                    .check =
                        [](const Contents& after, bool done) {
                            EXPECT_EQ(after.versions.at("x"), 1);
                            EXPECT_TRUE(after.missing.empty());
                            EXPECT_TRUE(!done || after.compressed == 0);
                        }});
}

TEST_F(PowerTest, WhileCollectingGarbage) {
    cut_everywhere({.prepare = [](Store& store) { ASSERT_TRUE(store.publish(blob("x"))); },
                    .act = [](Store& store) { return store.prune({}).has_value(); },
                    .check =
                        [](const Contents& after, bool) {
                            EXPECT_EQ(after.versions.at("x"), 1);
                            EXPECT_TRUE(after.missing.empty());
                        }});
}

// From nothing: the directory itself, its parents, the first entry.
TEST_F(PowerTest, WhileMakingALarder) {
    for (std::uint64_t calls = 0;; ++calls) {
        const TemporaryDirectory directory(support::fast_directory());
        CrashFileSystem crash(*fs_, directory.path());
        Machine machine(crash);
        crash.cut_power_after(calls);
        bool acknowledged = false;
        if (auto store = machine.open({.directory = directory / "a/b/larder"})) {
            acknowledged = (*store)->publish(blob("new")).has_value();
        }
        SCOPED_TRACE("cut at call " + std::to_string(calls) + ": " + crash.cut_at());
        for (const auto& survival : k_survivals) {
            SCOPED_TRACE(survival.chance);
            const TemporaryDirectory after(support::fast_directory());
            crash.materialise(after / "disk", survival);
            Machine again(*fs_);
            const auto store = again.must_open(after / "disk/a/b/larder");
            ASSERT_TRUE(store);
            const auto contents = read_larder(after / "disk/a/b/larder");
            ASSERT_EQ(contents.damage, "");
            ASSERT_TRUE(contents.missing.empty());
            ASSERT_TRUE(!acknowledged || contents.versions.contains("new"));
            ASSERT_EQ(support::tree_of(after / "disk/a/b/larder/tmp"), "");
            ASSERT_TRUE(store->publish(blob("later")));
        }
        if (!crash.is_cut()) break;
    }
}

// If a process was killed, or failed, after it made a directory and before it synced the name, the
// next process syncs it.
TEST_F(PowerTest, AfterAnEarlierPublisherDiedEarly) {
    std::uint64_t first = 0;
    for (bool whole = false; !whole; ++first) {
        const TemporaryDirectory directory(support::fast_directory());
        CrashFileSystem crash(*fs_, directory.path());
        Machine machine(crash);
        auto store = machine.must_open(directory / "larder");
        support::FaultFileSystem dying(crash);
        Machine victim(dying);
        auto dead = victim.must_open(directory / "larder");
        dying.fail_always_after(first, EIO);
        whole = dead->publish(blob("new")).has_value();
        SCOPED_TRACE("died at call " + std::to_string(first) + ": " + dying.first_fault());
        ASSERT_TRUE(store->publish(blob("new")));
        const TemporaryDirectory after(support::fast_directory());
        crash.materialise(after / "disk");
        const auto contents = read_larder(after / "disk/larder");
        ASSERT_EQ(contents.damage, "");
        ASSERT_TRUE(contents.versions.contains("new")) << "acknowledged and lost";
    }
    EXPECT_GT(first, 20U);
}

}  // namespace
}  // namespace larder::internal::store
