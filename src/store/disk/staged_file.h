// Parts of an entry that is being published. Private to store/ but for StagedFile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "os/file_system.h"
#include "store/disk/types.h"

namespace larder::internal::store {

struct Context;
class WriteHasher;

// The file that a part is written to before it is published. Writes may come in any order; ranges
// that are not written read as zeros. Thread-safe if threads write different ranges.
class StagedFile {
public:
    // Refuses bytes at or beyond `limit_bytes`: the writer gets an error before the disk is full.
    // `hasher` may be null.
    explicit StagedFile(os::File& file,
                        std::uint64_t limit_bytes = std::numeric_limits<std::uint64_t>::max(),
                        WriteHasher* hasher = nullptr)
        : file_(file), limit_bytes_(limit_bytes), hasher_(hasher) {}

    [[nodiscard]] Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes);

    // Records that the file holds a blob of that length in another encoding than the publication
    // said, and the name of the part.
    struct Form {
        Encoding encoding = Encoding::raw;
        std::string part;
        std::uint64_t blob_bytes = 0;
        std::vector<Part> shared{};  // objects that have more of it
        std::uint64_t shared_bytes = 0;
    };
    void set_form(Form form) { form_ = std::move(form); }
    [[nodiscard]] const std::optional<Form>& form() const { return form_; }

private:
    std::optional<Form> form_;
    os::File& file_;
    std::uint64_t limit_bytes_;
    WriteHasher* hasher_;
};

// Returns the kind (TmpFile::create) of the file of a part whose content may be known.
[[nodiscard]] std::string staged_kind(const std::optional<Digest>& content);
// See Store::open_staged.
[[nodiscard]] Result<std::unique_ptr<os::File>> open_staged(Context& context, const Part& part);

}  // namespace larder::internal::store
