// A scan of everything that a larder holds. Private to store/.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "store/disk/context.h"
#include "store/disk/types.h"

namespace larder::internal::store {

struct CataloguedEntry {
    Key key;
    os::FileStamp stamp;  // of the manifest; its mtime is about when the entry was last used
    std::uint64_t disk_bytes = 0;
    std::vector<Digest> objects;
    std::uint64_t compile_ms = 0;
    std::int64_t created_at_ns = 0;
    bool readable = true;  // false: it may use any object
};

struct SetAside {
    std::string path;
    std::uint64_t disk_bytes = 0;
    std::int64_t since_ns = 0;
};

// Scanned without a lock first, so that a second scan, behind the gate, reads only what has changed
// since. Several threads read.
class Catalogue {
public:
    [[nodiscard]] Result<void> scan(Context& context);

    // False if it is unknown which objects some entry uses: then no object may be taken for unused.
    [[nodiscard]] bool complete() const { return unreadable_.empty(); }
    // The path of such an entry.
    [[nodiscard]] const std::string& unreadable() const { return unreadable_; }
    [[nodiscard]] const std::vector<const CataloguedEntry*>& entries() const { return entries_; }
    // Their sizes on disk, with their chunk lists.
    [[nodiscard]] const std::unordered_map<Digest, std::uint64_t>& objects() const {
        return objects_;
    }
    // Oldest first.
    [[nodiscard]] const std::vector<SetAside>& quarantined() const { return quarantined_; }
    // The bytes that count towards the limit: manifests, objects, chunk lists and quarantine.
    [[nodiscard]] std::uint64_t total_bytes() const { return total_bytes_; }

private:
    struct Folder {
        os::FileStamp stamp;
        bool settled = false;  // no later change can have left the stamp as it is
        std::vector<CataloguedEntry> entries;
        std::vector<std::pair<Digest, std::uint64_t>> objects;
        std::string unexamined;
    };
    using Folders = std::map<std::string, Folder>;
    using Read = Result<void> (*)(Context&, const std::string&, const Folder&, Folder&);

    static Result<void> scan_folders(Context& context, const std::string& path, Folders& folders,
                                     Read read);
    static Result<void> read_entries(Context& context, const std::string& path,
                                     const Folder& before, Folder& now);
    static Result<void> read_objects(Context& context, const std::string& path,
                                     const Folder& before, Folder& now);
    [[nodiscard]] Result<void> scan_quarantine(Context& context);
    void sum_up();

    Folders entry_folders_;
    Folders object_folders_;
    std::vector<const CataloguedEntry*> entries_;
    std::unordered_map<Digest, std::uint64_t> objects_;
    std::vector<SetAside> quarantined_;
    std::string unreadable_;
    std::uint64_t total_bytes_ = 0;
};

}  // namespace larder::internal::store
