// Complete requests with referring entries, for models in memory.
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "referring_fixture.h"
#include "support/mapped_memory.h"
#include "support/random_text.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

// A model in memory, with weights in a mapped file or on the heap.
class InMemoryTest : public ReferringTest {
protected:
    InMemoryTest() {
        put(large_);
        settle();
        device_.on_compile = {};
        device_.weights_in_blob = large_;
    }
    Outcome ask_for_ranges(const std::vector<std::span<const std::byte>>& ranges) {
        device_.weights = ranges;
        ModelReference reference;
        reference.origin = ModelOrigin::memory;
        reference.name = "x";
        return ask_for(reference, meddled_);
    }
    Outcome ask_mapped() {
        const support::MappedMemory memory(bin_);
        return ask_for_ranges({memory.bytes()});
    }
    Outcome ask_on_heap() { return ask_for_ranges({std::as_bytes(std::span(large_))}); }

    std::string large_ = support::random_text(std::size_t{3} << 20, 3);
};

TEST_F(InMemoryTest, RequesterWithoutTheFilesCompilesOnce) {
    EXPECT_EQ(ask_mapped(), Outcome::compiled);
    EXPECT_LT(kept_bytes(), k_small_bytes);
    EXPECT_EQ(ask_mapped(), Outcome::loaded);
    EXPECT_TRUE(weights_ == large_);
    EXPECT_EQ(ask_on_heap(), Outcome::compiled);
    EXPECT_GT(kept_bytes(), large_.size());
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(ask_on_heap(), Outcome::loaded);
        EXPECT_EQ(ask_mapped(), Outcome::loaded);
        EXPECT_TRUE(weights_ == large_);
    }
    EXPECT_EQ(device_.compiles_done, 2);
    EXPECT_TRUE(said_.empty()) << said_.front();
}

// A program that may not write bypasses the larder, and does not replace the referring entry.
TEST_F(InMemoryTest, RequesterWithoutTheFilesThatMayNotWriteChangesNothing) {
    EXPECT_EQ(ask_mapped(), Outcome::compiled);
    const auto before = support::tree_of(config_.directory);
    config_.mode = Mode::read_only;
    EXPECT_EQ(ask_on_heap(), Outcome::bypassed);
    EXPECT_NE(reason_.find("has them in memory alone"), std::string::npos) << reason_;
    EXPECT_EQ(support::tree_of(config_.directory), before);
    EXPECT_EQ(ask_mapped(), Outcome::loaded);
}

// Releases of OpenVINO differ in whether a program's request names the file or the graph.
TEST_F(InMemoryTest, ConvertedWeightsOfAFileAndOfItsGraphAreStoredOnce) {
    const auto converted = support::random_text(std::size_t{3} << 20, 4);
    put(large_ + "another constant");
    settle();
    device_.on_compile = {};
    const auto ask_by_path = [this] {
        device_.weights = {std::as_bytes(std::span(large_))};
        return ask();
    };
    const auto ask_mapped = [this] {
        const support::MappedMemory memory(bin_);
        return ask_for_ranges({memory.bytes().first(large_.size())});
    };
    for (const bool path_first : {true, false}) {
        forget();
        for (const bool by_path : {path_first, !path_first}) {
            device_.inputs["property.release"] = by_path ? "1" : "2";
            device_.weights_in_blob = converted + (by_path ? "1" : "2");
            EXPECT_EQ(by_path ? ask_by_path() : ask_mapped(), Outcome::compiled);
            EXPECT_GT(kept_bytes(), converted.size());
            EXPECT_LT(kept_bytes(), converted.size() + k_small_bytes) << path_first << by_path;
            EXPECT_EQ(by_path ? ask_by_path() : ask_mapped(), Outcome::loaded);
            EXPECT_TRUE(weights_ == device_.weights_in_blob);
        }
    }
    EXPECT_TRUE(said_.empty()) << said_.front();
}

TEST_F(InMemoryTest, ConstantsOfOneFileAreFoundInAnother) {
    device_.weights_in_blob = large_.substr(0, 1'000'000) + large_.substr(1'500'000, 1'500'000);
    const auto ask_for_two = [this](const std::string& path, std::size_t second) {
        const support::MappedMemory memory(path);
        return ask_for_ranges(
            {memory.bytes().first(1'000'000), memory.bytes().subspan(second, 1'500'000)});
    };
    EXPECT_EQ(ask_for_two(bin_, 1'500'000), Outcome::compiled);
    EXPECT_LT(kept_bytes(), k_small_bytes);
    EXPECT_EQ(ask_for_two(bin_, 1'500'000), Outcome::loaded);
    EXPECT_TRUE(weights_ == device_.weights_in_blob);
    // The same constants in other places of another file.
    const auto other = root_ / "models/other.bin";
    support::write_file(other, large_.substr(0, 1'000'000) + b_.substr(0, 70'001) +
                                   large_.substr(1'500'000, 1'500'000));
    settle();
    EXPECT_EQ(ask_for_two(other, 1'070'001), Outcome::loaded);
    EXPECT_TRUE(weights_ == device_.weights_in_blob);
    EXPECT_TRUE(said_.empty()) << said_.front();
}

}  // namespace
}  // namespace larder::internal::cache
