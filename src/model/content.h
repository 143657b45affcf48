// Recognises a model file by its content alone, whatever its name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/byte_source.h"
#include "model/gguf_outline.h"
#include "model/onnx_outline.h"

namespace larder::internal::model {

enum class ContentKind { other, ir, onnx, gguf, tflite, paddle_json };

struct Content {
    ContentKind kind = ContentKind::other;
    OnnxOutline onnx;  // for onnx
    GgufOutline gguf;  // for gguf

    bool operator==(const Content&) const = default;
};

// Decides about content that is almost ONNX: it may be another kind of file, or, if its name ends
// in .onnx, a damaged model.
enum class OnnxDoubt { other, damaged };

// Errc::damaged if the content is of a known kind, but truncated or malformed.
[[nodiscard]] Result<Content> recognise_content(ByteSource& source, OnnxDoubt doubt);

// The text form for the state. A text that was not made by this version reads as nothing.
inline constexpr std::string_view k_content_text_kind = "outline 1";
[[nodiscard]] std::string to_text(const Content& content);
[[nodiscard]] std::optional<Content> content_from_text(std::string_view text);

}  // namespace larder::internal::model
