// Finds the files that make up a model.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/memory.h"
#include "os/system.h"

namespace larder::internal::model {

enum class ModelKind {
    ir,    // OpenVINO's own: .xml, and .bin beside it
    onnx,  // with the files that its tensors refer to
    gguf,  // with all shards
    tflite,
    paddle,
    tensorflow,   // a frozen graph
    saved_model,  // a TensorFlow SavedModel directory
    checkpoint,   // a TensorFlow .meta, and its .index and .data files beside it
};

// Returns "ir", "onnx", "gguf", "tflite", "paddle", "tensorflow", "saved_model" or "checkpoint".
[[nodiscard]] std::string_view to_string(ModelKind kind) noexcept;

struct ModelFile {
    std::string role;  // which part of the model it is; the same wherever the model is stored
    std::string path;
    os::FileStamp stamp;  // when it was found
};

struct ModelSource {
    ModelKind kind = ModelKind::ir;
    std::string path;              // the caller's name
    std::vector<ModelFile> files;  // the named file first, or shard 1; then in an order that is
                                   // the same wherever the model lies

    [[nodiscard]] std::uint64_t total_bytes() const;
};

// Recognises the model at `path` by its content, then by its extension, and finds every file that
// belongs to it. Reads headers and tables, never weights; does not read files that `memory` knows.
// Opens each file, which proves that it can be read, and makes a network file system ask its server
// whether the file changed.
//
// Fails with
//   not_found          there is no such model, or a file that it needs is missing
//   permission_denied  a file of it cannot be read
//   damaged            a file of it is truncated or malformed
//   invalid_argument   it refers to a file outside its directory
//   unsupported        not recognised: OpenVINO may still be able to read it
// OpenVINO would also fail in each case but the last. Thread-safe.
[[nodiscard]] Result<ModelSource> find_model_source(const os::System& system,
                                                    FingerprintMemory& memory,
                                                    const std::string& path);
// Remembers nothing.
[[nodiscard]] Result<ModelSource> find_model_source(os::FileSystem& fs, const std::string& path);

}  // namespace larder::internal::model
