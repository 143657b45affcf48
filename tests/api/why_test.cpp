// Goal: Cache::explain predicts the outcome of a request. Method: one seed decides the changes of
// models and larder, and the next request: the model, and whether it is requested by path or as
// read by a program. Each request is explained before.
#include <fstream>
#include <random>

#include <openvino/openvino.hpp>

#include "harness.h"
#include "larder/larder.hpp"
#include "small_models/small_models.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

constexpr int k_situations = 400;

class WhyTest : public LarderTest {
protected:
    std::size_t below(std::size_t end) {
        return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
    }
    template <typename Value>
    const Value& one_of(const std::vector<Value>& values) {
        return values.at(below(values.size()));
    }
    Options options(Mode mode) const {
        Options options;
        options.directory = directory_;
        options.state_directory = state_;
        options.mode = mode;
        options.log_sink = [](LogLevel, std::string_view) {};
        return options;
    }

    // The change before a request, in words.
    std::string happens() {
        const auto event = below(14);
        const auto model = one_of(models_);
        if (event < 4) return "nothing";
        if (event == 4) {
            write(model, static_cast<std::uint32_t>(1 + below(3)));
            return "other weights";
        }
        if (event == 5) {
            fs::last_write_time(model, fs::file_time_type::clock::now());
            return "a touch";
        }
        if (event == 6) {
            Store store(options(Mode::on));
            const auto entries = store.entries();
            if (entries.empty()) return "nothing to remove";
            (void)store.remove({one_of(entries).key}, DryRun::no);
            return "a removal";
        }
        if (event == 7) {
            (void)Store(options(Mode::on)).verify();
            return "a check";
        }
        const auto files = files_in(event < 11 ? "objects" : "entries");
        if (files.empty()) return "nothing to damage";
        const auto& file = one_of(files);
        fs::permissions(file, fs::perms::owner_write, fs::perm_options::add);
        switch (event) {
            case 8:
            case 11: change_byte(file); return "a byte of " + file.string();
            case 9:
            case 12:
                fs::resize_file(file, fs::file_size(file) / 2);
                return "half of " + file.string();
            default: fs::remove(file); return "without " + file.string();
        }
    }

    static void change_byte(const fs::path& file) {
        if (fs::file_size(file) == 0) return;
        std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
        const auto at = static_cast<std::streamoff>(fs::file_size(file) / 2);
        stream.seekg(at);
        const auto byte = static_cast<char>(stream.get());
        stream.seekp(at);
        stream.put(static_cast<char>(byte ^ 1));
    }

    void write(const fs::path& model, std::uint32_t seed) const {
        save(dense_model({.seed = seed, .width = 32}), model.stem().string());
    }

    // The kind of the request, in words.
    std::string check_a_request() {
        const auto mode = one_of<Mode>({Mode::on, Mode::on, Mode::on, Mode::on, Mode::on,
                                        Mode::read_only, Mode::refresh, Mode::off});
        const auto path = one_of(models_);
        const auto properties =
            one_of<ov::AnyMap>({{}, {{"KEY_CACHE_GROUP_SIZE", "16"}}, {{"PERF_COUNT", true}}});
        const auto way = below(3);
        std::shared_ptr<ov::Model> model;
        if (way > 0) model = core_.read_model(path);
        if (way > 1) model->reshape(ov::PartialShape{5, 32});
        Cache cache(options(mode));
        const auto said = way == 0
                              ? cache.explain(core_, path, "CPU", properties)
                              : cache.explain(core_, ReadModel{model, path}, "CPU", properties);
        const auto done =
            way == 0 ? cache.compile_model(core_, path, "CPU", properties)
                     : cache.compile_model(core_, ReadModel{model, path}, "CPU", properties);
        const bool is_hit = done.outcome == Outcome::loaded || done.outcome == Outcome::waited;
        EXPECT_EQ(said.would_hit, is_hit)
            << "said: " << said.reason << "; done: " << to_string(done.outcome) << ", "
            << done.reason;
        EXPECT_EQ(said.would_hit, said.reason.empty()) << said.reason;
        if (mode != Mode::off) {
            EXPECT_EQ(said.key, done.key);
        }
        ++asked_[is_hit ? "hit" : "miss"];
        return std::string(to_string(mode)) + " " + path.filename().string() + " " +
               std::vector{"by path", "as read", "reshaped"}.at(way) + " with " +
               std::to_string(properties.size()) + " properties";
    }

    std::mt19937 random_{20261129};
    ov::Core core_;
    std::vector<fs::path> models_;
    std::map<std::string, int> asked_;
};

TEST_F(WhyTest, SaysWhatTheNextRequestDoesOverHundredsOfSituations) {
    for (const auto* name : {"a", "b"}) {
        models_.push_back(save(dense_model({.seed = 1, .width = 32}), name));
    }
    std::string history;
    for (int i = 0; i < k_situations && !HasFailure(); ++i) {
        history += std::to_string(i) + ": " + happens();
        const auto asked = check_a_request();
        history += "; " + asked + "\n";
    }
    // Both cases occur often.
    EXPECT_GE(asked_["hit"], k_situations / 5) << asked_["miss"];
    EXPECT_GE(asked_["miss"], k_situations / 5);
    if (HasFailure()) std::cerr << history;
}

}  // namespace
}  // namespace larder::testing
