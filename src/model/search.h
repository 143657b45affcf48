// Common parts of the search for each kind of model: opens files, and examines each only once.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/content.h"
#include "model/memory.h"
#include "model/source.h"
#include "os/file_system.h"
#include "os/system.h"

namespace larder::internal::model {

struct OpenedFile {
    std::unique_ptr<os::File> file;
    os::FileStamp stamp;
};

// Opens a regular file for reading; the stamp is that of the open file. Never waits for a FIFO's
// writer.
[[nodiscard]] Result<OpenedFile> open_regular(os::FileSystem& fs, const std::string& path);

struct SeenFile {
    ModelFile file;
    Content content;
};

class Search {
public:
    // Without a clock nothing is remembered, because it is unknown whether a file is settled.
    Search(os::FileSystem& fs, FingerprintMemory& memory, os::Clock* clock)
        : fs_(fs), memory_(memory), clock_(clock) {}

    [[nodiscard]] os::FileSystem& fs() const { return fs_; }
    [[nodiscard]] bool exists(const std::string& path) const { return fs_.info(path).has_value(); }
    // Opens the file, which proves that it can be read.
    [[nodiscard]] Result<ModelFile> find_file(std::string role, const std::string& path) const;
    // The same for a file that the model needs: if it is missing, the error says so.
    [[nodiscard]] Result<ModelFile> find_needed(std::string role, const std::string& path) const;
    // Also examines its content, unless the memory knows it.
    [[nodiscard]] Result<SeenFile> look(std::string role, const std::string& path,
                                        OnnxDoubt doubt) const;

private:
    [[nodiscard]] Result<Content> read_content(const OpenedFile& opened, OnnxDoubt doubt) const;

    os::FileSystem& fs_;
    FingerprintMemory& memory_;
    os::Clock* clock_;
};

// Returns `error` with `path`, unless it has a path already.
[[nodiscard]] Error at_path(Error error, const std::string& path);

// Returns "the model needs a file that is missing: '/x'".
[[nodiscard]] Error missing_file(const std::string& path);

}  // namespace larder::internal::model
