// Tests which bytes of a blob are recognised as the model's own, and that the other bytes complete
// the blob.
#include "cache/blob/referring_blob.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/random_text.h"
#include "support/temporary_directory.h"

namespace larder::internal::cache {
namespace {

namespace fs = std::filesystem;

struct Write {
    std::uint64_t offset = 0;
    std::string bytes;
};

class ReferringBlobTest : public ::testing::Test {
protected:
    ReferringBlobTest() {
        config_.directory = directory_ / "larder";
        config_.state_directory = directory_ / "state";
        session_.emplace(real_.system(), log_, config_);
    }

    void give_model(const std::vector<std::string>& files) {
        identified_.files.emplace();
        for (const auto& content : files) {
            const auto number = identified_.files->files.size();
            const auto path = directory_ / ("model." + std::to_string(number));
            support::write_file(path, content);
            model::FingerprintedFile file;
            file.path = path;
            file.stamp = real_.system().fs.info(path)->stamp;
            file.digest = hash_chunked(std::as_bytes(std::span(content)));
            identified_.files->files.push_back(file);
        }
    }

    // An object of the larder that is found where the model's files have not all of a blob.
    void give_object(const std::string& content) {
        const auto path = directory_ / ("object." + std::to_string(objects_.size()));
        support::write_file(path, content);
        const auto file = *real_.system().fs.open(path, os::OpenMode::read);
        objects_.push_back({*real_.system().fs.map(*file, content.size()),
                            {},
                            hash_chunked(std::as_bytes(std::span(content))),
                            {},
                            store::Proof::read});
    }

    struct Kept {
        bool refers = false;
        bool refers_to_model = false;
        std::size_t looks = 0;  // for objects
        std::uint64_t start_in_page = 0;
        std::vector<store::Part> shared;
        std::uint64_t shared_bytes = 0;
        std::uint64_t own_bytes = 0;  // of the file
        std::size_t pieces = 0;
        std::string blob;  // as it is composed
    };
    Kept keep(const std::vector<Write>& writes, BlobUse use = BlobUse::copied) {
        auto& fs = real_.system().fs;
        ModelBytes model(*session_, identified_);
        std::vector<ModelSource> sources;
        if (identified_.files) sources = *model.map();
        std::size_t looks = 0;
        const auto find_shareable = [&] {
            ++looks;
            return objects_;
        };
        const auto path = directory_ / "staged";
        fs::remove(path);
        const auto file = *fs.open(path, os::OpenMode::create_exclusive, 0644);
        store::StagedFile staged(*file);
        ReferringBlob blob(model, std::move(sources), find_shareable, staged, use);
        for (const auto& [offset, bytes] : writes) {
            const auto written = blob.write_at(offset, std::as_bytes(std::span(bytes)));
            EXPECT_TRUE(written) << written.error().message();
        }
        const auto finished = blob.finish();
        EXPECT_TRUE(finished) << finished.error().message();
        Kept kept;
        kept.refers = staged.form().has_value();
        kept.refers_to_model = blob.refers_to_model();
        kept.looks = looks;
        kept.own_bytes = fs::file_size(path);
        kept.blob = support::read_file(path);
        if (kept.refers) put_together(*staged.form(), kept);
        return kept;
    }
    // In one write.
    Kept keep_at_once(const std::string& blob) { return keep({{0, blob}}); }

    void expect_small(const std::string& blob, const Kept& kept, std::uint64_t own_bytes_max) {
        EXPECT_TRUE(kept.refers);
        EXPECT_LE(kept.own_bytes, own_bytes_max);
        EXPECT_TRUE(kept.blob == blob);
    }
    void expect_whole(const std::string& blob, const Kept& kept) {
        EXPECT_FALSE(kept.refers);
        EXPECT_TRUE(kept.blob == blob);
    }

    support::TemporaryDirectory directory_;
    os::RealSystem real_;
    Log log_{LogLevel::warn, [](LogLevel, std::string_view) {}};
    Config config_;
    std::optional<Session> session_;
    Identified identified_;
    std::vector<store::MappedObject> objects_;
    std::string weights_ = support::random_text(600'000, 1);
    std::string made_ = support::random_text(20'000, 2);

private:
    std::string text_of_object(const format::Referred& referred) {
        for (const auto& object : objects_) {
            const auto bytes = object.bytes();
            if (object.digest != referred.digest || bytes.size() != referred.bytes) continue;
            return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
        }
        ADD_FAILURE() << "it refers to an object that nobody gave";
        return {};
    }
    void put_together(const store::StagedFile::Form& form, Kept& kept) {
        EXPECT_EQ(form.encoding, format::Encoding::referring);
        EXPECT_EQ(form.part, format::k_made_part);
        const auto object = std::exchange(kept.blob, {});
        const auto table =
            format::decode_referring(std::as_bytes(std::span(object)), object.size());
        ASSERT_TRUE(table) << table.error().message();
        EXPECT_EQ(form.blob_bytes, table->blob_bytes);
        kept.pieces = table->pieces.size();
        kept.start_in_page = table->start_in_page;
        kept.shared = form.shared;
        kept.shared_bytes = form.shared_bytes;
        EXPECT_EQ(form.shared_bytes, table->shared_bytes());
        ModelBytes model(*session_, identified_);
        for (const auto& piece : table->pieces) {
            if (piece.source == 0) {
                kept.blob += object.substr(piece.offset, piece.bytes);
                continue;
            }
            const auto& referred = table->referred[piece.source - 1];
            if (referred.kind == format::ReferredKind::object) {
                kept.blob += text_of_object(referred).substr(piece.offset, piece.bytes);
                continue;
            }
            const auto source = model.find(referred);
            ASSERT_TRUE(source) << source.error().message();
            std::string bytes(piece.bytes, '\0');
            ASSERT_TRUE(source->file->read_at(source->offset + piece.offset,
                                              std::as_writable_bytes(std::span(bytes))));
            kept.blob += bytes;
        }
    }
};

TEST_F(ReferringBlobTest, HoldsNoneOfTheModelsBytes) {
    give_model({weights_});
    const auto blob = "header" + weights_ + made_;
    const auto kept = keep_at_once(blob);
    expect_small(blob, kept, 40'000);
    EXPECT_EQ(kept.pieces, 3U);
    expect_small(weights_, keep_at_once(weights_), 10'000);
}

TEST_F(ReferringBlobTest, FindsThemWhereverTheyLie) {
    give_model({"<net/>", weights_, support::random_text(300'000, 3)});
    const auto other = support::random_text(300'000, 3);
    // Moved by odd numbers of bytes, in another order, and from the middle of a file on.
    const auto blob = made_.substr(0, 1'001) + other.substr(77) + made_.substr(0, 333) +
                      weights_.substr(4'097, 500'001) + "x" + weights_.substr(0, 4'097) + made_;
    expect_small(blob, keep_at_once(blob), 40'000);
}

TEST_F(ReferringBlobTest, FindsThemMoreThanOnce) {
    give_model({weights_});
    auto blob = made_;
    for (int i = 0; i < 5; ++i) blob += weights_.substr(100'000, 200'000);
    expect_small(blob, keep_at_once(blob), 40'000);
    // Ranges that overlap in their file.
    blob = made_ + weights_.substr(0, 400'000) + weights_.substr(100'000) + made_;
    expect_small(blob, keep_at_once(blob), 60'000);
}

TEST_F(ReferringBlobTest, FindsThemBetweenOthers) {
    give_model({weights_});
    // Fused with what the compiler made, and filled up with zeros.
    std::string blob;
    for (std::size_t at = 0; at + 30'000 <= weights_.size(); at += 30'000) {
        blob += made_.substr(at / 1'000, 64 + at / 30'000) + weights_.substr(at, 30'000);
        blob += std::string(at / 3'000 + 1, '\0');
    }
    expect_small(blob, keep_at_once(blob), blob.size() / 10);
}

TEST_F(ReferringBlobTest, OfRunsOfZerosInTheModelIsPutTogetherToo) {
    auto weights = weights_;
    std::fill_n(weights.begin() + 100'000, 200'000, '\0');
    give_model({weights, std::string(500'000, '\0'), std::string(300'000, '\x7f')});
    for (const std::size_t filling : {0U, 1U, 4'096U, 70'000U}) {
        const auto blob = "header" + std::string(filling, '\0') + weights + made_;
        expect_small(blob, keep_at_once(blob), 400'000);
    }
    const std::string zeros(700'000, '\0');
    expect_whole(zeros, keep_at_once(zeros));
}

TEST_F(ReferringBlobTest, HeadersMayBePatchedBehind) {
    give_model({weights_});
    const auto blob = "header" + weights_ + made_;
    expect_small(blob, keep({{1, blob.substr(1)}, {0, blob.substr(0, 1)}}), 40'000);
    auto patched = made_ + weights_ + made_;
    std::vector<Write> writes{{0, patched}};
    for (const std::size_t at : {0U, 7U, 19'000U, 620'001U, 639'990U}) {
        writes.push_back({at, "patched!!!"});
        patched.replace(at, 10, "patched!!!");
    }
    expect_small(patched, keep(writes), 60'000);
    // The same once more, across the border to recognised bytes.
    writes.push_back({19'990, patched.substr(19'990, 5'000)});
    expect_small(patched, keep(writes), 60'000);
}

TEST_F(ReferringBlobTest, PatchedInTheModelsBytesIsWhole) {
    give_model({weights_});
    for (const std::size_t at : {19'995U, 20'000U, 300'000U, 619'999U}) {
        auto blob = made_ + weights_ + made_;
        const std::vector<Write> writes{{0, blob}, {at, "patched!!!"}, {640'000, made_}};
        blob.replace(at, 10, "patched!!!");
        expect_whole(blob + made_, keep(writes));
    }
}

TEST_F(ReferringBlobTest, MayBeWrittenInAnySizes) {
    give_model({weights_});
    const auto blob = made_ + weights_ + made_;
    for (const std::size_t size : {1U, 63U, 1'000U, 4'159U, 8'192U, 65'536U, 65'537U, 300'000U}) {
        std::vector<Write> writes;
        for (std::size_t at = 0; at < blob.size(); at += size) {
            writes.push_back({at, blob.substr(at, size)});
        }
        const auto kept = keep(writes);
        EXPECT_TRUE(kept.blob == blob) << size;
        if (size >= 2 * 4'096) {
            EXPECT_TRUE(kept.refers) << size;
            EXPECT_LT(kept.own_bytes, 130'000U) << size;
            EXPECT_LE(kept.pieces, 20U) << size << ": what follows one another is one piece";
        }
    }
}

TEST_F(ReferringBlobTest, MayBeWrittenFromBehind) {
    give_model({weights_});
    const auto blob = made_ + weights_ + made_;
    std::vector<Write> writes;
    for (std::size_t end = blob.size(); end > 0;) {
        const auto size = std::min<std::size_t>(end, 100'000);
        end -= size;
        writes.push_back({end, blob.substr(end, size)});
    }
    EXPECT_TRUE(keep(writes).blob == blob);
}

TEST_F(ReferringBlobTest, HasZerosWhereNothingWasWritten) {
    give_model({weights_});
    const auto blob = made_ + std::string(100'000, '\0') + weights_;
    expect_small(blob, keep({{0, made_}, {120'000, weights_}}), 150'000);
    const auto twice = blob + std::string(5, '\0') + weights_;
    expect_small(twice, keep({{0, made_}, {120'000, weights_}, {720'005, weights_}}), 150'000);
}

// At any distance: a gap takes no memory.
TEST_F(ReferringBlobTest, OfMostlyNothingIsWhole) {
    give_model({weights_});
    constexpr std::uint64_t k_far = std::uint64_t{64} << 30;
    auto& fs = real_.system().fs;
    ModelBytes model(*session_, identified_);
    const auto file = *fs.open(directory_ / "sparse", os::OpenMode::create_exclusive, 0644);
    store::StagedFile staged(*file);
    ReferringBlob blob(
        model, *model.map(), [] { return std::vector<store::MappedObject>{}; }, staged,
        BlobUse::copied);
    ASSERT_TRUE(blob.write_at(0, std::as_bytes(std::span(weights_))));
    ASSERT_TRUE(blob.write_at(k_far, std::as_bytes(std::span(made_))));
    ASSERT_TRUE(blob.finish());
    EXPECT_FALSE(staged.form());
    EXPECT_EQ(fs::file_size(directory_ / "sparse"), k_far + made_.size());
    std::string bytes(weights_.size(), '\0');
    ASSERT_TRUE(file->read_at(0, std::as_writable_bytes(std::span(bytes))));
    EXPECT_TRUE(bytes == weights_);
    bytes.resize(made_.size());
    ASSERT_TRUE(file->read_at(k_far, std::as_writable_bytes(std::span(bytes))));
    EXPECT_TRUE(bytes == made_);
}

TEST_F(ReferringBlobTest, ThatIsMostlyNewIsWhole) {
    give_model({weights_});
    const auto much = support::random_text(700'000, 4);
    expect_whole(much + weights_, keep_at_once(much + weights_));
    expect_whole(weights_ + much, keep_at_once(weights_ + much));
    expect_whole(much, keep_at_once(much));
    expect_whole("", keep({}));
    expect_whole("x", keep_at_once("x"));
}

TEST_F(ReferringBlobTest, HoldsNoneOfTheBytesOfObjects) {
    const auto unpacked = support::random_text(3'000'000, 6);
    give_object("another header" + unpacked + support::random_text(10'000, 7));
    const auto blob = "header" + unpacked + made_;
    const auto kept = keep_at_once(blob);
    expect_small(blob, kept, 40'000);
    EXPECT_FALSE(kept.refers_to_model);
    EXPECT_EQ(kept.looks, 1U);
    ASSERT_EQ(kept.shared.size(), 1U);
    EXPECT_EQ(kept.shared[0].name, "shared 1");
    EXPECT_EQ(kept.shared[0].object, objects_[0].digest);
    EXPECT_GE(kept.shared_bytes, unpacked.size());
    EXPECT_LT(kept.shared_bytes, unpacked.size() + 100);
    // As it passes in pieces, of which the first are forgotten by then.
    std::vector<Write> writes;
    for (std::size_t at = 0; at < blob.size(); at += 50'000) {
        writes.push_back({at, blob.substr(at, 50'000)});
    }
    writes.push_back({0, "h"});
    expect_small(blob, keep(writes), 60'000);
}

TEST_F(ReferringBlobTest, PrefersTheModelsFilesToObjects) {
    give_model({weights_});
    const auto unpacked = support::random_text(400'000, 6);
    give_object(weights_ + unpacked);
    give_object(support::random_text(400'000, 8));
    const auto blob = "header" + unpacked + weights_ + made_;
    const auto kept = keep_at_once(blob);
    expect_small(blob, kept, 40'000);
    EXPECT_TRUE(kept.refers_to_model);
    EXPECT_EQ(kept.shared_bytes, unpacked.size());
    EXPECT_EQ(kept.shared.size(), 1U) << "of the other object it has nothing";
}

TEST_F(ReferringBlobTest, LooksForObjectsOnlyWhereMuchIsNew) {
    give_model({weights_});
    give_object(made_);
    EXPECT_EQ(keep_at_once("header" + weights_ + made_).looks, 0U);
    const auto much = support::random_text(300'000, 6);
    const auto blob = "header" + much + weights_ + made_;
    const auto kept = keep_at_once(blob);
    EXPECT_EQ(kept.looks, 1U);
    expect_small(blob, kept, 320'000);
}

TEST_F(ReferringBlobTest, WithNothingToReferToIsWhole) {
    const auto much = support::random_text(700'000, 6);
    const auto kept = keep_at_once(much);
    expect_whole(much, kept);
    EXPECT_EQ(kept.looks, 1U);
    give_object(support::random_text(700'000, 7));
    expect_whole(much, keep_at_once(much));
}

// Of a layout that is not known, and in memory that stays.
TEST_F(ReferringBlobTest, ThatIsHeldRefersToWhatLiesInItsPage) {
    const auto unpacked = support::random_text(1'000'000, 6);
    give_object(std::string(4'096, 'h') + unpacked);
    for (const auto use : {BlobUse::held, BlobUse::in_place}) {
        auto blob = made_.substr(0, 8'192) + unpacked + made_;
        auto kept = keep({{0, blob}}, use);
        expect_small(blob, kept, 60'000);
        EXPECT_EQ(kept.start_in_page, 0U);
        blob = made_.substr(0, 8'192 + 640) + unpacked + made_;
        kept = keep({{0, blob}}, use);
        expect_small(blob, kept, 60'000);
        EXPECT_EQ(kept.start_in_page, 4'096U - 640U);
        blob = made_.substr(0, 8'192 + 7) + unpacked + made_;
        expect_whole(blob, keep({{0, blob}}, use));
        // Most of it lies alike; what does not is kept once more, unless it is little.
        blob = made_.substr(0, 8'192) + unpacked.substr(0, 700'001) + unpacked.substr(700'000);
        kept = keep({{0, blob}}, use);
        expect_small(blob, kept, 350'000);
        EXPECT_GT(kept.own_bytes, 300'000U);
        blob = made_.substr(0, 8'192) + unpacked.substr(0, 950'001) + unpacked.substr(950'000);
        expect_small(blob, keep({{0, blob}}, use), 60'000);
    }
}

TEST_F(ReferringBlobTest, OfAModelWithoutBytesIsNotTried) {
    give_model({"", std::string(4'095, 'x')});
    ModelBytes model(*session_, identified_);
    EXPECT_EQ(model.map().error().code, Errc::not_found);
    identified_.files->files.clear();
    EXPECT_EQ(model.map().error().code, Errc::not_found);
    give_model({"", weights_});
    expect_small(weights_, keep_at_once(weights_), 10'000);
}

// Only a blob of the CPU plugin has a layout that can be changed.
TEST_F(ReferringBlobTest, OfUnknownLayoutThatStaysInPlaceIsWhole) {
    give_model({weights_});
    const auto blob = "header" + weights_ + made_;
    expect_whole(blob, keep({{0, blob}}, BlobUse::in_place));
}

TEST_F(ReferringBlobTest, ModelThatChangedIsNone) {
    give_model({weights_});
    support::flip_byte(identified_.files->files[0].path, 5);
    ModelBytes model(*session_, identified_);
    EXPECT_EQ(model.map().error().code, Errc::not_found);
    const auto& file = identified_.files->files[0];
    const auto found = model.find({format::ReferredKind::file, file.digest, file.stamp.size_bytes});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::not_found);
    EXPECT_EQ(found.error().path, file.path);
}

// As ENABLE_MMAP=NO asks for.
TEST_F(ReferringBlobTest, OfAFileThatTheRuntimeDoesNotMapIsCopied) {
    give_model({weights_});
    identified_.files->kind = model::ModelKind::ir;
    for (const bool maps : {true, false}) {
        identified_.maps_files = maps;
        ModelBytes model(*session_, identified_);
        const auto sources = model.map();
        ASSERT_TRUE(sources);
        EXPECT_EQ(sources->at(0).is_copied, !maps);
        const auto found = model.find(sources->at(0).referred);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->is_copied, !maps);
    }
}

TEST_F(ReferringBlobTest, OfAnythingIsPutTogetherAsItWas) {
    auto weights = weights_;
    std::fill_n(weights.begin() + 50'000, 30'000, '\0');
    const auto second = support::random_text(100'001, 5);
    give_model({"<net/>", weights, second});
    int referring = 0;
    for (std::uint32_t seed = 0; seed < 150; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](std::size_t limit) { return random() % limit; };
        std::string blob;
        while (blob.size() < 300'000) {
            const auto& source = below(3) == 0 ? second : weights;
            switch (below(5)) {
                case 0: blob += made_.substr(below(10'000), below(10'000)); break;
                case 1: blob += std::string(below(9'000), '\0'); break;
                default: blob += source.substr(below(source.size()), below(200'000));
            }
        }
        std::vector<Write> writes;
        for (std::size_t at = 0; at < blob.size();) {
            const auto size = 1 + below(below(2) == 0 ? 5'000 : 200'000);
            writes.push_back({at, blob.substr(at, size)});
            at += size;
        }
        // Some come in another order, or twice.
        for (auto swaps = below(4); swaps > 0; --swaps) {
            std::swap(writes[below(writes.size())], writes[below(writes.size())]);
        }
        writes.push_back(writes[below(writes.size())]);
        const auto kept = keep(writes);
        ASSERT_TRUE(kept.blob == blob) << "seed " << seed;
        referring += kept.refers ? 1 : 0;
    }
    EXPECT_GT(referring, 30) << "most of it was tested";
}

}  // namespace
}  // namespace larder::internal::cache
