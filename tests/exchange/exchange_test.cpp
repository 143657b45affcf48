// Two larders and a directory between them, on file systems that fail.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "exchange/prune.h"
#include "exchange/pull.h"
#include "format/shared_entry.h"
#include "harness.h"
#include "remote/directory_tier.h"
#include "support/fault_file_system.h"

namespace larder::internal::exchange {
namespace {

using store::Encoding;
using store::Verify;

const Trust k_anybody{{}, true};

// A larder on a machine of its own.
class Place {
public:
    Place(os::FileSystem& fs, const std::string& directory)
        : machine_(fs), store_(machine_.must_open(directory)) {}

    [[nodiscard]] store::Store& store() { return *store_; }
    [[nodiscard]] os::System system() { return machine_.system(); }
    [[nodiscard]] std::vector<format::Key> keys() {
        std::vector<format::Key> keys;
        static_cast<void>(store_->for_each_entry([&](store::ListedEntry& entry) {
            if (entry.manifest) keys.push_back(entry.manifest->key);
            return store::Continue::yes;
        }));
        std::ranges::sort(keys);
        return keys;
    }

private:
    store::Machine machine_;
    std::unique_ptr<store::Store> store_;
};

class ExchangeTest : public ::testing::Test {
protected:
    [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }

    Result<Exchange> push_all(Place& from) {
        remote::DirectoryTier tier(from.system(), path("shared"));
        return push(from.store(), tier, from.keys(), nullptr, {});
    }
    static std::vector<SharedEntryInfo> read_all(remote::Tier& tier) {
        std::vector<SharedEntryInfo> entries;
        for (const auto& key : list_shared_keys(tier).value_or(std::vector<format::Key>{})) {
            if (auto entry = read_shared_entry(tier, key, k_anybody)) entries.push_back(*entry);
        }
        return entries;
    }
    Exchange pull_all(Place& to) {
        remote::DirectoryTier tier(to.system(), path("shared"));
        return pull(to.store(), tier, read_all(tier), {});
    }
    static bool all_are(const Exchange& exchange, Moved::State state) {
        return std::ranges::all_of(exchange.entries,
                                   [&](const Moved& moved) { return moved.state == state; });
    }

    os::RealSystem real_;
    support::FaultFileSystem fs_{real_.system().fs};
    support::TemporaryDirectory directory_{support::fast_directory()};
};

TEST_F(ExchangeTest, EveryEncodingArrivesAsItWas) {
    const auto common = store::random_text(2 * store::k_mib, 1);
    Place from(fs_, path("from"));
    auto& kept = from.store();
    ASSERT_TRUE(kept.publish(store::blob("raw")));
    ASSERT_TRUE(kept.publish(store::files("files", {{"a.blob", "one"}, {"b.cl_cache", "two"}})));
    const auto halves = store::blob_of("halves", store::halves_as_floats(2 * store::k_mib, 7));
    ASSERT_TRUE(kept.publish(halves));
    for (const std::uint64_t seed : {1U, 2U}) {
        const auto name = "member " + std::to_string(seed);
        ASSERT_TRUE(kept.publish(store::member_of_family(kept, name, common, seed)));
    }
    store::CompressRules rules;
    rules.keys = {store::key_of("halves")};
    ASSERT_TRUE(kept.compress(rules));
    std::map<Encoding, int> encodings;
    for (const auto& key : from.keys()) ++encodings[kept.find(key).manifest->encoding];
    ASSERT_EQ(encodings.size(), 4U) << "raw, files, compressed and referring";

    const auto sent = push_all(from);
    ASSERT_TRUE(sent) << sent.error().message();
    EXPECT_TRUE(all_are(*sent, Moved::State::moved));
    Place to(fs_, path("to"));
    const auto fetched = pull_all(to);
    ASSERT_EQ(fetched.entries.size(), 5U);
    for (const auto& moved : fetched.entries) {
        EXPECT_EQ(moved.state, Moved::State::moved) << moved.reason;
        const auto here = to.store().find(moved.key).manifest;
        ASSERT_TRUE(here);
        EXPECT_EQ(*here, *kept.find(moved.key).manifest);
        if (here->encoding == Encoding::files) continue;
        const auto arrived = to.store().open_blob(*here, Verify::always);
        ASSERT_TRUE(arrived) << arrived.error().message();
        EXPECT_EQ(text_of(*arrived), text_of(*kept.open_blob(*here, Verify::always)));
    }
    EXPECT_TRUE(all_are(pull_all(to), Moved::State::was_there));
    EXPECT_TRUE(to.store().verify({}, {}, {})->findings.empty());
}

TEST_F(ExchangeTest, ASignatureIsOfOneEntryAlone) {
    Place from(fs_, path("from"));
    ASSERT_TRUE(from.store().publish(store::blob("one")));
    ASSERT_TRUE(from.store().publish(store::blob("two")));
    remote::DirectoryTier tier(from.system(), path("shared"));
    const auto signer = remote::SigningKey::generate();
    ASSERT_TRUE(signer);
    ASSERT_TRUE(push(from.store(), tier, from.keys(), &*signer, {}));
    const Trust trust{{signer->public_key()}, false};
    std::vector<format::SharedEntry> entries;
    for (const auto& key : from.keys()) {
        EXPECT_EQ(read_shared_entry(tier, key, trust)->refusal, "");
        const auto text =
            remote::read_text(tier, entry_name(key), format::k_shared_entry_bytes_max);
        entries.push_back(format::decode_shared_entry(text.value()).value());
    }
    std::swap(entries[0].signatures, entries[1].signatures);
    const auto swapped = format::encode_shared_entry(entries[0]);
    const auto give = [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
        std::memcpy(buffer.data(), swapped.data() + offset, buffer.size());
        return {};
    };
    const auto key = from.keys().front();
    ASSERT_TRUE(tier.write(entry_name(key), swapped.size(), give));
    EXPECT_EQ(read_shared_entry(tier, key, trust)->refusal, "it is not signed");
    EXPECT_FALSE(read_shared_entry(tier, key, trust)->is_damaged);
}

TEST_F(ExchangeTest, WhicheverCallOfAPullFailsTheLarderIsWhole) {
    Place from(real_.system().fs, path("from"));
    ASSERT_TRUE(from.store().publish(store::blob("one")));
    ASSERT_TRUE(from.store().publish(store::files("two", {{"a", "x"}, {"b", "y"}})));
    ASSERT_TRUE(push_all(from));
    bool reached_the_end = false;
    for (std::uint64_t calls = 0; !reached_the_end; ++calls) {
        ASSERT_LT(calls, 1000U);
        const auto directory = path("to-" + std::to_string(calls));
        Place to(fs_, directory);
        fs_.fail_once_after(calls, calls % 2 == 0 ? EIO : ENOSPC);
        static_cast<void>(pull_all(to));
        reached_the_end = fs_.faults() == 0;
        const auto what = fs_.first_fault();
        fs_.heal();
        const auto report = to.store().verify({}, {}, {});
        ASSERT_TRUE(report);
        EXPECT_TRUE(report->findings.empty()) << what;
        const auto again = pull_all(to);
        EXPECT_EQ(again.entries.size(), 2U) << what;
        EXPECT_EQ(to.keys().size(), 2U) << what;
        static_cast<void>(os::remove_tree(real_.system().fs, directory));
    }
}

TEST_F(ExchangeTest, WhicheverCallOfAPushFailsOthersGetAWholeEntryOrNone) {
    bool reached_the_end = false;
    for (std::uint64_t calls = 0; !reached_the_end; ++calls) {
        ASSERT_LT(calls, 1000U);
        Place from(fs_, path("from"));
        ASSERT_TRUE(from.store().publish(store::files("two", {{"a", "x"}, {"b", "y"}})));
        fs_.fail_once_after(calls, calls % 2 == 0 ? EIO : ENOSPC);
        static_cast<void>(push_all(from));
        reached_the_end = fs_.faults() == 0;
        const auto what = fs_.first_fault();
        fs_.heal();
        const auto directory = path("to-" + std::to_string(calls));
        Place to(real_.system().fs, directory);
        const auto fetched = pull_all(to);
        EXPECT_TRUE(all_are(fetched, Moved::State::moved)) << what;
        ASSERT_TRUE(push_all(from)) << what;
        static_cast<void>(pull_all(to));
        EXPECT_EQ(to.keys().size(), 1U) << what;
        for (const char* const each : {"from", "shared"}) {
            static_cast<void>(os::remove_tree(real_.system().fs, path(each)));
        }
        static_cast<void>(os::remove_tree(real_.system().fs, directory));
    }
}

TEST_F(ExchangeTest, WhicheverCallOfAPruneFailsWhatStaysIsWhole) {
    Place from(real_.system().fs, path("from"));
    ASSERT_TRUE(from.store().publish(store::blob("old")));
    ASSERT_TRUE(push_all(from));
    ASSERT_TRUE(from.store().publish(store::blob("new")));
    ASSERT_TRUE(push_all(from));
    Place pruner(fs_, path("pruner"));
    remote::DirectoryTier tier(pruner.system(), path("shared"));
    const auto now = real_.system().clock.wall();
    constexpr auto k_later = std::chrono::hours(48);
    bool reached_the_end = false;
    for (std::uint64_t calls = 0; !reached_the_end; ++calls) {
        ASSERT_LT(calls, 200U);
        fs_.fail_once_after(calls, EIO);
        const auto done = prune(tier, now + k_later, k_later * 2, DryRun::no);
        reached_the_end = fs_.faults() == 0;
        const auto what = fs_.first_fault();
        fs_.heal();
        ASSERT_EQ(list_shared_keys(tier)->size(), 2U) << what;
        const auto directory = path("to-" + std::to_string(calls));
        Place to(real_.system().fs, directory);
        EXPECT_TRUE(all_are(pull_all(to), Moved::State::moved)) << what;
        static_cast<void>(os::remove_tree(real_.system().fs, directory));
        // All of it is too old: none of it, or some of it, goes.
        if (!reached_the_end) continue;
        ASSERT_TRUE(prune(tier, now + k_later, k_later / 2, DryRun::no));
        EXPECT_TRUE(list_shared_keys(tier)->empty());
        EXPECT_EQ(prune(tier, now + k_later, k_later, DryRun::yes)->objects, 0U);
    }
}

TEST_F(ExchangeTest, EndsBetweenEntriesWhenToldTo) {
    Place from(fs_, path("from"));
    for (const char* const name : {"one", "two", "three"}) {
        ASSERT_TRUE(from.store().publish(store::blob(name)));
    }
    remote::DirectoryTier tier(from.system(), path("shared"));
    int asked = 0;
    const auto sent = push(from.store(), tier, from.keys(), nullptr,
                           [&](std::uint64_t, std::uint64_t) { return ++asked < 3; });
    ASSERT_TRUE(sent);
    EXPECT_FALSE(sent->is_complete);
    EXPECT_LT(sent->entries.size(), 3U);
    Place to(fs_, path("to"));
    EXPECT_TRUE(all_are(pull_all(to), Moved::State::moved)) << "what was sent is whole";
}

}  // namespace
}  // namespace larder::internal::exchange
