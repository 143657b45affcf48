#include "process/prefault.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <fstream>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/parallel.h"
#include "os/background_thread.h"
#include "os/system.h"

// Linux 5.14; older headers lack it.
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace larder::internal::process {
namespace {

using Address = std::uintptr_t;

// The unit of work of one thread: long enough to be measured, short enough to wait for.
constexpr Address k_piece_bytes = Address{8} << 20;
// More threads do not make the kernel clear pages faster.
constexpr unsigned k_helpers_max = 3;

char* memory_at(Address address) {
    return reinterpret_cast<char*>(address);  // NOLINT(performance-no-int-to-ptr)
}

std::int64_t thread_time_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Sizes of 0 mean that nothing can be gained.
struct Geometry {
    Address page_bytes = 0;
    Address huge_page_bytes = 0;
    bool ask_for_huge = false;
};

const Geometry& geometry() {
    static const Geometry k_geometry = [] {
        Geometry found;
        found.page_bytes = static_cast<Address>(::sysconf(_SC_PAGESIZE));
        found.ask_for_huge = transparent_huge_pages() == HugePages::on_request;
        std::ifstream file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
        std::uint64_t size = 0;
        file >> size;
        // Kernels with 64 KiB pages have huge pages of 512 MiB, which hardly any block contains.
        const bool usable = size >= (1U << 20) && size <= k_piece_bytes && (size & (size - 1)) == 0;
        found.huge_page_bytes = usable ? size : 0;
        return found;
    }();
    return k_geometry;
}

// Never destroyed: allocations continue while the process ends.
PageChoice& page_choice() {
    static auto* const k_choice = new PageChoice;
    return *k_choice;
}

bool bring_in(Address begin, Address end) {
    return ::madvise(memory_at(begin), end - begin, MADV_POPULATE_WRITE) == 0;
}

bool bring_in_huge(Address begin, Address end) {
    (void)::madvise(memory_at(begin), end - begin, MADV_HUGEPAGE);
    const auto start = thread_time_ns();
    // A kernel that lacks the call (before Linux 5.14) must not count as a fast one.
    const bool done = bring_in(begin, end);
    const auto took = done ? thread_time_ns() - start : std::numeric_limits<std::int64_t>::max();
    return page_choice().note(end - begin, took);
}

void bring_in_piece(Address begin, Address end) {
    const auto huge = geometry().huge_page_bytes;
    const auto first = huge == 0 ? end : (begin + huge - 1) & ~(huge - 1);
    if (!geometry().ask_for_huge || first >= end || end - first < huge) {
        (void)bring_in(begin, end);
        return;
    }
    switch (page_choice().next(end - begin)) {
        case PageChoice::Pages::huge: bring_in_huge(begin, end); return;
        case PageChoice::Pages::small: break;
        case PageChoice::Pages::probe:
            if (bring_in_huge(first, first + huge)) {
                bring_in_huge(begin, end);
                return;
            }
            break;
    }
    (void)bring_in(begin, end);
}

// One block, processed piece by piece by several threads.
struct Job {
    Address begin = 0;
    Address end = 0;
    std::atomic<Address> next{0};
    int helpers = 0;  // working on it; guarded by the mutex of Helpers

    [[nodiscard]] bool has_more() const { return next < end; }

    // Pieces begin at multiples of their size, so that no huge page is split.
    void work() {
        for (;;) {
            const auto from = next.fetch_add(k_piece_bytes);
            if (from >= end) return;
            bring_in_piece(std::max(from, begin), std::min(from + k_piece_bytes, end));
        }
    }
};

// The helper threads, and their job, if they have one. In a child made by fork they do nothing: the
// child leaves locks of the parent's threads as they were.
class Helpers {
public:
    void join() {
        std::int64_t none = 0;
        const auto self = os::current_process_id();
        if (!owner_.compare_exchange_strong(none, self) && none != self) return;
        // Initialises these before any block comes: a child that is forked during an initialisation
        // would wait for it for ever.
        (void)geometry();
        (void)page_choice();
        const std::scoped_lock lock(starting_);
        if (users_ > 0) {
            ++users_;
            return;
        }
        const auto count = std::min(worker_threads() - 1, k_helpers_max);
        for (unsigned i = 0; i < count; ++i) {
            auto thread = std::make_unique<os::BackgroundThread>();
            if (!thread->start([this](const std::stop_token& stop) { help(stop); })) break;
            threads_.push_back(std::move(thread));
        }
        ++users_;
    }

    void leave() {
        if (owner_ != os::current_process_id()) return;
        const std::scoped_lock lock(starting_);
        if (--users_ == 0) threads_.clear();
    }

    void run(Job& job) {
        const bool alone = owner_ != os::current_process_id() || !offer(job);
        job.work();
        if (alone) return;
        std::unique_lock lock(mutex_);
        job_ = nullptr;
        done_.wait(lock, [&] { return job.helpers == 0; });
    }

private:
    // Another block may be in work: its allocation must not wait, and neither must this one.
    bool offer(Job& job) {
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock.owns_lock() || job_ != nullptr) return false;
        job_ = &job;
        wake_.notify_all();
        return true;
    }

    void help(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (wake_.wait(lock, stop, [&] { return job_ != nullptr && job_->has_more(); })) {
            auto& job = *job_;
            ++job.helpers;
            lock.unlock();
            job.work();
            lock.lock();
            if (--job.helpers == 0) done_.notify_all();
        }
    }

    std::atomic<std::int64_t> owner_{0};  // process id
    std::mutex starting_;
    int users_ = 0;
    std::vector<std::unique_ptr<os::BackgroundThread>> threads_;

    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::condition_variable done_;
    Job* job_ = nullptr;
};

Helpers& helpers() {
    static auto* const k_helpers = new Helpers;
    return *k_helpers;
}

}  // namespace

HugePages transparent_huge_pages() {
    if (::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) > 0) return HugePages::unavailable;
    std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
    std::string line;
    std::getline(file, line);
    if (line.find("[madvise]") != std::string::npos) return HugePages::on_request;
    if (line.find("[always]") != std::string::npos) return HugePages::always;
    return HugePages::unavailable;
}

PrefaultThreads::PrefaultThreads() { helpers().join(); }
PrefaultThreads::~PrefaultThreads() { helpers().leave(); }

void prefault(void* block, std::uint64_t size_bytes) noexcept {
    const int before = errno;
    const auto page = geometry().page_bytes;
    const auto address = reinterpret_cast<Address>(block);
    // Rounds outwards, so that neighbours form one region: the block's pages are mapped completely.
    Job job;
    job.begin = address & ~(page - 1);
    job.end = (address + size_bytes + page - 1) & ~(page - 1);
    job.next = job.begin & ~(k_piece_bytes - 1);
    helpers().run(job);
    errno = before;
}

}  // namespace larder::internal::process
