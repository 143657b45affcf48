// A file for a short while.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "os/file_system.h"
#include "os/system.h"
#include "store/types.h"

namespace larder::internal::store {

// Removed by the destructor; who has it mapped or open then goes on reading.
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

// `directory`/larder-<nonce><suffix>, for this user's eyes alone. For a directory that is no
// larder: what a process leaves there when it is killed, nobody removes. In a larder:
// Store::scratch_file.
[[nodiscard]] Result<ScratchFile> make_scratch_file(const os::System& system,
                                                    const std::string& directory,
                                                    std::string_view suffix);

}  // namespace larder::internal::store
