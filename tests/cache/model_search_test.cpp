// cache/stale/model_search.h: finds out whether models still exist, on real files and a real disk
// that is not mounted.
#include "cache/stale/model_search.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "cache/attempt/serve.h"
#include "support/fake_runtime.h"
#include "support/mount.h"
#include "support/temporary_directory.h"
#include "support/unable.h"

namespace larder::internal::cache {
namespace {

namespace stdfs = std::filesystem;
using support::write_file;

constexpr ReadLimit k_all{UINT64_MAX, UINT64_MAX};

class ModelSearchTest : public ::testing::Test {
protected:
    ModelSearchTest() {
        config_.directory = directory_ / "larder";
        config_.state_directory = directory_ / "state";
        stdfs::create_directory(models_);
    }

    // Requests it like a program.
    void ask(const std::string& path) {
        Session session(system_.system(), log_, config_);
        support::FakeRequest request(device_, path);
        ModelReference reference;
        reference.path = path;
        const auto response = serve(session, request, reference);
        ASSERT_TRUE(response && response->key) << path;
        const auto store = session.store();
        manifest_ = (*store)->find(format::Key{*response->key}).manifest.value();
    }
    // Two files.
    std::string make(const std::string& name, const std::string& weights = "weights") {
        write_file(models_ / (name + ".pdmodel"), "model");
        write_file(models_ / (name + ".pdiparams"), weights);
        return (models_ / (name + ".pdmodel")).string();
    }
    Located locate(ReadLimit limit = k_all) {
        Session session(system_.system(), log_, config_);
        const auto store = session.store();
        ModelSearch search(system_.system(), session.state(), (*store)->id(), limit);
        return search.locate(manifest_.key_inputs.at("model.fingerprint"), manifest_.model.path,
                             [&] { return manifest_.model; });
    }
    // The result on another machine that has never seen the model.
    Located locate_elsewhere() {
        config_.state_directory = directory_ / "other state";
        return locate();
    }

    os::RealSystem system_;
    Log log_{LogLevel::error};
    support::TemporaryDirectory directory_;
    stdfs::path models_ = directory_.path() / "models";
    support::FakeDevice device_;
    Config config_;
    format::Manifest manifest_;
};

TEST_F(ModelSearchTest, AModelThatStaysIsUnchanged) {
    const auto path = make("m");
    ask(path);
    EXPECT_EQ(locate().where, Whereabouts::unchanged);
    EXPECT_EQ(locate({0, 0}).where, Whereabouts::unchanged) << "known by its stamps";
    stdfs::last_write_time(path, stdfs::file_time_type::clock::now());
    EXPECT_EQ(locate().where, Whereabouts::unchanged) << "touched";
    EXPECT_EQ(locate_elsewhere().where, Whereabouts::unchanged);
}

TEST_F(ModelSearchTest, ADeletedModelIsGone) {
    const auto path = make("m");
    ask(path);
    stdfs::remove(path);
    EXPECT_EQ(locate().where, Whereabouts::gone);
    EXPECT_EQ(locate().path, path);
    EXPECT_EQ(locate_elsewhere().where, Whereabouts::unknown) << "it was never seen there";
}

TEST_F(ModelSearchTest, AModelWithoutItsWeightsOrItsDirectoryIsGone) {
    ask(make("m"));
    stdfs::remove(models_ / "m.pdmodel");
    stdfs::remove(models_ / "m.pdiparams");
    EXPECT_EQ(locate().where, Whereabouts::gone);
    stdfs::remove_all(models_);
    EXPECT_EQ(locate().where, Whereabouts::gone);
}

TEST_F(ModelSearchTest, OtherContentIsChanged) {
    const auto path = make("m");
    ask(path);
    make("m", "WEIGHTS");
    EXPECT_EQ(locate({3, 100}).where, Whereabouts::unknown) << "too much to read";
    EXPECT_EQ(locate().where, Whereabouts::changed) << "of the same size";
    make("m", "more weights");
    EXPECT_EQ(locate({0, 0}).where, Whereabouts::changed) << "of another size";
    EXPECT_EQ(locate_elsewhere().where, Whereabouts::changed);
    make("m", "weights");
    EXPECT_EQ(locate_elsewhere().where, Whereabouts::unchanged) << "put back";
}

TEST_F(ModelSearchTest, AChangedModelThatWasAskedForAgainIsKnownWithoutReading) {
    const auto path = make("m");
    ask(path);
    const auto old = manifest_;
    make("m", "WEIGHTS");
    // Old enough that its fingerprint is remembered.
    system_.system().clock.sleep(std::chrono::milliseconds(50));
    ask(path);
    EXPECT_EQ(locate({0, 0}).where, Whereabouts::unchanged);
    manifest_ = old;
    EXPECT_EQ(locate({0, 0}).where, Whereabouts::changed);
}

TEST_F(ModelSearchTest, AModelThatIsStillInOnePlaceIsUnchanged) {
    const auto path = make("m");
    ask(path);
    const auto copy = make("copy");
    ask(copy);
    stdfs::remove(path);
    EXPECT_EQ(locate().where, Whereabouts::unchanged);
    write_file(copy, "other");
    EXPECT_EQ(locate().where, Whereabouts::changed);
    stdfs::remove(copy);
    EXPECT_EQ(locate().where, Whereabouts::gone);
}

TEST_F(ModelSearchTest, ADiskThatIsNotMountedIsNotGone) {
    auto disk = support::Mount::memory(models_, 1 << 20);
    if (!disk) LARDER_UNABLE() << "mounting is not permitted";
    const auto path = make("m");
    ask(path);
    const auto link = directory_ / "link.pdmodel";
    stdfs::create_symlink(path, link);
    stdfs::create_symlink(models_ / "m.pdiparams", directory_ / "link.pdiparams");
    ask(link);
    EXPECT_EQ(locate().where, Whereabouts::unchanged);
    disk.reset();
    EXPECT_EQ(locate().where, Whereabouts::unknown);
    disk.emplace(*support::Mount::memory(models_, 1 << 20));
    EXPECT_EQ(locate().where, Whereabouts::unknown) << "another disk";
}

TEST_F(ModelSearchTest, AFileThatIsDeletedFromAMountedDiskIsGone) {
    auto disk = support::Mount::memory(models_, 1 << 20);
    if (!disk) LARDER_UNABLE() << "mounting is not permitted";
    const auto path = make("m");
    const auto link = directory_ / "link.pdmodel";
    stdfs::create_symlink(path, link);
    ask(path);
    ask(link);
    stdfs::remove(path);
    EXPECT_EQ(locate().where, Whereabouts::gone);
    EXPECT_EQ(locate().path, link);
}

TEST_F(ModelSearchTest, AModelToWhichALinkIsGoneIsNotGone) {
    const auto path = make("m");
    const auto link = directory_ / "link.pdmodel";
    stdfs::create_symlink(path, link);
    ask(link);
    stdfs::remove(link);
    EXPECT_EQ(locate().where, Whereabouts::unknown);
    stdfs::remove(path);
    EXPECT_EQ(locate().where, Whereabouts::gone);
}

TEST_F(ModelSearchTest, ARevisionWhoseLinksAreGoneIsGone) {
    const auto path = make("m");
    stdfs::create_directory(directory_ / "one");
    for (const std::string end : {".pdmodel", ".pdiparams"}) {
        const auto blob = models_ / ("5f3a" + std::to_string(end.size()));  // as a hub names files
        stdfs::rename(models_ / ("m" + end), blob);
        stdfs::create_symlink(blob, directory_ / ("one/model" + end));
    }
    ask(directory_ / "one/model.pdmodel");
    EXPECT_EQ(locate().where, Whereabouts::unchanged);
    stdfs::rename(directory_ / "one/model.pdmodel", directory_ / "one/other.pdmodel");
    EXPECT_EQ(locate().where, Whereabouts::gone);
    stdfs::remove_all(directory_ / "one");
    EXPECT_EQ(locate().where, Whereabouts::gone);
}

TEST_F(ModelSearchTest, WhatCannotBeLookedAtIsUnknown) {
    const auto path = make("m");
    ask(path);
    stdfs::remove(path);
    stdfs::create_symlink(path, path);  // a loop: neither there nor gone
    EXPECT_EQ(locate().where, Whereabouts::unknown);
}

TEST_F(ModelSearchTest, NothingIsKnownOfModelsWithoutFiles) {
    state::State state(system_.system(), log_, "");
    ModelSearch search(system_.system(), state, "larder", k_all);
    for (const auto* fingerprint : {"memory:1", "caller:1", "", "files:1"}) {
        EXPECT_EQ(search.locate(fingerprint, {}, [] { return format::ModelInfo{}; }).where,
                  Whereabouts::unknown)
            << fingerprint;
    }
}

}  // namespace
}  // namespace larder::internal::cache
