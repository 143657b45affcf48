#include "store/disk/staged_file.h"

#include "base/units.h"
#include "store/disk/context.h"
#include "store/disk/tmp_file.h"
#include "store/disk/write_hasher.h"

namespace larder::internal::store {

Result<void> StagedFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    if (offset > limit_bytes_ || bytes.size() > limit_bytes_ - offset) {
        return fail(Errc::no_space,
                    "it is larger than the limit of the larder, " + format_size(limit_bytes_) +
                        " (max_size)",
                    {}, "raise LARDER_MAX_SIZE");
    }
    auto written = file_.write_at(offset, bytes);
    if (written && hasher_ != nullptr) hasher_->note(offset, bytes.size());
    return written;
}

std::string staged_kind(const std::optional<Digest>& content) {
    constexpr std::size_t k_characters = 32;
    std::string kind = "object";
    if (content) kind += "-" + content->hex().substr(0, k_characters);
    return kind;
}

Result<std::unique_ptr<os::File>> open_staged(Context& context, const Part& part) {
    auto& fs = context.fs();
    const auto files = fs.list(context.layout.tmp());
    if (!files) return fail(files.error());
    // Only files of this machine: another machine's writes may not be visible here yet.
    const auto prefix = staged_kind(part.object) + "-" + machine_mark(context) + "-";
    for (const auto& entry : *files) {
        if (!entry.name.starts_with(prefix)) continue;
        auto file = fs.open(os::join(context.layout.tmp(), entry.name), os::OpenMode::read);
        if (!file) continue;
        const auto info = (*file)->info();
        if (info && info->stamp.size_bytes == part.bytes) return file;
    }
    return fail(Errc::not_found,
                "no process is publishing it:", context.layout.object(part.object));
}

}  // namespace larder::internal::store
