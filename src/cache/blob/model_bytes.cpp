#include "cache/blob/model_bytes.h"

#include <algorithm>
#include <map>
#include <utility>

#include "cache/session/remembered_fingerprints.h"
#include "model/loaded_file.h"

namespace larder::internal::cache {
namespace {

// Smaller ranges are names, or other parts of a graph.
constexpr std::uint64_t k_source_bytes_min = 4096;

// Tells whether OpenVINO 2026.4.1 maps this file of a model that it reads, and keeps it mapped:
// in-place writes to the file then show in the loaded model with and without larder. It reads all
// other files into memory.
bool is_mapped(const Identified& identified, const model::FingerprintedFile& file) {
    const auto& model = *identified.files;
    if (!identified.maps_files) return false;
    switch (model.kind) {
        case model::ModelKind::ir: return true;
        case model::ModelKind::onnx: return &file != &model.files.front();  // external data
        case model::ModelKind::gguf:
        case model::ModelKind::tflite:
        case model::ModelKind::paddle:
        case model::ModelKind::tensorflow:
        case model::ModelKind::saved_model:
        case model::ModelKind::checkpoint: break;
    }
    return false;
}

}  // namespace

Result<std::shared_ptr<os::File>> ModelBytes::open(const std::string& path,
                                                   const os::FileStamp& stamp) {
    if (const auto known = opened_.find(path); known != opened_.end()) {
        return known->second.file;
    }
    auto file = session_.system().fs.open(path, os::OpenMode::read);
    if (!file) return fail(std::move(file.error()));
    const auto info = (*file)->info();
    if (!info) return fail(info.error());
    if (info->kind != os::FileKind::regular || info->stamp != stamp) {
        return fail(Errc::not_found, "the model changed:", path);
    }
    return opened_.emplace(path, Opened{std::move(*file), stamp}).first->second.file;
}

Result<void> ModelBytes::confirm() const {
    for (const auto& [path, opened] : opened_) {
        const auto info = opened.file->info();
        if (!info) return fail(info.error());
        if (info->stamp != opened.stamp) {
            return fail(Errc::not_found, "the model changed while it was loaded:", path);
        }
    }
    return {};
}

const model::RangeInFile* ModelBytes::find_range(const format::Referred& constant) {
    const auto& ranges = identified_.weights->in_files;
    if (range_of_.empty()) {
        for (std::size_t i = 0; i < ranges.size(); ++i) range_of_.emplace(ranges[i].digest, i);
    }
    const auto found = range_of_.find(constant.digest);
    return found == range_of_.end() ? nullptr : &ranges[found->second];
}

// Hashes the file at most once for as long as it stays unchanged.
bool ModelBytes::is_content(const model::MappedFile& file, const Digest& digest) {
    RememberedFingerprints memory(session_.state());
    if (const auto known = memory.find(file.stamp)) return *known == digest;
    const auto hashed = model::hash_file(session_.system(), memory, file.path);
    return hashed && *hashed && **hashed == digest;
}

Result<store::SourceRange> ModelBytes::find(const format::Referred& referred) {
    if (referred.kind == format::ReferredKind::file && identified_.files) {
        for (const auto& file : identified_.files->files) {
            if (file.digest != referred.digest || file.stamp.size_bytes != referred.bytes) continue;
            auto opened = open(file.path, file.stamp);
            if (!opened) return fail(std::move(opened.error()));
            return store::SourceRange{std::move(*opened), 0, !is_mapped(identified_, file)};
        }
    }
    if (identified_.weights) {
        const auto& weights = *identified_.weights;
        const auto is_file = referred.kind == format::ReferredKind::file;
        for (const auto& file : weights.files) {
            if (!is_file || file.stamp.size_bytes != referred.bytes) continue;
            if (!is_content(file, referred.digest)) continue;
            auto opened = open(file.path, file.stamp);
            if (!opened) return fail(std::move(opened.error()));
            return store::SourceRange{std::move(*opened), 0};
        }
        const auto* const range = is_file ? nullptr : find_range(referred);
        if (range != nullptr && range->bytes == referred.bytes) {
            const auto& file = weights.files[range->file];
            auto opened = open(file.path, file.stamp);
            if (!opened) return fail(std::move(opened.error()));
            return store::SourceRange{std::move(*opened), range->offset};
        }
    }
    return fail(
        Errc::not_found,
        "it refers to weights in a file, and this program's model has them in memory alone");
}

Result<std::vector<ModelSource>> ModelBytes::map() {
    auto& fs = session_.system().fs;
    std::vector<ModelSource> sources;
    const auto map_file = [&](const std::string& path, const os::FileStamp& stamp) -> Result<void> {
        auto file = open(path, stamp);
        if (!file) return fail(std::move(file.error()));
        auto mapping = fs.map(**file, stamp.size_bytes);
        if (!mapping) return fail(std::move(mapping.error()));
        mappings_.push_back(std::move(*mapping));
        return {};
    };
    if (identified_.files) {
        for (const auto& file : identified_.files->files) {
            if (file.stamp.size_bytes < k_source_bytes_min) continue;
            if (auto mapped = map_file(file.path, file.stamp); !mapped) {
                return fail(std::move(mapped.error()));
            }
            sources.push_back({{format::ReferredKind::file, file.digest, file.stamp.size_bytes},
                               mappings_.back()->bytes(),
                               static_cast<std::uint32_t>(mappings_.size() - 1),
                               0,
                               !is_mapped(identified_, file)});
        }
    } else if (identified_.weights) {
        const auto& weights = *identified_.weights;
        std::map<std::size_t, std::uint32_t> number_of;
        for (const auto& range : weights.in_files) {
            if (range.bytes < k_source_bytes_min) continue;
            const auto& file = weights.files[range.file];
            if (!number_of.contains(range.file)) {
                if (auto mapped = map_file(file.path, file.stamp); !mapped) {
                    return fail(std::move(mapped.error()));
                }
                number_of.emplace(range.file, static_cast<std::uint32_t>(mappings_.size() - 1));
            }
            const auto number = number_of.at(range.file);
            sources.push_back({{format::ReferredKind::constant, range.digest, range.bytes},
                               mappings_[number]->bytes().subspan(range.offset, range.bytes),
                               number,
                               range.offset});
        }
    }
    if (!sources.empty()) return sources;
    const auto& weights = identified_.weights;
    const bool are_few = identified_.files || !weights || !weights->in_files.empty() ||
                         weights->hashed_bytes <= model::k_in_place_bytes_max;
    return fail(Errc::not_found,
                are_few ? "they are few"
                        : "the program has them in memory of its own, not in mapped files");
}

void ModelBytes::drop_resident() noexcept {
    for (const auto& mapping : mappings_) mapping->drop_resident();
}

std::vector<std::string> ModelBytes::paths() const {
    std::vector<std::string> paths;
    if (identified_.files) {
        for (const auto& file : identified_.files->files) paths.push_back(file.path);
    } else if (identified_.weights) {
        for (const auto& file : identified_.weights->files) paths.push_back(file.path);
    }
    return paths;
}

bool ModelBytes::is_far(const std::string& larder) const {
    auto& fs = session_.system().fs;
    const auto distance = [&](const std::string& path) {
        const auto space = fs.space(path);
        if (!space) return 1;
        switch (space->locality) {
            case os::Locality::local: break;
            case os::Locality::network: return 1;
            case os::Locality::memory: return 2;  // lost at the next boot
        }
        return 0;
    };
    const auto to_larder = distance(larder);
    return std::ranges::any_of(paths(),
                               [&](const auto& path) { return distance(path) > to_larder; });
}

}  // namespace larder::internal::cache
