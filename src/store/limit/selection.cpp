#include "store/limit/selection.h"

#include <algorithm>
#include <queue>
#include <tuple>

namespace larder::internal::store {
namespace {

// One step of the selection: one entry, or all entries that share an object.
struct Step {
    bool recent = false;
    double price = 0;  // worth per byte freed
    std::uint32_t index = 0;
    bool is_group = false;
    std::uint32_t version = 0;  // of the data that it was computed from

    // The greatest is taken first.
    bool operator<(const Step& other) const {
        return std::tie(other.recent, other.price, other.is_group, other.index) <
               std::tie(recent, price, is_group, index);
    }
};

class Selection {
public:
    Selection(std::span<const Candidate> candidates, std::span<const std::uint64_t> object_bytes)
        : candidates_(candidates),
          object_bytes_(object_bytes),
          users_(object_bytes.size()),
          held_(object_bytes.size()),
          gone_(candidates.size()),
          entry_versions_(candidates.size()),
          group_versions_(object_bytes.size()) {
        for (std::uint32_t i = 0; i < candidates.size(); ++i) {
            for (const auto object : candidates[i].objects) {
                if (candidates[i].stays) {
                    held_[object] = true;
                } else {
                    users_[object].push_back(i);
                }
            }
        }
        for (std::uint32_t i = 0; i < candidates.size(); ++i) add_entry(i);
        for (std::uint32_t i = 0; i < object_bytes.size(); ++i) add_group(i);
    }

    std::vector<Selected> run(std::uint64_t bytes) {
        std::vector<Selected> selected;
        std::uint64_t freed = 0;
        while (freed < bytes && !steps_.empty()) {
            const auto step = steps_.top();
            steps_.pop();
            const auto& versions = step.is_group ? group_versions_ : entry_versions_;
            if (versions[step.index] != step.version) continue;
            const auto members = step.is_group ? users_[step.index] : std::vector{step.index};
            for (const auto member : members) {
                const auto freed_now = remove(member);
                selected.push_back({member, freed_now});
                freed += freed_now;
            }
        }
        return selected;
    }

private:
    [[nodiscard]] std::uint64_t freed_by(std::uint32_t entry) const {
        auto bytes = candidates_[entry].own_bytes;
        for (const auto object : candidates_[entry].objects) {
            if (!held_[object] && users_[object].size() == 1) bytes += object_bytes_[object];
        }
        return bytes;
    }

    void add_entry(std::uint32_t entry) {
        const auto& candidate = candidates_[entry];
        if (candidate.stays || gone_[entry]) return;
        push(entry, false, candidate.recent, candidate.worth, freed_by(entry));
    }

    void add_group(std::uint32_t object) {
        const auto& members = users_[object];
        if (held_[object] || members.size() < 2) return;
        double worth = 0;
        auto bytes = object_bytes_[object];
        bool recent = false;
        for (const auto member : members) {
            worth += candidates_[member].worth;
            bytes += freed_by(member);
            recent = recent || candidates_[member].recent;
        }
        push(object, true, recent, worth, bytes);
    }

    void push(std::uint32_t index, bool is_group, bool recent, double worth, std::uint64_t bytes) {
        auto& version = is_group ? group_versions_[index] : entry_versions_[index];
        const auto price = worth / static_cast<double>(std::max<std::uint64_t>(bytes, 1));
        steps_.push({recent, price, index, is_group, ++version});
    }

    // Returns the bytes that this frees.
    std::uint64_t remove(std::uint32_t entry) {
        const auto bytes = freed_by(entry);
        gone_[entry] = true;
        ++entry_versions_[entry];
        for (const auto object : candidates_[entry].objects) {
            auto& users = users_[object];
            users.erase(std::remove(users.begin(), users.end(), entry), users.end());
            ++group_versions_[object];
            add_group(object);
            // The last user of an object now frees more than before.
            if (users.size() == 1) add_entry(users.front());
        }
        return bytes;
    }

    std::span<const Candidate> candidates_;
    std::span<const std::uint64_t> object_bytes_;
    std::vector<std::vector<std::uint32_t>> users_;  // of an object: entries that may still be
                                                     // removed
    std::vector<bool> held_;                         // an object is used by entries that stay
    std::vector<bool> gone_;
    std::vector<std::uint32_t> entry_versions_;
    std::vector<std::uint32_t> group_versions_;
    std::priority_queue<Step> steps_;
};

}  // namespace

std::vector<Selected> select_entries(std::span<const Candidate> candidates,
                                     std::span<const std::uint64_t> object_bytes,
                                     std::uint64_t bytes) {
    if (bytes == 0) return {};
    return Selection(candidates, object_bytes).run(bytes);
}

}  // namespace larder::internal::store
