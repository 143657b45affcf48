#include "cli/listing.h"

#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "cli/failure.h"
#include "cli/quantity.h"
#include "cli/surroundings.h"
#include "cli/text.h"

namespace larder::cli {
namespace {

enum class Operator { less, less_equal, greater, greater_equal, equal, unequal, contains };

struct Parsed {
    std::string field;
    Operator op = Operator::equal;
    std::string value;
};

constexpr std::string_view k_filter_help =
    "write FIELD OPERATOR VALUE: fields size, age, hits, device, model, kind, encoding, "
    "stale, pinned; "
    "operators > < >= <= = != ~ (contains)";

Parsed parse_parts(const std::string& text) {
    struct Sign {
        std::string_view text;
        Operator op;
    };
    // Longer signs first, because shorter ones are their prefixes.
    static constexpr std::array<Sign, 7> k_signs{{{">=", Operator::greater_equal},
                                                  {"<=", Operator::less_equal},
                                                  {"!=", Operator::unequal},
                                                  {"=", Operator::equal},
                                                  {"<", Operator::less},
                                                  {">", Operator::greater},
                                                  {"~", Operator::contains}}};
    const auto at = text.find_first_of("<>=!~");
    if (at != std::string::npos) {
        const auto rest = std::string_view(text).substr(at);
        for (const auto& sign : k_signs) {
            if (!rest.starts_with(sign.text)) continue;
            return {std::string(trimmed(std::string_view(text).substr(0, at))), sign.op,
                    std::string(trimmed(rest.substr(sign.text.size())))};
        }
    }
    throw_usage("'" + text + "' is not a filter", std::string(k_filter_help));
}

template <class Value>
bool compare(const Value& left, Operator op, const Value& right) {
    switch (op) {
        case Operator::less: return left < right;
        case Operator::less_equal: return left <= right;
        case Operator::greater: return left > right;
        case Operator::greater_equal: return left >= right;
        case Operator::equal: return left == right;
        case Operator::unequal: return left != right;
        case Operator::contains: return false;
    }
    return false;
}

std::uint64_t parse_count(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc{} || end != text.data() + text.size()) {
        throw_usage("'" + text + "' is not a number of hits", "write a whole number");
    }
    return value;
}

Condition number_condition(const Parsed& parsed, TimePoint now) {
    const auto op = parsed.op;
    if (op == Operator::contains) {
        throw_usage("'" + parsed.field + "' is a number: '~' (contains) does not apply to it",
                    std::string(k_filter_help));
    }
    if (parsed.field == "size") {
        return [op, limit = parse_size(parsed.value)](const EntryInfo& entry) {
            return compare(entry.kept_bytes(), op, limit);
        };
    }
    if (parsed.field == "age") {
        return [op, now, limit = parse_age(parsed.value)](const EntryInfo& entry) {
            const auto age = std::chrono::floor<std::chrono::seconds>(now - entry.created_at);
            return compare(age, op, limit);
        };
    }
    return [op, limit = parse_count(parsed.value)](const EntryInfo& entry) {
        return compare(entry.hits, op, limit);
    };
}

Condition text_condition(const Parsed& parsed, std::string (*text)(const EntryInfo&)) {
    switch (parsed.op) {
        case Operator::contains:
            return [text, value = parsed.value](const EntryInfo& entry) {
                return text(entry).find(value) != std::string::npos;
            };
        case Operator::equal:
        case Operator::unequal:
            return [op = parsed.op, text, value = parsed.value](const EntryInfo& entry) {
                return compare(text(entry), op, value);
            };
        case Operator::less:
        case Operator::less_equal:
        case Operator::greater:
        case Operator::greater_equal: break;
    }
    throw_usage("'" + parsed.field + "' is text: it cannot be compared by size",
                "use = != or ~ (contains)");
}

template <class Value>
Order by(Value (*value)(const EntryInfo&)) {
    return [value](const EntryInfo& a, const EntryInfo& b) { return value(a) < value(b); };
}

std::optional<Order> order_by(const std::string& key) {
    using Entry = const EntryInfo&;
    if (key == "size") return by<std::uint64_t>([](Entry e) { return e.kept_bytes(); });
    if (key == "hits") return by<std::uint64_t>([](Entry e) { return e.hits; });
    if (key == "device") return by<std::string>([](Entry e) { return e.device; });
    if (key == "model") return by<std::string>([](Entry e) { return e.model; });
    if (key == "kind") return by<std::string>([](Entry e) { return e.kind; });
    if (key == "key") return by<std::string>([](Entry e) { return e.key; });
    if (key == "created") return by<TimePoint>([](Entry e) { return e.created_at; });
    if (key == "last_used") {
        return by<TimePoint>(
            [](Entry e) { return e.last_used_anywhere_at.value_or(e.created_at); });
    }
    if (key == "compile") {
        return by<std::chrono::milliseconds>([](Entry e) { return e.compile_time; });
    }
    if (key == "age") {  // the youngest first
        return [](Entry a, Entry b) { return a.created_at > b.created_at; };
    }
    return std::nullopt;
}

}  // namespace

Condition parse_filter(const std::string& text, TimePoint now) {
    const auto parsed = parse_parts(text);
    const auto& field = parsed.field;
    if (field == "size" || field == "age" || field == "hits") return number_condition(parsed, now);
    using Entry = const EntryInfo&;
    if (field == "device") return text_condition(parsed, [](Entry e) { return e.device; });
    if (field == "model") return text_condition(parsed, [](Entry e) { return e.model; });
    if (field == "kind") return text_condition(parsed, [](Entry e) { return e.kind; });
    if (field == "encoding") return text_condition(parsed, [](Entry e) { return e.encoding; });
    if (field == "pinned") {
        return text_condition(parsed, [](Entry e) { return std::string(e.pinned ? "yes" : "no"); });
    }
    if (field == "stale") return text_condition(parsed, stale_reason);
    throw_usage("'" + field + "' is not a field of a filter", std::string(k_filter_help));
}

Order parse_sort(const std::string& text) {
    const auto colon = text.find(':');
    const auto direction = colon == std::string::npos ? "asc" : text.substr(colon + 1);
    auto order = order_by(text.substr(0, colon));
    if (!order || (direction != "asc" && direction != "desc")) {
        throw_usage("'" + text + "' is not an order",
                    "write KEY or KEY:desc; keys: age, compile, created, device, hits, key, kind, "
                    "last_used, model, size");
    }
    if (direction == "asc") return *order;
    return [order = *order](const EntryInfo& a, const EntryInfo& b) { return order(b, a); };
}

BytesByKey unique_bytes(const std::vector<EntryInfo>& entries) {
    // By object: an entry that has it, and whether another has it too.
    std::unordered_map<std::string_view, std::pair<const EntryInfo*, bool>> shared;
    for (const auto& entry : entries) {
        for (const auto& object : entry.objects) {
            auto& [owner, is_shared] =
                shared.try_emplace(object.digest, &entry, false).first->second;
            is_shared |= owner != &entry;
        }
    }
    BytesByKey bytes;
    for (const auto& entry : entries) {
        auto& sum = bytes[entry.key];
        std::set<std::string_view> counted;
        for (const auto& object : entry.objects) {
            if (!shared.at(object.digest).second && counted.insert(object.digest).second) {
                sum += object.bytes;
            }
        }
    }
    return bytes;
}

std::uint64_t unpacked_bytes(const std::vector<EntryInfo>& entries) {
    std::uint64_t bytes = 0;
    std::set<std::string_view> counted;
    for (const auto& entry : entries) {
        if (entry.unpacked_from.empty()) continue;
        for (const auto& object : entry.objects) {
            if (counted.insert(object.digest).second) bytes += object.bytes;
        }
    }
    return bytes;
}

std::string stale_reason(const EntryInfo& entry) {
    return entry.stale ? to_string(entry.stale->reason) : "";
}

std::string compiling_text(const std::vector<Compiling>& compiling) {
    std::string text;
    for (const auto& each : compiling) {
        const auto since = std::chrono::floor<std::chrono::seconds>(now() - each.since);
        text += "compiling now: " + printable(each.what) + ", by process " +
                std::to_string(each.process) + (each.is_here ? "" : " of another machine") +
                " for " + format_age(since);
        if (!each.waiting.empty()) {
            text +=
                each.waiting.size() == 1 ? "; a process waits for it:" : "; processes wait for it:";
        }
        for (const auto& waiting : each.waiting) text += " " + std::to_string(waiting.process);
        text += '\n';
    }
    return text;
}

}  // namespace larder::cli
