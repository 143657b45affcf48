#include "model/onnx_outline.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include "model/cursor.h"

namespace larder::internal::model {
namespace {

// The messages of onnx.proto that lead to a tensor.
enum class Message {
    model,
    graph,
    function,
    node,
    attribute,
    tensor,
    sparse_tensor,
    string_entry,
    group,  // of an unknown field, in the deprecated group encoding of protocol buffers
};

enum WireType : unsigned {
    varint = 0,
    fixed64 = 1,
    sized = 2,
    group_begin = 3,
    group_end = 4,
    fixed32 = 5
};

// Protocol buffers themselves refuse more than 100.
constexpr std::size_t k_depth_max = 100;
constexpr std::uint64_t k_location_bytes_max = 4096;
constexpr std::size_t k_files_max = std::size_t{1} << 16;
constexpr std::size_t k_all_locations_bytes_max = std::size_t{16} << 20;
constexpr std::size_t k_entry_key_bytes_max = 64;

struct Field {
    Message of;
    std::uint32_t number;
    Message holds;
};

// Without the training part, which is not read for inference.
constexpr Field k_fields[] = {
    {Message::model, 7, Message::graph},
    {Message::model, 25, Message::function},
    {Message::graph, 1, Message::node},
    {Message::graph, 5, Message::tensor},
    {Message::graph, 15, Message::sparse_tensor},
    {Message::function, 7, Message::node},
    {Message::function, 11, Message::attribute},
    {Message::node, 5, Message::attribute},
    {Message::attribute, 5, Message::tensor},
    {Message::attribute, 6, Message::graph},
    {Message::attribute, 10, Message::tensor},
    {Message::attribute, 11, Message::graph},
    {Message::attribute, 22, Message::sparse_tensor},
    {Message::attribute, 23, Message::sparse_tensor},
    {Message::sparse_tensor, 1, Message::tensor},
    {Message::sparse_tensor, 2, Message::tensor},
    {Message::tensor, 13, Message::string_entry},
};
constexpr std::uint32_t k_model_ir_version = 1;
constexpr std::uint32_t k_tensor_data_location = 14;
constexpr std::uint64_t k_external = 1;
constexpr std::uint32_t k_entry_key = 1;
constexpr std::uint32_t k_entry_value = 2;

struct Frame {
    Message message = Message::model;
    std::uint64_t end = 0;
    std::uint32_t group = 0;  // the field number of a group
};

// A tensor's description of its data; if a value occurs twice, the last one counts.
struct Tensor {
    bool external = false;
    std::string location;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

struct Entry {
    std::string key;
    std::string value;
};

std::uint64_t parse_number(const std::string& text) {
    std::uint64_t value = 0;
    // OpenVINO refuses a value that is not a number.
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

class OnnxWalker {
public:
    explicit OnnxWalker(ByteSource& source) : cursor_(source) {
        frames_.push_back({Message::model, source.size_bytes(), 0});
    }

    Result<OnnxOutline> walk() {
        while (!cursor_.failed() && !frames_.empty()) {
            const Frame top = frames_.back();
            if (cursor_.position() == top.end) {
                if (top.message == Message::group) damaged();
                leave(top.message);
            } else {
                read_field(top);
            }
        }
        if (!saw_graph_ || !saw_ir_version_) damaged();
        if (cursor_.failed()) return fail(cursor_.failure());
        OnnxOutline outline;
        for (auto& [location, size] : files_) outline.external_files.push_back({location, size});
        return outline;
    }

private:
    void damaged() { cursor_.set_failure(Errc::damaged, "not an ONNX model, or damaged:"); }

    void read_field(const Frame& in) {
        constexpr std::uint64_t k_tag_max = 0xffffffff;
        const auto tag = cursor_.read_varint();
        const auto number = static_cast<std::uint32_t>(tag >> 3);
        if (tag > k_tag_max || number == 0) return damaged();
        switch (tag & 7) {
            case varint: note_number(in.message, number, cursor_.read_varint()); break;
            case fixed64: cursor_.skip(8); break;
            case sized: read_sized(in, number); break;
            case group_begin: enter({Message::group, in.end, number}); break;
            case group_end:
                if (in.message != Message::group || in.group != number) return damaged();
                leave(Message::group);
                break;
            case fixed32: cursor_.skip(4); break;
            default: return damaged();
        }
        if (cursor_.position() > in.end) damaged();
    }

    void read_sized(const Frame& in, std::uint32_t number) {
        const auto size = cursor_.read_varint();
        if (cursor_.failed()) return;
        // Both positions are inside the file, but the field's head may reach beyond its message.
        if (cursor_.position() > in.end || size > in.end - cursor_.position()) return damaged();
        if (in.message == Message::string_entry) return read_entry_text(number, size);
        const auto* field = std::ranges::find_if(k_fields, [&](const Field& known) {
            return known.of == in.message && known.number == number;
        });
        if (field == std::end(k_fields)) return cursor_.skip(size);
        enter({field->holds, cursor_.position() + size, 0});
    }

    void read_entry_text(std::uint32_t number, std::uint64_t size) {
        if (number == k_entry_key) {
            // No relevant key is that long.
            if (size > k_entry_key_bytes_max) {
                entry_.key.clear();
                return cursor_.skip(size);
            }
            entry_.key = cursor_.read_text(size, k_entry_key_bytes_max);
        } else if (number == k_entry_value) {
            // Truncated if it is too long: only the length of a location matters then.
            const auto kept = std::min(size, k_location_bytes_max + 1);
            entry_.value = cursor_.read_text(kept, kept);
            cursor_.skip(size - kept);
        } else {
            cursor_.skip(size);
        }
    }

    void note_number(Message in, std::uint32_t number, std::uint64_t value) {
        if (in == Message::tensor && number == k_tensor_data_location) {
            tensor_.external = value == k_external;
        }
        if (in == Message::model && number == k_model_ir_version) saw_ir_version_ = true;
    }

    void enter(const Frame& frame) {
        if (frames_.size() >= k_depth_max) return damaged();
        frames_.push_back(frame);
        if (frame.message == Message::tensor) tensor_ = {};
        if (frame.message == Message::string_entry) entry_ = {};
        if (frame.message == Message::graph) saw_graph_ = true;
    }

    void leave(Message message) {
        frames_.pop_back();
        if (message == Message::tensor) note_tensor();
        if (message == Message::string_entry) note_entry();
    }

    void note_entry() {
        if (entry_.key == "location") {
            tensor_.location = std::move(entry_.value);
        } else if (entry_.key == "offset") {
            tensor_.offset = parse_number(entry_.value);
        } else if (entry_.key == "length") {
            tensor_.length = parse_number(entry_.value);
        }
    }

    void note_tensor() {
        if (!tensor_.external || cursor_.failed()) return;
        if (tensor_.location.empty()) {
            return cursor_.set_failure(Errc::damaged, "external data without a location, in");
        }
        if (tensor_.location.size() > k_location_bytes_max) {
            return cursor_.set_failure(Errc::damaged, "a location of external data is too long:");
        }
        std::uint64_t end = 0;
        if (__builtin_add_overflow(tensor_.offset, tensor_.length, &end)) return damaged();
        const auto [file, is_new] = files_.try_emplace(tensor_.location, end);
        file->second = std::max(file->second, end);
        if (is_new) all_locations_bytes_ += tensor_.location.size();
        if (files_.size() > k_files_max || all_locations_bytes_ > k_all_locations_bytes_max) {
            cursor_.set_failure(Errc::unsupported, "too many files of external data:");
        }
    }

    Cursor cursor_;
    std::vector<Frame> frames_;
    bool saw_ir_version_ = false;
    bool saw_graph_ = false;
    Tensor tensor_;  // the innermost: a tensor contains no other
    Entry entry_;
    std::map<std::string, std::uint64_t> files_;  // how far tensors reach into each file
    std::size_t all_locations_bytes_ = 0;
};

}  // namespace

Result<OnnxOutline> read_onnx_outline(ByteSource& source) { return OnnxWalker(source).walk(); }

std::string normal_location(std::string_view location) {
    if (location.starts_with('/') || location.find('\0') != std::string_view::npos) return {};
    std::vector<std::string_view> parts;
    while (!location.empty()) {
        const auto slash = std::min(location.find('/'), location.size());
        const auto part = location.substr(0, slash);
        location.remove_prefix(std::min(slash + 1, location.size()));
        if (part == "..") {
            if (parts.empty()) return {};
            parts.pop_back();
        } else if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
    }
    std::string normal;
    for (const auto part : parts) {
        if (!normal.empty()) normal += '/';
        normal += part;
    }
    return normal;
}

}  // namespace larder::internal::model
