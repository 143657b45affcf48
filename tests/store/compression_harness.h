// A larder whose entries are compressed and decompressed.
#pragma once

#include <chrono>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "format/compressed.h"
#include "harness.h"
#include "state/state.h"

namespace larder::internal::store {

class CompressionTest : public LarderTest {
protected:
    CompressionTest() : state_(machine_.system(), machine_.log(), directory_ / "state") {}

    Manifest must_publish(const Publication& publication) {
        auto manifest = publish(publication);
        EXPECT_TRUE(manifest) << manifest.error().message();
        return manifest ? *manifest : Manifest{};
    }
    void keep(const std::string& name, const std::string& content) {
        must_publish(blob_of(name, content));
    }
    static CompressRules only(const std::vector<std::string>& names) {
        CompressRules rules;
        rules.keys.emplace();
        for (const auto& name : names) rules.keys->insert(key_of(name));
        return rules;
    }
    Recoding compress(const CompressRules& rules = {}, DryRun dry_run = DryRun::no) {
        auto report = store_->compress(rules, dry_run);
        EXPECT_TRUE(report) << report.error().message();
        if (!report) return {};
        for (const auto& left : report->left) {
            EXPECT_NE(left.why, Unchanged::failed) << left.error->message();
        }
        return std::move(*report);
    }
    Recoding decompress(const std::vector<std::string>& names, DryRun dry_run = DryRun::no) {
        std::vector<Key> keys;
        for (const auto& name : names) keys.push_back(key_of(name));
        auto report = store_->decompress(keys, dry_run);
        EXPECT_TRUE(report) << report.error().message();
        return report ? std::move(*report) : Recoding{};
    }
    [[nodiscard]] Manifest manifest_of(const std::string& name) const {
        const auto found = store_->find(key_of(name));
        return found.manifest.value_or(Manifest{});
    }
    [[nodiscard]] Encoding encoding_of(const std::string& name) const {
        return manifest_of(name).encoding;
    }
    std::string content(const std::string& name, Verify policy = Verify::always) {
        const auto found = store_->find(key_of(name));
        if (!found.manifest) return "no entry";
        const auto object = store_->open_blob(*found.manifest, policy);
        return object ? text_of(*object) : object.error().message();
    }
    // Two of them take almost no space.
    static std::string small_of_three_frames() {
        return std::string(2 * format::k_frame_bytes, 'z') + halves_as_floats(20'000, 1);
    }
    // "name: reason", one on each line.
    static std::string left_of(const Recoding& report) {
        static const std::map<Unchanged, std::string> k_words = {
            {Unchanged::encoding, "encoding"}, {Unchanged::base, "base"},
            {Unchanged::shared, "shared"},     {Unchanged::gain, "gain"},
            {Unchanged::busy, "busy"},         {Unchanged::failed, "failed"}};
        std::set<std::string> lines;
        for (const auto& left : report.left) {
            lines.insert(left.manifest.key_inputs.at("name") + ": " + k_words.at(left.why) + "\n");
        }
        std::string text;
        for (const auto& line : lines) text += line;
        return text;
    }
    static std::string done_of(const Recoding& report) {
        std::set<std::string> names;
        for (const auto& done : report.done) names.insert(done.before.key_inputs.at("name"));
        std::string text;
        for (const auto& name : names) text += (text.empty() ? "" : " ") + name;
        return text;
    }
    void open_with_limit(std::uint64_t bytes) {
        store_.reset();
        OpenOptions options;
        options.directory = larder();
        options.max_size.bytes = bytes;
        options.history = &state_;
        auto opened = machine_.open(options);
        ASSERT_TRUE(opened) << opened.error().message();
        store_ = std::move(*opened);
    }
    [[nodiscard]] std::uint64_t disk_bytes() const {
        const auto totals = store_->totals();
        return totals->disk_bytes + totals->quarantined_bytes;
    }
    [[nodiscard]] std::uint64_t account_bytes() const {
        const auto text = support::read_file(larder() + "/account");
        std::uint64_t bytes = 0;
        std::memcpy(&bytes, text.data() + 16, 8);
        return bytes;
    }
    void expect_clean() const {
        EXPECT_EQ(tmp(), "");
        const auto contents = read_larder(larder());
        EXPECT_EQ(contents.damage, "");
        EXPECT_TRUE(contents.missing.empty());
        EXPECT_TRUE(contents.unused.empty());
    }

    state::State state_;
};

}  // namespace larder::internal::store
