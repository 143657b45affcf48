#include "model/fingerprint.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "model/hash_files.h"
#include "model/search.h"
#include "model/settling.h"

namespace larder::internal::model {
namespace {

constexpr int k_attempts_max = 3;

FileToHash to_hash(const FingerprintedFile& file) { return {file.path, file.stamp}; }

// Tells whether any later change will show in the file's stamp.
Settled settle(os::FileSystem& fs, const FileToHash& file, std::int64_t now_ns) {
    if (!os::is_settled(file.stamp, now_ns) || !stores_can_show(fs, file.path)) return Settled::no;
    const auto opened = open_regular(fs, file.path);
    // The file was replaced; its next reader finds that out.
    if (!opened || opened->stamp != file.stamp) return Settled::no;
    return make_stores_show(*opened->file) ? Settled::yes : Settled::no;
}

// Collects the files that have to be read; two names of one file count once.
class Reading {
public:
    void add(const FingerprintedFile& file, std::size_t index) {
        auto [known, is_new] =
            which_.try_emplace({file.stamp.device, file.stamp.inode}, files_.size());
        if (is_new || files_[known->second].stamp != file.stamp) {
            known->second = files_.size();
            files_.push_back(to_hash(file));
        }
        wanted_.emplace_back(index, known->second);
    }

    std::uint64_t total_bytes() const {
        std::uint64_t sum = 0;
        for (const auto& file : files_) sum += file.stamp.size_bytes;
        return sum;
    }

    Result<void> hash(const os::System& system, FingerprintMemory& memory,
                      std::vector<FingerprintedFile>& files, const HashProgress& progress) const {
        const auto start = system.clock.wall().count();
        std::vector<Settled> settled;
        settled.reserve(files_.size());
        for (const auto& file : files_) settled.push_back(settle(system.fs, file, start));
        const auto digests = hash_files(system.fs, files_, progress);
        if (!digests) return fail(digests.error());
        for (std::size_t i = 0; i < files_.size(); ++i) {
            if (settled[i] == Settled::yes) memory.remember(files_[i].stamp, (*digests)[i]);
        }
        for (const auto& [index, which] : wanted_) {
            auto& file = files[index];
            file.digest = (*digests)[which];
            file.settled = settled[which];
        }
        return {};
    }

private:
    std::vector<FileToHash> files_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> which_;  // by device and inode
    std::vector<std::pair<std::size_t, std::size_t>> wanted_;  // index of the file, index in files_
};

Result<void> check_stamps(os::FileSystem& fs, const std::vector<FingerprintedFile>& files) {
    for (const auto& file : files) {
        const auto info = fs.info(file.path);
        if (!info && info.error().code != Errc::not_found) return fail(info.error());
        if (!info || info->stamp != file.stamp) {
            return fail(Errc::busy, "the model changed:", file.path);
        }
    }
    return {};
}

// Tells whether a missing file could later become a part of the model: no stamp shows that.
bool may_gain_files(const Fingerprinted& model) {
    switch (model.kind) {
        case ModelKind::paddle:
        case ModelKind::saved_model:
        case ModelKind::checkpoint: return true;
        case ModelKind::ir: return model.files.size() == 1;
        case ModelKind::onnx:
        case ModelKind::gguf:
        case ModelKind::tflite:
        case ModelKind::tensorflow: break;
    }
    return false;
}

Result<void> check_no_file_came(os::FileSystem& fs, const Fingerprinted& model) {
    const auto now = find_model_source(fs, model.path);
    if (!now && now.error().code == Errc::io) return fail(now.error());
    const bool same = now && std::ranges::equal(now->files, model.files, {}, &ModelFile::path,
                                                &FingerprintedFile::path);
    if (same) return {};
    return fail(Errc::busy, "the model has other files than before:", model.path);
}

Fingerprint combine(const Fingerprinted& model) {
    Hasher hasher("larder model 1");
    hasher.update_field(to_string(model.kind)).update_u64(model.files.size());
    for (const auto& file : model.files) {
        hasher.update_field(file.role).update(std::as_bytes(std::span(file.digest.bytes)));
    }
    return {hasher.finish()};
}

// Errc::busy if the model is not the one that `source` found.
Result<void> fingerprint_once(const os::System& system, FingerprintMemory& memory,
                              const ModelSource& source, const HashProgress& progress,
                              Fingerprinted& model) {
    model.kind = source.kind;
    model.path = source.path;
    model.files.clear();
    Reading reading;
    for (const auto& found : source.files) {
        FingerprintedFile file{found.role, found.path, found.stamp, {}, Settled::yes};
        if (const auto digest = memory.find(found.stamp)) {
            file.digest = *digest;
        } else {
            reading.add(file, model.files.size());
        }
        model.files.push_back(std::move(file));
    }
    if (auto hashed = reading.hash(system, memory, model.files, progress); !hashed) return hashed;
    model.hashed_bytes += reading.total_bytes();
    if (auto same = check_stamps(system.fs, model.files); !same) return same;
    model.fingerprint = combine(model);
    return {};
}

}  // namespace

Result<Fingerprinted> fingerprint(const os::System& system, FingerprintMemory& memory,
                                  const ModelSource& source, const HashProgress& progress) {
    Fingerprinted model;
    auto done = fingerprint_once(system, memory, source, progress, model);
    for (int attempt = 1; attempt < k_attempts_max; ++attempt) {
        if (done || done.error().code != Errc::busy) break;
        const auto again = find_model_source(system, memory, source.path);
        if (!again) return fail(again.error());
        done = fingerprint_once(system, memory, *again, progress, model);
    }
    if (!done) return fail(std::move(done.error()));
    return model;
}

Result<Fingerprinted> fingerprint(const os::System& system, FingerprintMemory& memory,
                                  const std::string& path, const HashProgress& progress) {
    const auto source = find_model_source(system, memory, path);
    if (!source) return fail(source.error());
    return fingerprint(system, memory, *source, progress);
}

Result<void> confirm_unchanged(const os::System& system, const Fingerprinted& fingerprinted) {
    if (auto same = check_stamps(system.fs, fingerprinted.files); !same) return same;
    if (may_gain_files(fingerprinted)) {
        auto same = check_no_file_came(system.fs, fingerprinted);
        if (!same) return same;
    }
    std::vector<FileToHash> unsettled;
    std::vector<Digest> expected;
    for (const auto& file : fingerprinted.files) {
        if (file.settled == Settled::yes) continue;
        unsettled.push_back(to_hash(file));
        expected.push_back(file.digest);
    }
    const auto digests = hash_files(system.fs, unsettled);
    if (!digests) return fail(digests.error());
    const auto differs = std::ranges::mismatch(*digests, expected).in1;
    if (differs != digests->end()) {
        const auto which = static_cast<std::size_t>(differs - digests->begin());
        return fail(Errc::busy, "the model changed:", unsettled[which].path);
    }
    return {};
}

}  // namespace larder::internal::model
