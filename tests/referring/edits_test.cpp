// Goal: if others change a model's files during a request, the request ends with the old model or
// with the new one, and the next request ends with the new one. Method: one seed decides the change
// of the files (replaced, linked, written in place with restored times, truncated), the call of the
// request at which it happens, and whether the model is already stored; the outputs are compared
// with those of a compile without larder.
#include <array>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "small_models/small_models.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/unable.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

using internal::cache::Outcome;
using internal::support::Call;
using internal::support::Child;
using internal::support::Mount;
using internal::support::read_file;
using internal::support::write_file;

// Two models of one kind, with different weights, and a smaller one.
enum class Content { first, second, smaller };
constexpr std::array k_contents{Content::first, Content::second, Content::smaller};

enum class Layout {
    plain,    // two files
    hub,      // links to files that are named by their content
    overlay,  // a file system that copies written files
};

enum class Way {
    renamed_over,
    in_place,         // the weights, with restored times
    link_replaced,    // with a hard link to an older file
    removed_created,  // one after the other
    cut_off,          // replaced by their first half
};
constexpr std::array k_ways{Way::renamed_over, Way::in_place, Way::link_replaced,
                            Way::removed_created, Way::cut_off};

class Edits : public ::testing::Test {
protected:
    Edits() {
        Child child([&] {
            for (const auto content : k_contents) {
                const bool is_smaller = content == Content::smaller;
                ModelOptions options{.width = is_smaller ? 224U : 256U, .layers = 2};
                options.seed = 1 + static_cast<std::uint32_t>(content);
                ov::save_model(dense_model(options), source(content, ".xml"), false);
            }
        });
        EXPECT_EQ(child.wait(), 0);
        fs::create_directories(models_);
    }

    [[nodiscard]] fs::path source(Content content, const char* extension) const {
        return root_.path() / ("source" + std::to_string(static_cast<int>(content)) + extension);
    }
    [[nodiscard]] fs::path model() const {
        return layout_ == Layout::hub ? models_ / "snapshots/12ab/m.xml" : models_ / "m.xml";
    }
    [[nodiscard]] fs::path weights() const { return fs::path(model()).replace_extension(".bin"); }

    // From now on the requested model has this name, like after a download.
    void place(const fs::path& from, const fs::path& path) {
        const auto next = path.string() + ".next";
        fs::remove(next);
        if (layout_ == Layout::hub) {
            const auto blob = "blob" + std::to_string(++blobs_);
            fs::create_directories(models_ / "blobs");
            fs::create_directories(path.parent_path());
            fs::copy_file(from, models_ / "blobs" / blob);
            fs::create_symlink("../../blobs/" + blob, next);
        } else {
            fs::copy_file(from, next);
        }
        fs::rename(next, path);
    }
    void place(Content content) {
        place(source(content, ".xml"), model());
        place(source(content, ".bin"), weights());
    }

    void change(Way way, Content content) {
        const auto from = source(content, ".bin");
        switch (way) {
            case Way::renamed_over: place(from, weights()); break;
            case Way::in_place: {
                const auto time = fs::last_write_time(weights());
                {
                    std::fstream file(weights(), std::ios::in | std::ios::out | std::ios::binary);
                    file << read_file(from);
                }
                fs::last_write_time(weights(), time);
                break;
            }
            case Way::link_replaced: {
                const auto linked = models_ / "linked.bin";
                fs::remove(linked);
                fs::copy_file(from, linked);
                fs::remove(models_ / "link");
                fs::create_hard_link(linked, models_ / "link");
                fs::rename(models_ / "link", weights());
                break;
            }
            case Way::removed_created:
                fs::remove(weights());
                fs::copy_file(from, weights());
                break;
            case Way::cut_off: {
                const auto text = read_file(from);
                write_file(models_ / "half", text.substr(0, text.size() / 2));
                fs::rename(models_ / "half", weights());
                break;
            }
        }
    }

    // To be called in a child.
    void run(std::uint32_t first_seed, std::uint32_t seeds);

    internal::support::TemporaryDirectory root_;
    fs::path models_ = root_.path() / "models";
    Layout layout_ = Layout::plain;
    int blobs_ = 0;
};

void Edits::run(std::uint32_t first_seed, std::uint32_t seeds) {
    Requester requester(root_.path());
    std::map<Content, Answer> fresh;
    for (const auto content : k_contents) {
        place(content);
        fresh[content] = requester.compile(model());
        ASSERT_EQ(fresh[content].outputs.size(), 1U);
    }
    change(Way::cut_off, Content::first);
    ASSERT_FALSE(requester.compile(model()).outcome);
    std::uint32_t calls = 0;
    const auto is_model = [&](const Call& call) {
        const bool counts = call.path.starts_with(models_.string());
        calls += counts ? 1U : 0U;
        return counts;
    };
    // The number of calls from which the test chooses.
    const auto calls_of_request = [&] {
        calls = 0;
        requester.files().meddle_before(UINT32_MAX, is_model, [] {});
        EXPECT_TRUE(requester.ask(model()).outcome);
        return calls;
    };
    place(Content::first);
    const auto calls_of_first_start = calls_of_request();
    const auto calls_of_hit = calls_of_request();
    std::set<Content> kept{Content::first};
    std::map<std::string_view, int> ended;
    std::uint32_t met = 0;
    for (auto seed = first_seed; seed < first_seed + seeds; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](std::uint32_t limit) { return random() % limit; };
        const auto before = below(4) == 0 ? Content::second : Content::first;
        const auto after = before == Content::first ? Content::second : Content::first;
        const auto way = k_ways[below(k_ways.size())];
        const bool is_kept = below(4) != 0;
        // Beside the weights: then it is a different model.
        const bool is_whole = way == Way::renamed_over && below(2) == 0;
        requester.files().stop();
        place(before);
        if (!is_kept) {
            requester.forget();
            kept.clear();
        } else if (kept.insert(before).second) {
            ASSERT_TRUE(requester.ask(model()).outcome) << "seed " << seed;
        }
        requester.files().meddle_before(below(is_kept ? calls_of_hit : calls_of_first_start),
                                        is_model, [&] {
                                            if (is_whole) {
                                                place(Content::smaller);
                                            } else {
                                                change(way, after);
                                            }
                                        });
        const auto answer = requester.ask(model());
        const bool is_met = requester.files().is_done();
        requester.files().stop();
        met += is_met ? 1 : 0;
        ++ended[name_of(answer)];
        const auto what = "seed " + std::to_string(seed) + ", " + std::string(name_of(answer)) +
                          ": " + answer.reason;
        const bool is_cut = is_met && way == Way::cut_off;
        const auto now = is_cut               ? Answer{}
                         : is_met && is_whole ? fresh[Content::smaller]
                                              : fresh[is_met ? after : before];
        if (answer.outcome) {
            // A write in place changes the file for all programs that have mapped it, with and
            // without larder.
            if (way != Way::in_place) {
                ASSERT_TRUE(answer.outputs == fresh[before].outputs ||
                            (!is_cut && answer.outputs == now.outputs))
                    << what;
            }
        } else {
            ASSERT_TRUE(is_cut || (is_met && is_whole)) << what;
        }
        for (auto times = 1 + below(2); times > 0; --times) {
            const auto next = requester.ask(model());
            ASSERT_EQ(next.outcome.has_value(), now.outcome.has_value()) << what;
            ASSERT_TRUE(next.outputs == now.outputs) << what << ", then " << name_of(next);
        }
        ASSERT_LT(requester.kept_bytes(), 200'000U) << what << ": weights are kept";
    }
    EXPECT_GT(met, seeds * 9 / 10);
    EXPECT_GT(ended["loaded"], 0);
    EXPECT_GT(ended["compiled"] + ended["bypassed"], 0);
}

// In several parts, so that no part takes long on a busy machine.
constexpr std::uint32_t k_part = 60;

class EditsInParts : public Edits, public ::testing::WithParamInterface<std::uint32_t> {};

TEST_P(EditsInParts, OfPlainFilesEndWithOneModelAndTheNextRequestWithTheRightOne) {
    Child child([&] { run(GetParam() * k_part, k_part); });
    EXPECT_EQ(child.wait(), 0);
}

TEST_P(EditsInParts, InAHubsLayoutEndWithOneModelAndTheNextRequestWithTheRightOne) {
    layout_ = Layout::hub;
    Child child([&] { run(10'000 + GetParam() * k_part, k_part); });
    EXPECT_EQ(child.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Part, EditsInParts, ::testing::Range(0U, 4U));

TEST_F(Edits, OnAnOverlayEndWithOneModelAndTheNextRequestWithTheRightOne) {
    layout_ = Layout::overlay;
    for (const char* const name : {"lower", "upper", "work"}) {
        fs::create_directories(root_.path() / name);
    }
    place(Content::first);
    fs::copy(models_, root_.path() / "lower", fs::copy_options::recursive);
    const auto mount = Mount::overlay(models_, root_.path() / "lower", root_.path() / "upper",
                                      root_.path() / "work");
    if (!mount) LARDER_UNABLE() << "no overlay can be mounted";
    Child child([&] { run(20'000, 100); });
    EXPECT_EQ(child.wait(), 0);
}

// No process waits for another.
TEST_F(Edits, ByAnotherProcessAtAnyTimeEndWithOneOfItsModels) {
    place(Content::first);
    Child meddler([&] {
        for (std::uint32_t i = 0;; ++i) {
            place(source(i % 2 == 0 ? Content::second : Content::first, ".bin"), weights());
            std::this_thread::sleep_for(std::chrono::milliseconds(i % 17));
        }
    });
    Child child([&] {
        Requester requester(root_.path());
        std::map<Content, Answer> fresh;
        const auto aside = root_.path() / "aside.xml";
        for (const auto content : {Content::first, Content::second}) {
            fs::copy_file(source(content, ".xml"), aside, fs::copy_options::overwrite_existing);
            fs::copy_file(source(content, ".bin"), root_.path() / "aside.bin",
                          fs::copy_options::overwrite_existing);
            fresh[content] = requester.compile(aside);
        }
        for (int i = 0; i < 300; ++i) {
            if (i % 50 == 0) requester.forget();
            const auto answer = requester.ask(model());
            ASSERT_TRUE(answer.outputs == fresh[Content::first].outputs ||
                        answer.outputs == fresh[Content::second].outputs)
                << i << name_of(answer) << answer.reason;
        }
        meddler.kill();
        // At any point of its work.
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        const auto now = requester.compile(model());
        for (int i = 0; i < 3; ++i) {
            ASSERT_TRUE(requester.ask(model()).outputs == now.outputs);
        }
    });
    EXPECT_EQ(child.wait(), 0);
}

// Truncating a file ends the programs that have mapped it, with and without larder. The next start
// is not affected.
TEST_F(Edits, FileThatIsCutOffInPlaceLeavesNothingWrong) {
    place(Content::first);
    const auto ask = [&](std::optional<std::uint64_t> call, bool fails) {
        Child child([&] {
            Requester requester(root_.path());
            if (call) {
                requester.files().meddle_before(
                    *call,
                    [this](const Call& each) { return each.path.starts_with(models_.string()); },
                    [&] { fs::resize_file(weights(), 100'000); });
            }
            const auto answer = requester.ask(model());
            if (!call) {
                EXPECT_EQ(answer.outcome.has_value(), !fails) << answer.reason;
            }
            if (!fails) {
                EXPECT_TRUE(answer.outputs == requester.compile(model()).outputs);
            }
        });
        return child.wait();
    };
    ASSERT_EQ(ask({}, false), 0);
    for (const std::uint64_t call : {0U, 4U, 8U, 12U, 14U, 16U, 18U, 20U}) {
        place(Content::first);
        const auto status = ask(call, true);
        EXPECT_TRUE(status == 0 || status == -SIGBUS) << status << " at call " << call;
        ASSERT_EQ(fs::file_size(weights()), 100'000U) << call;
        EXPECT_EQ(ask({}, true), 0) << call;
        place(Content::first);
        EXPECT_EQ(ask({}, false), 0) << call;
    }
}

}  // namespace
}  // namespace larder::testing
