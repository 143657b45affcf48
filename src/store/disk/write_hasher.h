// Hashes a file while it is being written. Private to store/.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/digest.h"
#include "os/background_thread.h"
#include "os/file_system.h"
#include "store/disk/content.h"

namespace larder::internal::store {

// A thread reads each chunk once it is complete, and has the disk write it. It is started only for
// a file that is large enough, and ends with this object at the latest. Nothing depends on it:
// hash_file hashes the chunks that are not known. Thread-safe but for finish().
class WriteHasher {
public:
    // `file` must be readable, and outlive this object.
    explicit WriteHasher(os::File& file) : file_(file) {}
    WriteHasher(const WriteHasher&) = delete;
    WriteHasher& operator=(const WriteHasher&) = delete;
    ~WriteHasher() = default;

    // Call this after each write to the file.
    void note(std::uint64_t offset, std::uint64_t size_bytes) noexcept;
    // Ends the thread, after the chunk that it is reading, and returns what it has found out. Call
    // this once, after the last write.
    [[nodiscard]] KnownChunks finish() noexcept;

private:
    struct Chunk {
        std::uint64_t written_bytes = 0;
        std::uint64_t writes = 0;
        bool is_taken = false;
        std::optional<Digest> digest{};
    };

    void note_chunks(std::uint64_t offset, std::uint64_t size_bytes);
    void give_up() noexcept;
    void hash(const std::stop_token& stop);

    os::File& file_;
    std::mutex mutex_;
    std::condition_variable_any is_ready_;
    std::vector<Chunk> chunks_;
    std::deque<std::uint64_t> complete_;  // not taken yet
    std::uint64_t written_bytes_ = 0;
    bool is_started_ = false;
    bool has_given_up_ = false;
    os::BackgroundThread thread_;  // the last member: it uses the others
};

}  // namespace larder::internal::store
