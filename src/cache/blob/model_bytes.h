// Finds where the bytes of a model lie on disk, so that an entry can refer to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/identify/key.h"
#include "cache/session/session.h"
#include "format/referring.h"
#include "os/file_system.h"
#include "store/references/referring.h"

namespace larder::internal::cache {

// A range of a file that a blob may have bytes in common with.
struct ModelSource {
    format::Referred referred;
    std::span<const std::byte> bytes;  // valid for as long as the ModelBytes live
    std::uint32_t file = 0;            // its number: several sources may be in one file
    std::uint64_t file_offset = 0;
    bool is_copied = false;  // by each load: the runtime itself would not map the file
};

// The bytes of one request's model, as its fingerprint found them: a file that has changed since,
// or may have, is left out.
class ModelBytes {
public:
    // Both must outlive it.
    ModelBytes(Session& session, const Identified& identified)
        : session_(session), identified_(identified) {}

    // A store::SourceFinder.
    [[nodiscard]] Result<store::SourceRange> find(const format::Referred& referred);
    // To be called once all of it was mapped or copied: Errc::not_found if a file has changed since
    // it was opened.
    [[nodiscard]] Result<void> confirm() const;
    // Maps all of them. Errc::not_found if they are in no file.
    [[nodiscard]] Result<std::vector<ModelSource>> map();
    // Releases the memory that they take in this process.
    void drop_resident() noexcept;
    // Tells whether a file of the model lies further away than the larder, on a network file
    // system, or is less permanent, in memory.
    [[nodiscard]] bool is_far(const std::string& larder) const;

private:
    [[nodiscard]] Result<std::shared_ptr<os::File>> open(const std::string& path,
                                                         const os::FileStamp& stamp);
    [[nodiscard]] const model::RangeInFile* find_range(const format::Referred& constant);
    [[nodiscard]] bool is_content(const model::MappedFile& file, const Digest& digest);
    [[nodiscard]] std::vector<std::string> paths() const;

    Session& session_;
    const Identified& identified_;
    struct Opened {
        std::shared_ptr<os::File> file;
        os::FileStamp stamp;
    };
    std::map<std::string, Opened> opened_;    // by path
    std::map<Digest, std::size_t> range_of_;  // among Identified::weights
    std::vector<std::shared_ptr<os::Mapping>> mappings_;
};

}  // namespace larder::internal::cache
