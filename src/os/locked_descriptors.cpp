#include "os/locked_descriptors.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace larder::internal::os {
namespace {

constexpr std::size_t k_descriptors_max = 1024;
constexpr int k_free = -1;
constexpr int k_taken = -2;  // its file is being recorded

// Includes the file, because a program may close descriptors that it does not know, and get the
// same number for a file of its own.
struct Entry {
    std::atomic<int> descriptor{k_free};
    std::atomic<std::uint64_t> device{0};
    std::atomic<std::uint64_t> inode{0};
};

// All data that a child may read: it must take no lock and allocate no memory.
constinit std::array<Entry, k_descriptors_max> table{};
static_assert(std::atomic<int>::is_always_lock_free &&
              std::atomic<std::uint64_t>::is_always_lock_free);

// Of this process. Counted, because several threads may fork at once.
constinit std::atomic<std::uint64_t> forks_begun{0};
constinit std::atomic<std::uint64_t> forks_ended{0};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

bool is_still(const Entry& entry, int descriptor) {
    struct stat status{};
    return ::fstat(descriptor, &status) == 0 && status.st_dev == entry.device.load() &&
           status.st_ino == entry.inode.load();
}

// Keeps the number in use: objects that came from the parent still use it, and close it.
void lead_nowhere(int descriptor) {
    ::close(descriptor);
    int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere < 0) nowhere = ::epoll_create1(EPOLL_CLOEXEC);
    if (nowhere < 0 || nowhere == descriptor) return;
    static_cast<void>(::dup3(nowhere, descriptor, O_CLOEXEC));
    ::close(nowhere);
}

// Calls only functions that are safe in a signal handler: other threads of the parent may have held
// any lock.
void let_go_in_child() {
    const int error = errno;
    for (auto& entry : table) {
        const int descriptor = entry.descriptor.load();
        if (descriptor >= 0 && is_still(entry, descriptor)) lead_nowhere(descriptor);
        entry.descriptor.store(k_free);
    }
    // Other threads that were forking are not here.
    forks_ended.store(forks_begun.load());
    errno = error;
}

// Registered when the library is loaded: later, a fork might come first.
[[maybe_unused]] const int k_registered =
    ::pthread_atfork([] { ++forks_begun; }, [] { ++forks_ended; }, let_go_in_child);

}  // namespace

void LockedDescriptor::note(int descriptor) noexcept {
    struct stat status{};
    if (index_ != k_none || ::fstat(descriptor, &status) != 0) return;
    for (std::size_t i = 0; i < table.size(); ++i) {
        auto& entry = table.at(i);
        int expected = k_free;
        if (!entry.descriptor.compare_exchange_strong(expected, k_taken)) continue;
        entry.device.store(status.st_dev);
        entry.inode.store(status.st_ino);
        entry.descriptor.store(descriptor);
        index_ = i;
        descriptor_ = descriptor;
        return;
    }
}

void LockedDescriptor::forget() noexcept {
    if (index_ == k_none) return;
    // In a child the entry may belong to another descriptor by now: the parent's is still open.
    int expected = descriptor_;
    static_cast<void>(table.at(index_).descriptor.compare_exchange_strong(expected, k_free));
    index_ = k_none;
}

ForkWatch::ForkWatch() noexcept
    : begun_(forks_begun.load()), was_under_way_(forks_ended.load() != begun_) {}

bool ForkWatch::may_have_forked() const noexcept {
    return was_under_way_ || forks_begun.load() != begun_;
}

}  // namespace larder::internal::os
