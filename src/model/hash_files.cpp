#include "model/hash_files.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "base/parallel.h"
#include "model/search.h"

namespace larder::internal::model {
namespace {

// The list of chunk digests must fit into memory, even for a sparse file that claims to be huge.
constexpr std::uint64_t k_file_bytes_max = std::uint64_t{1} << 45;

Error changed(const std::string& path) {
    return {Errc::busy, 0, "the file changed while it was read:", path, {}};
}

// Reports errors that a change can explain as a change: a second attempt finds the real error.
Error as_change(Error error, const std::string& path) {
    if (error.code == Errc::not_found || error.code == Errc::damaged) return changed(path);
    return at_path(std::move(error), path);
}

// One buffer for each thread, allocated before the threads start, so that no thread can run out of
// memory.
class Buffers {
public:
    Buffers(unsigned count, std::size_t size_bytes) : size_bytes_(size_bytes) {
        for (unsigned i = 0; i < count; ++i) {
            free_.push_back(std::make_unique_for_overwrite<std::byte[]>(size_bytes));
        }
    }

    class Lease {
    public:
        explicit Lease(Buffers& buffers) : buffers_(buffers), bytes_(buffers.take()) {}
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        ~Lease() { buffers_.give_back(std::move(bytes_)); }

        std::span<std::byte> bytes() const { return {bytes_.get(), buffers_.size_bytes_}; }

    private:
        Buffers& buffers_;
        std::unique_ptr<std::byte[]> bytes_;
    };

private:
    std::unique_ptr<std::byte[]> take() {
        const std::lock_guard lock(mutex_);
        auto bytes = std::move(free_.back());
        free_.pop_back();
        return bytes;
    }
    void give_back(std::unique_ptr<std::byte[]> bytes) {
        const std::lock_guard lock(mutex_);
        free_.push_back(std::move(bytes));
    }

    std::size_t size_bytes_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<std::byte[]>> free_;
};

// A file while its chunks are hashed: opened for the first, closed after the last.
class Job {
public:
    Job(const FileToHash& file, std::uint64_t first_chunk)
        : file_(file),
          first_chunk_(first_chunk),
          chunks_(static_cast<std::size_t>(chunk_count(file.stamp.size_bytes))),
          chunks_left_(chunks_.size()) {}

    std::uint64_t first_chunk() const { return first_chunk_; }
    Digest digest() const { return combine_chunks(file_.stamp.size_bytes, chunks_); }

    // How many bytes it has.
    Result<std::uint64_t> hash_chunk(os::FileSystem& fs, std::uint64_t chunk,
                                     std::span<std::byte> buffer) {
        const auto file = open(fs);
        if (!file) return fail(as_change(file.error(), file_.path));
        const auto offset = chunk * k_chunk_size_bytes;
        const auto size = std::min(k_chunk_size_bytes, file_.stamp.size_bytes - offset);
        const auto bytes = buffer.first(static_cast<std::size_t>(size));
        if (auto read = (*file)->read_at(offset, bytes); !read) {
            return fail(as_change(std::move(read.error()), file_.path));
        }
        chunks_[static_cast<std::size_t>(chunk)] = hash_bytes(bytes);
        if (auto closed = close_after_last(**file); !closed) return fail(std::move(closed.error()));
        return size;
    }

private:
    Result<std::shared_ptr<os::File>> open(os::FileSystem& fs) {
        const std::lock_guard lock(mutex_);
        if (open_) return open_;
        auto opened = open_regular(fs, file_.path);
        if (!opened) return fail(std::move(opened.error()));
        if (opened->stamp != file_.stamp) return fail(changed(file_.path));
        open_ = std::move(opened->file);
        return open_;
    }

    Result<void> close_after_last(os::File& file) {
        const std::lock_guard lock(mutex_);
        if (--chunks_left_ != 0) return {};
        const auto info = file.info();
        open_.reset();
        if (!info) return fail(info.error());
        if (info->stamp != file_.stamp) return fail(changed(file_.path));
        return {};
    }

    const FileToHash& file_;
    std::uint64_t first_chunk_;
    std::vector<Digest> chunks_;
    std::mutex mutex_;
    std::shared_ptr<os::File> open_;
    std::size_t chunks_left_;
};

}  // namespace

Result<std::vector<Digest>> hash_files(os::FileSystem& fs, std::span<const FileToHash> files,
                                       const HashProgress& progress) {
    std::vector<std::unique_ptr<Job>> jobs;
    std::uint64_t chunks = 0;
    std::uint64_t largest = 0;
    std::uint64_t total = 0;
    for (const auto& file : files) {
        if (file.stamp.size_bytes > k_file_bytes_max) {
            return fail(Errc::unsupported, "too large to be read:", file.path);
        }
        jobs.push_back(std::make_unique<Job>(file, chunks));
        chunks += chunk_count(file.stamp.size_bytes);
        largest = std::max(largest, file.stamp.size_bytes);
        total += file.stamp.size_bytes;
    }
    const auto threads = static_cast<unsigned>(
        std::min<std::uint64_t>(worker_threads(), std::max<std::uint64_t>(chunks, 1)));
    Buffers buffers(threads, static_cast<std::size_t>(std::min(largest, k_chunk_size_bytes)));
    std::atomic<std::uint64_t> done{0};
    auto hashed = parallel_for(chunks, threads, [&](std::uint64_t chunk) {
        // Empty files have no chunk: if several jobs begin at the same chunk, it belongs to the
        // last.
        const auto after = std::ranges::upper_bound(
            jobs, chunk, {}, [](const auto& job) { return job->first_chunk(); });
        Job& job = **std::prev(after);
        const Buffers::Lease lease(buffers);
        auto bytes = job.hash_chunk(fs, chunk - job.first_chunk(), lease.bytes());
        if (!bytes) return Result<void>(fail(std::move(bytes.error())));
        if (progress) progress(done += *bytes, total);
        return Result<void>{};
    });
    if (!hashed) return fail(std::move(hashed.error()));
    std::vector<Digest> digests;
    digests.reserve(jobs.size());
    for (const auto& job : jobs) digests.push_back(job->digest());
    return digests;
}

}  // namespace larder::internal::model
