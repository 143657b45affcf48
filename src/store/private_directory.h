// A directory for one user alone, for devices that cache only through a directory.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/file_system.h"
#include "store/disk/types.h"
#include "store/publish/publish.h"

namespace larder::internal::store {

struct Context;

// The files that the use of a private directory has left.
struct Harvest {
    std::vector<PartSource> fresh;     // new and rewritten files; read when they are published
    std::vector<Part> kept;            // unchanged files
    std::vector<std::string> removed;  // names of files that are gone
    std::map<std::string, os::FileStamp> stamps;  // of `fresh`, taken before they are read

    [[nodiscard]] bool changed() const { return !fresh.empty() || !removed.empty(); }
};

// Removed with all its content by the destructor, or by a later sweep if the process dies. Must not
// outlive the store.
class PrivateDirectory {
public:
    PrivateDirectory(PrivateDirectory&&) noexcept = default;
    PrivateDirectory& operator=(PrivateDirectory&&) noexcept;
    PrivateDirectory(const PrivateDirectory&) = delete;
    PrivateDirectory& operator=(const PrivateDirectory&) = delete;
    ~PrivateDirectory();

    [[nodiscard]] const std::string& path() const { return path_; }
    // Records that the harvested files are published, as the parts of `manifest`: the next harvest
    // finds only changes since then.
    void note_kept(const Harvest& harvest, const Manifest& manifest);

private:
    friend Result<PrivateDirectory> materialise(Context&, const Manifest*, Verify);
    friend Result<Harvest> harvest(Context&, const PrivateDirectory&);
    friend Result<std::size_t> add_parts(Context&, PrivateDirectory&, const Manifest&);

    struct Placed {
        Part part;
        os::FileStamp stamp;
        enum class How { linked, copied } how = How::linked;
    };

    PrivateDirectory(os::FileSystem& fs, std::unique_ptr<os::File> marker, std::string path);
    void remove() noexcept;

    os::FileSystem* fs_;
    std::unique_ptr<os::File> marker_;
    std::string path_;
    Key key_;
    std::vector<Placed> placed_;
    Ownership ownership_;
};

// See Store for the contracts.
[[nodiscard]] Result<PrivateDirectory> materialise(Context& context, const Manifest* manifest,
                                                   Verify policy);
[[nodiscard]] Result<Harvest> harvest(Context& context, const PrivateDirectory& directory);
[[nodiscard]] Result<std::size_t> add_parts(Context& context, PrivateDirectory& directory,
                                            const Manifest& manifest);

}  // namespace larder::internal::store
