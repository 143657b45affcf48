#include "model/source.h"

#include <numeric>
#include <utility>

#include "model/companions.h"
#include "model/content.h"
#include "model/file_names.h"
#include "model/search.h"

namespace larder::internal::model {
namespace {

Error not_recognised(const std::string& path) {
    return {Errc::unsupported, 0, "not a model that larder knows:", path, {}};
}

Error not_what_its_name_says(std::string_view kind, const std::string& path) {
    return {Errc::damaged, 0, "not " + std::string(kind) + ", as its name says:", path, {}};
}

// For kinds whose content has no distinctive mark.
Result<ModelKind> kind_by_extension(const std::string& path) {
    const auto extension = extension_of(path);
    if (extension == ".pdmodel") return ModelKind::paddle;
    if (extension == ".pb") return ModelKind::tensorflow;
    if (extension == ".meta") return ModelKind::checkpoint;
    if (extension == ".xml") return fail(not_what_its_name_says("an OpenVINO IR", path));
    if (extension == ".gguf") return fail(not_what_its_name_says("a GGUF file", path));
    if (extension == ".tflite") return fail(not_what_its_name_says("a TFLite model", path));
    return fail(not_recognised(path));
}

Result<ModelKind> kind_of(const Content& content, const std::string& path) {
    switch (content.kind) {
        case ContentKind::ir: return ModelKind::ir;
        case ContentKind::onnx: return ModelKind::onnx;
        case ContentKind::gguf: return ModelKind::gguf;
        case ContentKind::tflite: return ModelKind::tflite;
        case ContentKind::paddle_json: return ModelKind::paddle;
        case ContentKind::other: break;
    }
    return kind_by_extension(path);
}

// Returns the role of the named file.
std::string_view role_of(ModelKind kind, ContentKind content) {
    switch (kind) {
        case ModelKind::ir: return "xml";
        case ModelKind::onnx: return "onnx";
        case ModelKind::gguf: return "gguf";
        case ModelKind::tflite: return "tflite";
        case ModelKind::paddle: return content == ContentKind::paddle_json ? "json" : "pdmodel";
        case ModelKind::tensorflow: return "pb";
        case ModelKind::saved_model: return "saved_model.pb";
        case ModelKind::checkpoint: return "meta";
    }
    return "";
}

Result<void> add_companions(const Search& search, const Content& content, ModelSource& source) {
    switch (source.kind) {
        case ModelKind::ir: return add_ir_weights(search, source);
        case ModelKind::onnx: return add_external_files(search, content.onnx, source);
        case ModelKind::gguf: return add_shards(search, content.gguf, source);
        case ModelKind::paddle: return add_paddle_parameters(search, source);
        case ModelKind::checkpoint: return add_checkpoint_files(search, source);
        case ModelKind::tflite:
        case ModelKind::tensorflow:
        case ModelKind::saved_model: break;
    }
    return {};
}

Result<ModelSource> find(const Search& search, const std::string& path) {
    const auto info = search.fs().info(path);
    if (!info) return fail(info.error());
    ModelSource source{ModelKind::saved_model, path, {}};
    if (info->kind == os::FileKind::directory) {
        if (auto added = add_saved_model(search, source); !added) return fail(added.error());
        return source;
    }
    const auto doubt = extension_of(path) == ".onnx" ? OnnxDoubt::damaged : OnnxDoubt::other;
    auto named = search.look({}, path, doubt);
    if (!named) return fail(std::move(named.error()));
    const auto kind = kind_of(named->content, path);
    if (!kind) return fail(kind.error());
    source.kind = *kind;
    named->file.role = role_of(*kind, named->content.kind);
    source.files.push_back(std::move(named->file));
    if (auto added = add_companions(search, named->content, source); !added) {
        return fail(std::move(added.error()));
    }
    return source;
}

}  // namespace

std::string_view to_string(ModelKind kind) noexcept {
    switch (kind) {
        case ModelKind::ir: return "ir";
        case ModelKind::onnx: return "onnx";
        case ModelKind::gguf: return "gguf";
        case ModelKind::tflite: return "tflite";
        case ModelKind::paddle: return "paddle";
        case ModelKind::tensorflow: return "tensorflow";
        case ModelKind::saved_model: return "saved_model";
        case ModelKind::checkpoint: return "checkpoint";
    }
    return "";
}

std::uint64_t ModelSource::total_bytes() const {
    return std::accumulate(
        files.begin(), files.end(), std::uint64_t{0},
        [](std::uint64_t sum, const ModelFile& file) { return sum + file.stamp.size_bytes; });
}

Result<ModelSource> find_model_source(const os::System& system, FingerprintMemory& memory,
                                      const std::string& path) {
    return find(Search(system.fs, memory, &system.clock), path);
}

Result<ModelSource> find_model_source(os::FileSystem& fs, const std::string& path) {
    NoMemory memory;
    return find(Search(fs, memory, nullptr), path);
}

}  // namespace larder::internal::model
