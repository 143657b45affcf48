#include "model/gguf_outline.h"

#include <bit>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/cursor.h"
#include "model/file_names.h"
#include "model/ggml_types.h"

namespace larder::internal::model {
namespace {

constexpr std::uint32_t k_magic = 0x46554747;  // "GGUF"
constexpr std::uint64_t k_key_bytes_max = 65535;
constexpr std::uint64_t k_name_bytes_max = 4096;
constexpr std::uint64_t k_header_bytes_max = std::uint64_t{1} << 30;
constexpr std::uint32_t k_dimensions_max = 8;
constexpr std::uint32_t k_alignment_max = std::uint32_t{1} << 30;
constexpr unsigned k_array_depth_max = 4;
constexpr std::uint64_t k_tensor_info_bytes_min = 24;
constexpr std::uint64_t k_pair_bytes_min = 13;

enum ValueType : std::uint32_t { text_value = 8, array_value = 9 };

// Returns nothing for types that have no fixed size, or are unknown.
std::optional<std::uint64_t> fixed_size_bytes(std::uint32_t type) {
    switch (type) {
        case 0:             // uint8
        case 1:             // int8
        case 7: return 1;   // bool
        case 2:             // uint16
        case 3: return 2;   // int16
        case 4:             // uint32
        case 5:             // int32
        case 6: return 4;   // float32
        case 10:            // uint64
        case 11:            // int64
        case 12: return 8;  // float64
        default: return {};
    }
}

bool is_float(std::uint32_t type) { return type == 6 || type == 12; }

std::optional<std::uint64_t> multiply(std::uint64_t a, std::uint64_t b) {
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product)) return {};
    return product;
}

std::optional<std::uint64_t> add(std::uint64_t a, std::uint64_t b) {
    std::uint64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) return {};
    return sum;
}

struct LastTensor {
    std::string name;
    std::uint64_t end = 0;  // relative to the start of the data
};

class GgufWalker {
public:
    // If there is a table, fills it.
    explicit GgufWalker(ByteSource& source, GgufTable* table = nullptr)
        : cursor_(source), size_bytes_(source.size_bytes()), table_(table) {}

    Result<GgufOutline> walk() {
        const auto counts = read_header();
        for (std::uint64_t i = 0; i < counts.pairs && !cursor_.failed(); ++i) read_pair();
        for (std::uint64_t i = 0; i < counts.tensors && !cursor_.failed(); ++i) read_tensor();
        if (!cursor_.failed()) check_end();
        if (!cursor_.failed() && outline_.shard >= outline_.shard_count) {
            damaged("it is shard " + std::to_string(outline_.shard + 1) + " of " +
                    std::to_string(outline_.shard_count));
        }
        if (cursor_.failed()) return fail(cursor_.failure());
        return outline_;
    }

private:
    struct Counts {
        std::uint64_t tensors = 0;
        std::uint64_t pairs = 0;
    };

    void damaged(std::string what) { cursor_.set_failure(Errc::damaged, std::move(what)); }

    Counts read_header() {
        if (cursor_.read_unsigned<std::uint32_t>() != k_magic) damaged("not a GGUF file:");
        const auto version = cursor_.read_unsigned<std::uint32_t>();
        if (!cursor_.failed() && version != 2 && version != 3) {
            cursor_.set_failure(Errc::unsupported,
                                "GGUF of version " + std::to_string(version) + ":");
        }
        if (table_ != nullptr) table_->version = version;
        Counts counts;
        counts.tensors = cursor_.read_unsigned<std::uint64_t>();
        counts.pairs = cursor_.read_unsigned<std::uint64_t>();
        if (counts.tensors > size_bytes_ / k_tensor_info_bytes_min ||
            counts.pairs > size_bytes_ / k_pair_bytes_min) {
            damaged("truncated, or its header is damaged:");
        }
        return counts;
    }

    void read_pair() {
        const auto begin = cursor_.position();
        auto key = cursor_.read_text(cursor_.read_unsigned<std::uint64_t>(), k_key_bytes_max);
        const auto type = cursor_.read_unsigned<std::uint32_t>();
        if (key == "split.no") {
            outline_.shard = read_small(type, std::numeric_limits<std::uint16_t>::max());
        } else if (key == "split.count") {
            const auto count = read_small(type, std::numeric_limits<std::uint16_t>::max());
            // Writers that do not split may write 0.
            outline_.shard_count = count == 0 ? 1 : count;
        } else if (key == "general.alignment") {
            alignment_ = read_small(type, k_alignment_max);
            if (!std::has_single_bit(alignment_)) damaged("its alignment is not a power of two:");
        } else if (table_ != nullptr && key == "split.tensors.count") {
            table_->tensors_in_all = read_small(type, std::numeric_limits<std::int32_t>::max());
        } else {
            skip_value(type, 0);
        }
        check_header_size();
        if (table_ != nullptr) {
            table_->pairs.push_back({std::move(key), begin, cursor_.position() - begin});
        }
    }

    // Reads an unsigned value of any integer type.
    std::uint32_t read_small(std::uint32_t type, std::uint32_t value_max) {
        const auto size = fixed_size_bytes(type);
        if (!size || is_float(type)) {
            damaged("a number in its metadata is of the wrong type:");
            return 0;
        }
        std::uint64_t value = 0;
        for (std::uint64_t i = 0; i < *size; ++i) {
            value |= std::uint64_t{cursor_.read_unsigned<std::uint8_t>()} << (8 * i);
        }
        if (value > value_max) {
            damaged("a number in its metadata is out of range:");
            return 0;
        }
        return static_cast<std::uint32_t>(value);
    }

    void skip_value(std::uint32_t type, unsigned depth) {
        if (const auto size = fixed_size_bytes(type)) {
            cursor_.skip(*size);
        } else if (type == text_value) {
            cursor_.skip(cursor_.read_unsigned<std::uint64_t>());
        } else if (type == array_value && depth < k_array_depth_max) {
            skip_array(depth + 1);
        } else {
            damaged("a value in its metadata is of an unknown type:");
        }
    }

    void skip_array(unsigned depth) {
        const auto type = cursor_.read_unsigned<std::uint32_t>();
        const auto count = cursor_.read_unsigned<std::uint64_t>();
        // A string takes at least its length field, and so does an array.
        const auto size = fixed_size_bytes(type).value_or(8);
        if (count > cursor_.remaining() / size) {
            damaged("truncated, or its metadata is damaged:");
        } else if (fixed_size_bytes(type)) {
            cursor_.skip(count * size);
        } else {
            for (std::uint64_t i = 0; i < count && !cursor_.failed(); ++i) {
                skip_value(type, depth);
                check_header_size();
            }
        }
    }

    void read_tensor() {
        auto name = cursor_.read_text(cursor_.read_unsigned<std::uint64_t>(), k_name_bytes_max);
        const auto dimensions = cursor_.read_unsigned<std::uint32_t>();
        if (dimensions > k_dimensions_max) damaged("a tensor has too many dimensions:");
        std::optional<std::uint64_t> elements = 1;
        std::uint64_t row = 1;
        std::vector<std::uint64_t> lengths;
        for (std::uint32_t i = 0; i < dimensions && !cursor_.failed(); ++i) {
            const auto length = cursor_.read_unsigned<std::uint64_t>();
            if (i == 0) row = length;
            if (table_ != nullptr) lengths.push_back(length);
            if (elements) elements = multiply(*elements, length);
        }
        const auto type = cursor_.read_unsigned<std::uint32_t>();
        const auto offset = cursor_.read_unsigned<std::uint64_t>();
        check_header_size();
        if (cursor_.failed()) return;

        std::optional<std::uint64_t> size = 0;
        const auto block = ggml_block(type);
        if (block) {
            if (row % block->elements != 0) {
                damaged("tensor '" + printable(name) + "' does not consist of whole blocks:");
                return;
            }
            size =
                elements ? multiply(*elements / block->elements, block->size_bytes) : std::nullopt;
        }
        const auto end = size ? add(offset, *size) : std::nullopt;
        if (!end) {
            damaged("tensor '" + printable(name) + "' is too large:");
            return;
        }
        if (table_ != nullptr) {
            if (!block) size.reset();
            table_->tensors.push_back({name, std::move(lengths), type, offset, size});
        }
        if (*end > last_.end) last_ = {std::move(name), *end};
    }

    void check_header_size() {
        if (cursor_.position() > k_header_bytes_max) {
            cursor_.set_failure(Errc::unsupported, "a GGUF header of more than 1 GiB:");
        }
    }

    void check_end() {
        const std::uint64_t mask = std::uint64_t{alignment_} - 1;
        const auto data = (cursor_.position() + mask) & ~mask;
        if (table_ != nullptr) {
            table_->alignment = alignment_;
            table_->data_offset = data;
        }
        if (last_.end == 0) return;
        const auto end = add(data, last_.end);
        if (!end || *end > size_bytes_) {
            damaged("truncated: tensor '" + printable(last_.name) + "' ends at byte " +
                    (end ? std::to_string(*end) : "2^64") + ", the file has " +
                    std::to_string(size_bytes_) + ":");
        }
    }

    Cursor cursor_;
    std::uint64_t size_bytes_;
    std::uint32_t alignment_ = 32;
    GgufOutline outline_;
    LastTensor last_;
    GgufTable* table_;
};

}  // namespace

Result<GgufOutline> read_gguf_outline(ByteSource& source) { return GgufWalker(source).walk(); }

Result<GgufTable> read_gguf_table(ByteSource& source) {
    GgufTable table;
    auto outline = GgufWalker(source, &table).walk();
    if (!outline) return fail(std::move(outline.error()));
    table.outline = *outline;
    return table;
}

}  // namespace larder::internal::model
