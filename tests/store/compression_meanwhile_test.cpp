// Encoding::compressed: concurrent actions of other processes, and lack of space.
#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "compression_harness.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/unable.h"

namespace larder::internal::store {
namespace {

namespace stdfs = std::filesystem;
using support::Child;

// An entry that is published during its compression is newer, and stays.
TEST_F(CompressionTest, NeverReplacesWhatCameMeanwhile) {
    const auto compress_while = [&](const std::function<void()>& act) {
        const auto report = store_->compress(only({"x"}), DryRun::no, [&](const Progress&) {
            act();
            return Continue::yes;
        });
        EXPECT_TRUE(report);
        EXPECT_EQ(left_of(*report), "x: busy\n");
    };
    must_publish(blob("x", 1, 100'000));
    compress_while([&] { must_publish(blob("x", 2, 50'000)); });
    EXPECT_EQ(read_larder(larder()).versions.at("x"), 2);
    EXPECT_EQ(encoding_of("x"), Encoding::raw);
    compress_while([&] { ASSERT_TRUE(store_->remove(std::vector{key_of("x")})); });
    EXPECT_TRUE(content("x") == "no entry");
    must_publish(blob("x", 1, 100'000));
    compress_while([&] { keep("y", content_of("x", 1, 100'000)); });
    EXPECT_EQ(encoding_of("x"), Encoding::raw) << "somebody else uses its object now";
    // A compiling process holds the compile lock.
    const auto compile_lock = store_->compile_lock(key_of("x"), std::chrono::seconds(0));
    EXPECT_EQ(left_of(compress(only({"x"}))), "x: shared\n");
    ASSERT_TRUE(store_->remove(std::vector{key_of("y")}));
    EXPECT_EQ(left_of(compress(only({"x"}))), "x: busy\n");
    expect_clean();
}

TEST_F(CompressionTest, AtTheLimitNothingHasToGoForIt) {
    for (int i = 0; i < 4; ++i) {
        keep("x" + std::to_string(i), halves_as_floats(k_mib, static_cast<std::uint64_t>(i)));
    }
    open_with_limit(disk_bytes() + 100'000);
    // Begins the account.
    keep("small", "small");
    ASSERT_EQ(account_bytes(), disk_bytes());
    const auto report = compress();
    EXPECT_EQ(done_of(report), "x0 x1 x2 x3");
    EXPECT_EQ(store_->totals()->entries, 5U);
    EXPECT_EQ(account_bytes(), disk_bytes());
    // Two fit into the space of one.
    for (int i = 4; i < 8; ++i) {
        keep("x" + std::to_string(i), halves_as_floats(k_mib, static_cast<std::uint64_t>(i)));
        ASSERT_EQ(compress().done.size(), 1U);
    }
    EXPECT_EQ(store_->totals()->entries, 9U);
    EXPECT_EQ(account_bytes(), disk_bytes());
    // Also if the limit was lowered since, because the entry takes less space afterwards.
    keep("last", halves_as_floats(100'000, 9));
    open_with_limit(k_mib);
    EXPECT_EQ(done_of(compress()), "last");
    EXPECT_EQ(store_->totals()->entries, 10U);
}

TEST_F(CompressionTest, UndoneItKeepsToTheLimitAsAnyPublication) {
    for (int i = 0; i < 4; ++i) {
        keep("x" + std::to_string(i), halves_as_floats(k_mib, static_cast<std::uint64_t>(i)));
        ASSERT_EQ(compress().done.size(), 1U);
    }
    open_with_limit(disk_bytes() + 100'000);
    for (const auto* const name : {"x1", "x2"}) ASSERT_TRUE(store_->pin(key_of(name)));
    keep("small", "small");
    ASSERT_EQ(account_bytes(), disk_bytes());
    const auto undone = decompress({"x1"});
    EXPECT_EQ(done_of(undone), "x1") << left_of(undone);
    for (const auto* const name : {"x0", "x3"}) {
        EXPECT_TRUE(content(name) == "no entry") << name << " had to go";
    }
    EXPECT_TRUE(content("x1") == halves_as_floats(k_mib, 1));
    EXPECT_EQ(account_bytes(), disk_bytes());
    EXPECT_LE(disk_bytes(), store_->limit_bytes());
    const auto refused = decompress({"x2"});
    EXPECT_EQ(left_of(refused), "x2: failed\n");
    EXPECT_EQ(refused.left.front().error->code, Errc::no_space);
    EXPECT_EQ(encoding_of("x2"), Encoding::compressed);
    EXPECT_TRUE(content("x2") == halves_as_floats(k_mib, 2));
    EXPECT_EQ(account_bytes(), disk_bytes());
    expect_clean();
}

TEST_F(CompressionTest, WhatIsCompressedIsEvictedForWhatItTakes) {
    keep("x", halves_as_floats(k_mib, 1));
    ASSERT_EQ(compress().done.size(), 1U);
    const auto total = disk_bytes();
    PruneRules rules;
    rules.max_bytes = 1;
    const auto planned = store_->prune(rules, DryRun::yes);
    const auto pruned = store_->prune(rules);
    ASSERT_TRUE(planned && pruned);
    EXPECT_EQ(planned->removal.freed_bytes, total);
    EXPECT_EQ(pruned->removal.freed_bytes, total);
    EXPECT_EQ(disk_bytes(), 0U);
}

TEST_F(CompressionTest, OnAFullDiskEverythingStays) {
    const auto directory = directory_ / "small";
    stdfs::create_directory(directory);
    const auto disk = support::Mount::memory(directory, 8 * k_mib);
    if (!disk) LARDER_UNABLE() << "cannot mount";
    store_ = machine_.must_open(directory);
    keep("large", halves_as_floats(6 * k_mib, 1));
    keep("small", content_of("small", 1, 400'000));
    const auto report = store_->compress({});
    ASSERT_TRUE(report);
    EXPECT_EQ(left_of(*report), "large: failed\n");
    EXPECT_EQ(report->left.front().error->code, Errc::no_space);
    EXPECT_EQ(done_of(*report), "small") << "which makes room";
    EXPECT_TRUE(content("large") == halves_as_floats(6 * k_mib, 1));
    EXPECT_EQ(support::tree_of(directory + "/tmp"), "");
    EXPECT_TRUE(store_->verify({})->findings.empty());
    store_.reset();
}

TEST_F(CompressionTest, ByTwoProcessesAtOnceIsDoneOnce) {
    for (int i = 0; i < 6; ++i) must_publish(blob("x" + std::to_string(i), 1, 300'000));
    store_.reset();
    std::vector<std::unique_ptr<Child>> children(3);
    for (auto& child : children) {
        child = std::make_unique<Child>([&] {
            Machine machine(*fs_);
            const auto store = machine.must_open(larder());
            const auto report = store->compress({});
            ASSERT_TRUE(report) << report.error().message();
            for (const auto& left : report->left) {
                EXPECT_TRUE(left.why == Unchanged::busy || left.why == Unchanged::encoding)
                    << (left.error ? left.error->message() : "");
            }
        });
    }
    for (const auto& child : children) EXPECT_EQ(child->wait(), 0);
    store_ = machine_.must_open(larder());
    const auto contents = read_larder(larder());
    EXPECT_EQ(contents.versions.size(), 6U);
    EXPECT_EQ(contents.compressed, 6);
    expect_clean();
}

// Loads never fail because of other processes that compress, decompress, publish and prune.
TEST_F(CompressionTest, WhileOthersLoadAndEvict) {
    constexpr int k_names = 3;
    constexpr int k_loads = 20;
    const auto name_of = [](int i) { return "x" + std::to_string(i); };
    for (int i = 0; i < k_names; ++i) must_publish(blob(name_of(i), 1, 150'000));
    store_.reset();
    const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes(5);
    const auto enough = directory_ / "enough";
    const auto repeat = [&](const std::function<void(Store&, int)>& act) {
        return std::make_unique<Child>([&, act] {
            Machine machine(*fs_);
            const auto store = machine.must_open(larder());
            for (int i = 0; !stdfs::exists(enough); ++i) act(*store, i);
        });
    };
    std::vector<std::unique_ptr<Child>> children;
    children.push_back(repeat([&](Store& store, int) {
        const auto report = store.compress({});
        ASSERT_TRUE(report) << report.error().message();
        for (const auto& left : report->left) EXPECT_NE(left.why, Unchanged::failed);
    }));
    children.push_back(repeat([&](Store& store, int i) {
        const auto key = key_of(name_of(i % k_names));
        const auto report = store.decompress({&key, 1});
        ASSERT_TRUE(report || report.error().code == Errc::not_found);
    }));
    children.push_back(repeat([&](Store& store, int i) {
        const auto name = name_of(i % k_names);
        PruneRules rules;
        rules.doomed[key_of(name)] = "test";
        ASSERT_TRUE(store.prune(rules));
        ASSERT_TRUE(store.publish(blob(name, 1, 150'000)));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }));
    int loads = 0;
    store_ = machine_.must_open(larder());
    while (loads < k_loads && std::chrono::steady_clock::now() < limit) {
        const auto name = name_of(loads % k_names);
        const auto found = store_->find(key_of(name));
        ASSERT_FALSE(found.fault) << found.fault->message();
        if (!found.manifest) continue;
        const auto object = store_->open_blob(*found.manifest, Verify::always);
        if (!object) {
            ASSERT_EQ(object.error().code, Errc::not_found) << object.error().message();
            continue;
        }
        ASSERT_TRUE(text_of(*object) == content_of(name, 1, 150'000));
        ++loads;
    }
    support::write_file(enough, "");
    for (const auto& child : children) EXPECT_EQ(child->wait(), 0);
    EXPECT_EQ(loads, k_loads);
    EXPECT_EQ(quarantine(), "");
    ASSERT_TRUE(store_->prune({}));
    expect_clean();
}

}  // namespace
}  // namespace larder::internal::store
