#include "cache/stale/cache_directory.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "format/openvino_blob.h"

namespace larder::internal::cache {
namespace {

// An incomplete file that changed more recently than this may still be being written.
constexpr std::chrono::nanoseconds k_writing = std::chrono::minutes(10);
constexpr int k_depth_max = 8;

using Worth = CachedFile::Worth;

struct Judged {
    Worth worth = Worth::usable;
    std::string reason{};
    std::string detail{};
};

Judged judge(const format::OpenVinoBlob& blob, Machine& machine) {
    const auto here = machine.openvino();
    if (blob.version != here) {
        return {Worth::stale, "version", "made by " + blob.version + ", here is " + here};
    }
    if (!blob.runtime_info.empty() && !machine.accepts(blob.runtime_info)) {
        return {Worth::stale, "device", "no device here is of " + blob.runtime_info};
    }
    if (!blob.requirements.empty() && machine.refuses(blob.device, blob.requirements)) {
        return {Worth::stale, "device",
                "the device here refuses what requires '" + blob.requirements + "'"};
    }
    return {};
}

Result<std::string> read_head(os::File& file, std::uint64_t file_bytes) {
    std::string head(std::min(file_bytes, format::k_openvino_head_bytes), '\0');
    if (auto read = file.read_at(0, std::as_writable_bytes(std::span(head))); !read) {
        return fail(std::move(read.error()));
    }
    return head;
}

class Examination {
public:
    Examination(const os::System& system, Machine& machine) : system_(system), machine_(machine) {}

    Result<void> walk(const std::string& directory, int depth) {
        auto& fs = system_.fs;
        const auto listed = fs.list(directory);
        if (!listed) return fail(listed.error());
        for (const auto& entry : *listed) {
            const auto path = os::join(directory, entry.name);
            const auto info = fs.link_info(path);
            if (!info) continue;  // removed meanwhile
            if (info->kind == os::FileKind::directory && depth < k_depth_max && !is_larder(path)) {
                // A directory that cannot be listed cannot be cleaned either.
                static_cast<void>(walk(path, depth + 1));
            }
            const auto name = format::openvino_file_name(entry.name);
            if (info->kind != os::FileKind::regular || name == format::OpenVinoFileName::other) {
                continue;
            }
            CachedFile file;
            file.path = path;
            file.bytes = info->allocated_bytes;
            file.inode = info->stamp.inode;
            file.changed_ns = info->stamp.ctime_ns;
            file.kind = CachedFile::Kind::kernels;
            file.worth = CachedFile::Worth::unknown;
            if (name == format::OpenVinoFileName::blob) {
                file.kind = CachedFile::Kind::blob;
                // A file whose content is something else was not written by OpenVINO.
                if (!examine(file, info->stamp)) continue;
            }
            found_.push_back(std::move(file));
        }
        return {};
    }

    std::vector<CachedFile> take() {
        std::ranges::sort(found_, {}, &CachedFile::path);
        return std::move(found_);
    }

    // The private directories of a larder look like a cache of OpenVINO's own, and are in use.
    [[nodiscard]] bool is_larder(const std::string& directory) const {
        return system_.fs.link_info(os::join(directory, "larder.json")).has_value();
    }

private:
    // False if it is no file of OpenVINO's.
    [[nodiscard]] bool examine(CachedFile& file, const os::FileStamp& stamp) {
        const auto opened = system_.fs.open(file.path.string(), os::OpenMode::read);
        const auto head = opened ? read_head(**opened, stamp.size_bytes)
                                 : Result<std::string>(fail(opened.error()));
        if (!head) {
            file.detail = head.error().message();
            return true;
        }
        const auto blob = format::decode_openvino_blob(*head, stamp.size_bytes);
        Judged judged;
        if (blob) {
            file.version = blob->version;
            judged = judge(*blob, machine_);
        } else if (blob.error().code == Errc::unsupported) {
            return false;
        } else {
            const auto age = system_.clock.wall().count() - stamp.mtime_ns;
            judged = {Worth::stale, "damaged", blob.error().message()};
            if (age < k_writing.count())
                judged = {Worth::unknown, {}, "another process may be writing it"};
        }
        file.worth = judged.worth;
        file.reason = std::move(judged.reason);
        file.detail = std::move(judged.detail);
        return true;
    }

    os::System system_;
    Machine& machine_;
    std::vector<CachedFile> found_;
};

}  // namespace

Result<std::vector<CachedFile>> examine_cache_directory(const os::System& system,
                                                        const std::string& directory,
                                                        Machine& machine) {
    const auto info = system.fs.info(directory);
    if (!info) return fail(info.error());
    if (info->kind != os::FileKind::directory) {
        return fail(Errc::invalid_argument, "not a directory:", directory,
                    "name the directory that programs set as CACHE_DIR");
    }
    Examination examination(system, machine);
    if (examination.is_larder(directory)) {
        return fail(Errc::invalid_argument, "a larder, not a CACHE_DIR of OpenVINO:", directory,
                    "'larder ls' lists it, 'larder prune' cleans it");
    }
    if (auto walked = examination.walk(directory, 0); !walked) {
        return fail(std::move(walked.error()));
    }
    return examination.take();
}

Result<bool> remove_cached(const os::System& system, const std::string& path, std::uint64_t inode,
                           std::int64_t ctime_ns) {
    const auto info = system.fs.link_info(path);
    if (!info && info.error().code == Errc::not_found) return false;
    if (!info) return fail(info.error());
    if (info->stamp.inode != inode || info->stamp.ctime_ns != ctime_ns) return false;
    auto removed = system.fs.remove(path);
    if (!removed && removed.error().code == Errc::not_found) return false;
    if (!removed) return fail(std::move(removed.error()));
    return true;
}

}  // namespace larder::internal::cache
