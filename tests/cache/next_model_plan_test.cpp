// cache/ahead/next_model.h: which model is expected next, and how much of it is read.
#include "cache/ahead/next_model.h"
#include "next_model_harness.h"
#include "support/fake_clock.h"

namespace larder::internal::cache {
namespace {

class PlanTest : public NextModelTest {
protected:
    // Used only to reach the larder and the state.
    void open() {
        session_ = start();
        larder_ = *session_->store();
    }
    NextModelPredictor::Asked ask_for(NextModelPredictor& predictor, const std::string& model) {
        return predictor.ask(larder_->id(), keys_.at(model));
    }
    void end(NextModelPredictor& predictor, const std::string& model,
             NextModelPredictor::Asked asked) {
        predictor.end(std::move(asked), hash_bytes(std::as_bytes(std::span(model))), 100 * k_mib);
    }
    std::string expected(const NextModelPredictor::Asked& asked) {
        std::string names;
        for (const auto& next : asked.expected) {
            for (const auto& [name, key] : keys_) {
                if (key == next.key) names += name;
            }
        }
        return names;
    }

    std::unique_ptr<Session> session_;
    std::shared_ptr<store::Store> larder_;
};

TEST_F(PlanTest, NoMoreIsReadThanAPartOfTheMemoryThatIsAvailable) {
    learn("abcd");
    open();
    {
        // Half of it: all of b, and the beginning of c.
        NextModelPredictor predictor(system(), session_->state(), [] { return 20 * k_mib; });
        predictor.read_next(larder_, ask_for(predictor, "a"), std::nullopt);
        EXPECT_TRUE(is_alone());
        const auto b = watcher_.read_to(path("b"));
        const auto c = watcher_.read_to(path("c"));
        EXPECT_GT(b, k_padding);
        EXPECT_GT(c, 0U);
        EXPECT_LE(b + c, 10 * k_mib);
        EXPECT_EQ(watcher_.read_to(path("d")), 0U);
        // After b was requested, its pages are no longer counted.
        predictor.read_next(larder_, ask_for(predictor, "b"), std::nullopt);
        EXPECT_TRUE(eventually([&] { return watcher_.read_to(path("d")) > 0; }));
        EXPECT_LE(watcher_.read_to(path("c")) + watcher_.read_to(path("d")), 10 * k_mib);
    }
    watcher_.forget();
    NextModelPredictor predictor(system(), session_->state(), [] { return 0; });
    predictor.read_next(larder_, ask_for(predictor, "a"), std::nullopt);
    EXPECT_TRUE(is_alone());
    EXPECT_EQ(watcher_.read_to(path("b")), 0U) << "it is not known how much there is";
}

TEST_F(PlanTest, ARequestInterruptsWhatIsReadForLater) {
    learn("abcx");
    open();
    watcher_.hold(path("b"));
    NextModelPredictor predictor(system(), session_->state(), [] { return 1000 * k_mib; });
    predictor.read_next(larder_, ask_for(predictor, "a"), std::nullopt);
    watcher_.wait_until_held();
    const auto asked = ask_for(predictor, "x");
    EXPECT_EQ(expected(asked), "bc") << "they are still to come";
    watcher_.release();
    EXPECT_TRUE(is_alone());
    EXPECT_LT(watcher_.read_to(path("b")), 5 * k_mib);
    EXPECT_FALSE(watcher_.was_opened(path("c")));
    predictor.read_next(larder_, asked, std::nullopt);
    EXPECT_TRUE(eventually([&] { return is_read("b") && is_read("c"); }));
    EXPECT_EQ(watcher_.read_to(path("x")), 0U);
}

TEST_F(PlanTest, TheBlobThatIsImportedIsReadFirstAndToItsEnd) {
    learn("ab");
    open();
    watcher_.hold(path("b"));
    NextModelPredictor predictor(system(), session_->state(), [] { return 12 * k_mib; });
    predictor.read_next(larder_, ask_for(predictor, "a"), ReadAhead::Imported{objects_.at("a")});
    watcher_.wait_until_held();
    EXPECT_EQ(watcher_.read_to(path("a")), fs::file_size(path("a")));
    watcher_.release();
    EXPECT_TRUE(is_alone());
    EXPECT_TRUE(is_read("b")) << "what is imported is not a part of what is read for later";
}

TEST_F(PlanTest, WhereSomebodyElseReadsTheImportedBlobItIsWaitedFor) {
    learn("abx");
    open();
    NextModelPredictor predictor(system(), session_->state(), [] { return 1000 * k_mib; });
    std::promise<void> reading;
    const ReadAhead::Imported first{objects_.at("a"), reading.get_future().share()};
    predictor.read_next(larder_, ask_for(predictor, "a"), first);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto asked = ask_for(predictor, "x");
    EXPECT_TRUE(is_alone()) << "a request interrupts that";
    EXPECT_EQ(watcher_.read_to(path("a")), 0U);
    EXPECT_FALSE(watcher_.was_opened(path("b")));
    predictor.read_next(larder_, asked, first);
    reading.set_value();
    EXPECT_TRUE(eventually([&] { return is_read("b"); }));
}

TEST_F(PlanTest, APauseBeginsANewRun) {
    learn("abc");
    open();
    support::FakeClock clock;
    const os::System slow{watcher_, clock, real_.system().entropy, process_};
    state::State state(slow, log_, directory_ / "another");
    const auto run = [&](std::chrono::seconds pause) {
        NextModelPredictor predictor(slow, state);
        end(predictor, "a", ask_for(predictor, "a"));
        clock.advance(pause);
        end(predictor, "b", ask_for(predictor, "b"));
    };
    const auto after_a = [&] {
        NextModelPredictor predictor(slow, state);
        return expected(ask_for(predictor, "a"));
    };
    for (int i = 0; i < 3; ++i) run(NextModelPredictor::k_pause + std::chrono::seconds(1));
    EXPECT_EQ(after_a(), "") << "somebody loads a model now and then";
    for (int i = 0; i < 2; ++i) run(NextModelPredictor::k_pause);
    EXPECT_EQ(after_a(), "b");
}

TEST_F(PlanTest, AModelAskedForAgainTeachesNothing) {
    learn("abc");
    open();
    state::State state(system(), log_, directory_ / "another");
    NextModelPredictor predictor(system(), state);
    for (int i = 0; i < 10; ++i) {
        end(predictor, "a", ask_for(predictor, "a"));
        end(predictor, "b", ask_for(predictor, "b"));
    }
    NextModelPredictor next(system(), state);
    EXPECT_EQ(expected(ask_for(next, "a")), "") << "one run is one run";
}

}  // namespace
}  // namespace larder::internal::cache
