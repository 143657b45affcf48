#include "openvino/topology_codec.h"

#include <atomic>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "format/repeated_key.h"
#include "format/topology_constants.h"

namespace larder::internal::openvino {
namespace {

constexpr std::string_view k_added = "<attribute name=\"WeightlessCacheAttribute\"";

std::string_view trimmed(std::string_view line) {
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(" \t\n") - first + 1);
}

// Returns the line that begins at `position`, including its line end.
std::string_view line_at(std::string_view text, std::size_t position) {
    const auto end = text.find('\n', position);
    return text.substr(position, end == std::string_view::npos ? end : end + 1 - position);
}

std::size_t line_start(std::string_view text, std::size_t position) {
    if (position == 0) return 0;
    const auto before = text.rfind('\n', position - 1);
    return before == std::string_view::npos ? 0 : before + 1;
}

using Mentions = std::vector<format::ConstantMention>;

// Returns none for a text that is not a topology.
Mentions mentions_in(const std::string& text) {
    return format::find_constants(text).value_or(Mentions{});
}

Digest digest_without(const Mentions& mentions, const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text));
    Hasher hasher;
    std::size_t hashed = 0;
    for (const auto& mention : mentions) {
        hasher.update(bytes.subspan(hashed, mention.position - hashed));
        hashed = mention.position + mention.digits;
    }
    return hasher.update(bytes.subspan(hashed)).finish();
}

}  // namespace

ImportedTopology::Stripped ImportedTopology::strip(const std::string& text) {
    Stripped stripped;
    stripped.text.reserve(text.size());
    const std::string_view all = text;
    std::size_t copied = 0;
    for (auto at = all.find(k_added); at != std::string_view::npos;
         at = all.find(k_added, at + 1)) {
        auto begin = line_start(all, at);
        if (!trimmed(line_at(all, begin)).starts_with(k_added)) continue;
        auto end = begin + line_at(all, begin).size();
        // If nothing else is in the <rt_info> element, the element itself was added too.
        const auto before = line_start(all, begin == 0 ? 0 : begin - 1);
        if (before >= copied && trimmed(line_at(all, before)) == "<rt_info>" &&
            trimmed(line_at(all, end)) == "</rt_info>") {
            begin = before;
            end += line_at(all, end).size();
        }
        stripped.text.append(all, copied, begin - copied);
        stripped.cuts.push_back(
            {stripped.text.size(), std::string(all.substr(begin, end - begin))});
        copied = end;
    }
    stripped.text.append(all, copied);
    return stripped;
}

ImportedTopology::ImportedTopology(const std::string& text) {
    auto stripped = strip(text);
    const auto mentions = mentions_in(stripped.text);
    digest_ = digest_without(mentions, stripped.text);
    cuts_ = std::move(stripped.cuts);
    std::size_t digits = 0;
    auto next = mentions.begin();
    for (auto& cut : cuts_) {
        for (; next != mentions.end() && next->position < cut.position; ++next) {
            digits += next->digits;
        }
        cut.position -= digits;
    }
}

std::optional<std::string> ImportedTopology::restore(const std::string& exported) const {
    const auto stripped = strip(exported).text;
    const auto mentions = mentions_in(stripped);
    if (digest_without(mentions, stripped) != digest_) return std::nullopt;
    std::string restored;
    restored.reserve(exported.size());
    std::size_t copied = 0;
    std::size_t digits = 0;
    auto next = mentions.begin();
    for (const auto& [without_places, text] : cuts_) {
        for (; next != mentions.end() && next->position < without_places + digits; ++next) {
            digits += next->digits;
        }
        const auto position = without_places + digits;
        restored.append(stripped, copied, position - copied).append(text);
        copied = position;
    }
    return restored.append(stripped, copied);
}

struct TopologyCodec::State {
    std::optional<compat::EncryptionCallbacks> callbacks;
    Holds holds;
    std::mutex mutex;
    std::optional<format::RepeatedKey> key;
    std::optional<ImportedTopology> topology;
    std::atomic<bool> unknown{false};

    State(std::optional<compat::EncryptionCallbacks> c, Holds h)
        : callbacks(std::move(c)), holds(h) {}

    std::string decode(const std::string& encoded) {
        std::string text;
        if (callbacks) {
            text = callbacks->decrypt(encoded);
        } else {
            auto found = format::RepeatedKey::of(encoded);
            if (!found) {
                unknown = true;
                throw std::runtime_error("the topology is encoded in an unknown way");
            }
            text = found->apply(encoded);
            const std::lock_guard lock(mutex);
            key = std::move(found);
        }
        ImportedTopology imported(text);
        // The plugin of 2026.4.1 reads as many bytes as were encoded, whatever the size of the
        // text.
        if (text.size() < encoded.size()) text.resize(encoded.size(), '\n');
        const std::lock_guard lock(mutex);
        topology = std::move(imported);
        return text;
    }

    void forget_topology() {
        const std::lock_guard lock(mutex);
        topology.reset();
    }

    std::string encode(const std::string& exported) {
        std::optional<format::RepeatedKey> with;
        std::optional<std::string> restored;
        {
            const std::lock_guard lock(mutex);
            with = key;
            if (topology) restored = topology->restore(exported);
        }
        // Without a topology to compare with, it is safer to take the weights from the blob itself.
        if (!restored && holds == Holds::weights) restored = ImportedTopology::strip(exported).text;
        const std::string& text = restored ? *restored : exported;
        if (callbacks) return callbacks->encrypt(text);
        return with ? with->apply(text) : text;
    }
};

TopologyCodec::TopologyCodec(std::optional<compat::EncryptionCallbacks> callbacks, Holds holds)
    : state_(std::make_shared<State>(std::move(callbacks), holds)) {}

compat::EncryptionCallbacks TopologyCodec::callbacks() const {
    return {[state = state_](const std::string& text) { return state->encode(text); },
            [state = state_](const std::string& text) { return state->decode(text); }};
}

runtime::Blob TopologyCodec::bound_to(runtime::Blob blob) const {
    struct Bound {
        std::shared_ptr<const void> owner;
        std::shared_ptr<State> state;

        Bound(std::shared_ptr<const void> o, std::shared_ptr<State> s)
            : owner(std::move(o)), state(std::move(s)) {}
        Bound(const Bound&) = delete;
        Bound& operator=(const Bound&) = delete;
        ~Bound() { state->forget_topology(); }
    };
    blob.owner = std::make_shared<Bound>(std::move(blob.owner), state_);
    return blob;
}

bool TopologyCodec::is_unknown() const { return state_->unknown; }

}  // namespace larder::internal::openvino
