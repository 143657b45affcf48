#include "serve/disk_use.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace larder::serve {
namespace {

// Entries that belong to a model's blob, such as kernels, count under the model's name.
using Place = std::pair<std::string_view, std::string_view>;  // device, model

struct Room {
    std::uint64_t unique_bytes = 0;
    std::uint64_t shared_bytes = 0;
    std::vector<std::string_view> keys;

    [[nodiscard]] std::uint64_t bytes() const { return unique_bytes + shared_bytes; }
};

struct Object {
    std::uint64_t bytes = 0;
    std::set<Place> places;
};

using Rooms = std::map<Place, Room>;

Rooms rooms_of(const std::vector<EntryInfo>& entries) {
    Rooms rooms;
    std::unordered_map<std::string_view, Object> objects;
    for (const auto& entry : entries) {
        const Place place{entry.device, entry.model};
        rooms[place].keys.push_back(entry.key);
        for (const auto& object : entry.objects) {
            auto& known = objects[object.digest];
            known.bytes = object.bytes;
            known.places.insert(place);
        }
    }
    for (const auto& [digest, object] : objects) {
        const auto count = object.places.size();
        for (const auto& place : object.places) {
            auto& room = rooms[place];
            (count == 1 ? room.unique_bytes : room.shared_bytes) += object.bytes / count;
        }
    }
    return rooms;
}

cli::Json sums_json(const Room& room) {
    return {{"unique_bytes", room.unique_bytes}, {"shared_bytes", room.shared_bytes}};
}

}  // namespace

cli::Json disk_use_json(const Snapshot& snapshot) {
    const auto rooms = rooms_of(snapshot.entries);
    std::map<std::string_view, std::vector<Rooms::const_iterator>> by_device;
    for (auto room = rooms.begin(); room != rooms.end(); ++room) {
        by_device[room->first.first].push_back(room);
    }
    std::vector<std::pair<std::uint64_t, cli::Json>> devices;
    for (auto& [device, models] : by_device) {
        std::ranges::stable_sort(
            models, [](auto a, auto b) { return a->second.bytes() > b->second.bytes(); });
        Room sum;
        auto list = cli::Json::array();
        for (const auto& each : models) {
            const auto& room = each->second;
            sum.unique_bytes += room.unique_bytes;
            sum.shared_bytes += room.shared_bytes;
            auto json = sums_json(room);
            json["model"] = each->first.second;
            json["entries"] = room.keys.size();
            json["key"] = room.keys.front();
            list.push_back(std::move(json));
        }
        auto json = sums_json(sum);
        json["device"] = device;
        json["models"] = std::move(list);
        devices.emplace_back(sum.bytes(), std::move(json));
    }
    std::ranges::stable_sort(devices, std::greater{}, [](const auto& each) { return each.first; });
    auto json = cli::json_object();
    json["devices"] = cli::Json::array();
    for (auto& [bytes, device] : devices) json["devices"].push_back(std::move(device));
    return json;
}

}  // namespace larder::serve
