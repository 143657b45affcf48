// A temporary file.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "os/file_system.h"
#include "os/system.h"
#include "store/disk/types.h"

namespace larder::internal::store {

// Removed by the destructor; processes that have it mapped or open can still read it.
class ScratchFile {
public:
    // Takes over a file that was just created.
    ScratchFile(os::FileSystem& fs, std::unique_ptr<os::File> file)
        : fs_(&fs), file_(std::move(file)) {}
    ScratchFile(ScratchFile&&) noexcept = default;
    ScratchFile& operator=(ScratchFile&&) = delete;
    ScratchFile(const ScratchFile&) = delete;
    ScratchFile& operator=(const ScratchFile&) = delete;
    ~ScratchFile() {
        if (file_ && ownership_.is_ours()) static_cast<void>(fs_->remove(file_->path()));
    }

    // Open for reading and writing.
    [[nodiscard]] os::File& file() { return *file_; }
    [[nodiscard]] const std::string& path() const { return file_->path(); }

private:
    os::FileSystem* fs_;
    std::unique_ptr<os::File> file_;
    Ownership ownership_;
};

// Creates `directory`/larder-<nonce><suffix>, readable for this user alone. For a directory that is
// not a larder: a file there stays if the process is killed. In a larder use Store::scratch_file.
[[nodiscard]] Result<ScratchFile> make_scratch_file(const os::System& system,
                                                    const std::string& directory,
                                                    std::string_view suffix);

}  // namespace larder::internal::store
