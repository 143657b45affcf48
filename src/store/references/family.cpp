#include "store/references/family.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "store/disk/tmp_file.h"
#include "store/disk/walk.h"
#include "store/objects/objects.h"
#include "store/objects/quarantine.h"

namespace larder::internal::store {
namespace {

constexpr std::size_t k_members_max = 8;
// So many are looked at, as far as they are not too much together.
constexpr std::size_t k_shared_max = 4;
constexpr std::uint64_t k_shared_bytes_max = std::uint64_t{4} << 30;
constexpr std::size_t k_line_bytes = 2 * Digest::k_size_bytes + 1;

std::vector<Digest> read_members(const Context& context, const std::string& path) {
    std::vector<Digest> members;
    const auto text = os::read_text(context.fs(), path, k_members_max * k_line_bytes);
    if (!text) return members;
    for (std::string_view rest = *text; rest.size() >= k_line_bytes;
         rest.remove_prefix(k_line_bytes)) {
        const auto member = Digest::from_hex(rest.substr(0, k_line_bytes - 1));
        if (!member || rest[k_line_bytes - 1] != '\n') return {};
        members.push_back(*member);
    }
    return members;
}

Result<void> write_members(Context& context, const std::string& path,
                           std::span<const Digest> members) {
    auto& fs = context.fs();
    std::string text;
    for (const auto& member : members) text += member.hex() + "\n";
    if (auto made = os::make_directories(fs, os::parent_directory(path)); !made) return made;
    auto tmp = TmpFile::create(context, context.layout, "family");
    if (!tmp) return fail(std::move(tmp.error()));
    // Never synced: losing it costs disk space, and nothing else.
    if (auto done = tmp->file().write_at(0, std::as_bytes(std::span(text))); !done) return done;
    return tmp->move_to(path);
}

}  // namespace

std::vector<Digest> read_family(const Context& context, const Digest& family) {
    return read_members(context, context.layout.family(family));
}

std::vector<MappedObject> map_families(Context& context, std::span<const Digest> families) {
    std::vector<MappedObject> objects;
    std::uint64_t total = 0;
    const auto try_member = [&](const Digest& member) {
        const auto is_it = [&](const MappedObject& object) { return object.digest == member; };
        if (std::any_of(objects.begin(), objects.end(), is_it)) return;
        const auto info = context.fs().info(context.layout.object(member));
        if (!info || is_distrusted(context, member)) return;
        const auto bytes = info->stamp.size_bytes;
        // However large, the newest is worth it.
        if (bytes == 0 || (!objects.empty() && bytes > k_shared_bytes_max - total)) return;
        // A new blob refers only to objects that are whole.
        auto opened = open_verified(context, {}, {"", member, bytes}, Verify::once);
        if (!opened) return;
        auto mapping = context.fs().map(*opened->file, bytes);
        if (!mapping) return;
        total = std::min(total + bytes, k_shared_bytes_max);
        objects.push_back({std::move(*mapping), {}, member, opened->stamp, opened->proof});
    };
    for (const auto& family : families) {
        for (const auto& member : read_family(context, family)) {
            if (objects.size() < k_shared_max) try_member(member);
        }
    }
    return objects;
}

void add_to_family(Context& context, const Digest& family, const Digest& object) noexcept {
    const auto path = context.layout.family(family);
    auto members = read_members(context, path);
    std::erase(members, object);
    // Objects that are gone make room in the list.
    std::erase_if(members, [&](const Digest& member) {
        return !context.fs().link_info(context.layout.object(member));
    });
    members.insert(members.begin(), object);
    if (members.size() > k_members_max) members.resize(k_members_max);
    if (auto written = write_members(context, path, members); !written) {
        context.log.debug("a family is not recorded: " + written.error().message());
    }
}

Result<std::uint64_t> remove_empty_families(Context& context, DryRun dry_run,
                                            std::span<const Digest> gone) {
    std::uint64_t freed_bytes = 0;
    const auto visit = [&](const std::string& directory, const os::DirectoryEntry& file) {
        if (!digest_in_name(file.name)) return Continue::yes;
        const auto path = os::join(directory, file.name);
        const auto members = read_members(context, path);
        const auto is_there = [&](const Digest& member) {
            return std::find(gone.begin(), gone.end(), member) == gone.end() &&
                   context.fs().link_info(context.layout.object(member));
        };
        if (std::any_of(members.begin(), members.end(), is_there)) return Continue::yes;
        const auto info = context.fs().link_info(path);
        if (dry_run == DryRun::no && !context.fs().remove(path)) return Continue::yes;
        if (info) freed_bytes += info->allocated_bytes;
        return Continue::yes;
    };
    if (auto walked = for_each_file(context, context.layout.families(), visit); !walked) {
        return fail(std::move(walked.error()));
    }
    return freed_bytes;
}

}  // namespace larder::internal::store
