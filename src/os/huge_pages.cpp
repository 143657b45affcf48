// Ways that were weighed against redirecting the library's own calls:
// - GLIBC_TUNABLES=glibc.malloc.hugetlb=1 gains as much, but is read before a program starts, and
//   then holds for all of its allocations and all of its life. mallopt has no such switch.
// - A malloc that is exported and interposed reaches every library of the program, and comes too
//   late for a library that is opened in a running one.
// - A thread that watches for new large mappings is behind the faults it wants to save, and cannot
//   tell whose memory it sees.
// - PR_SET_THP_DISABLE and its relatives only take away.
#include "os/huge_pages.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <mutex>
#include <string>
#include <utility>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os/linkage.h"

namespace larder::internal::os {
namespace {

using Address = std::uintptr_t;

// One 2 MiB page costs 0.1 to 0.2 ms where memory is at hand, and the 512 small ones in its place
// 0.3 to 1.3 ms. Where a host has to find the memory first, it takes 3 to 5 ms.
constexpr std::int64_t k_slow_ns_per_mib = 500'000;
constexpr int k_slow_pages_max = 3;

struct Geometry {
    Address page_bytes = 0;
    Address huge_page_bytes = 0;
};

// Read by the redirected calls, on any thread. Never destroyed.
struct Shared {
    std::atomic<std::int64_t> budget{0};
    std::atomic<int> slow_pages_left{0};  // until it is enough
    std::atomic<bool> accepts_slow_pages{false};
    Geometry geometry;  // written once, before the first budget
};
constinit Shared shared;

void retire();

std::int64_t thread_time_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

char* pointer_to(Address address) {
    return reinterpret_cast<char*>(address);  // NOLINT(performance-no-int-to-ptr)
}

// Faults in the huge page at `first`, which is needed anyhow, and says whether it came quickly.
bool comes_quickly(Address first, Address touched) {
    const auto size = shared.geometry.huge_page_bytes;
    if (::madvise(pointer_to(first), size, MADV_HUGEPAGE) != 0) return false;
    const auto start = thread_time_ns();
    volatile char* const byte = pointer_to(touched);
    *byte = *byte;
    const auto limit = k_slow_ns_per_mib * static_cast<std::int64_t>(size >> 20);
    return thread_time_ns() - start <= limit || shared.accepts_slow_pages;
}

void ask_for_huge_pages(Address block, std::size_t size_bytes) {
    const auto page = shared.geometry.page_bytes;
    const auto huge = shared.geometry.huge_page_bytes;
    // Outwards, so that neighbours make one region: all of a page that the block touches is there.
    const auto begin = block & ~(page - 1);
    const auto end = (block + size_bytes + page - 1) & ~(page - 1);
    const auto first = (begin + huge - 1) & ~(huge - 1);
    if (first >= end || end - first < huge) return;
    if (!comes_quickly(first, std::max(first, block))) {
        if (shared.slow_pages_left.fetch_sub(1) <= 1) retire();
        return;
    }
    (void)::madvise(pointer_to(begin), end - begin, MADV_HUGEPAGE);
    const auto size = static_cast<std::int64_t>(size_bytes);
    if (shared.budget.fetch_sub(size) <= size) retire();
}

void consider(void* block, std::size_t size_bytes) {
    if (size_bytes < k_huge_block_bytes_min || block == nullptr) return;
    if (shared.budget.load(std::memory_order_acquire) <= 0) return;
    const int before = errno;
    ask_for_huge_pages(reinterpret_cast<Address>(block), size_bytes);
    errno = before;
}

using Malloc = void* (*)(std::size_t);
using AlignedAlloc = void* (*)(std::size_t, std::size_t);
using PosixMemalign = int (*)(void**, std::size_t, std::size_t);

// What the slots held before. Never reset: a thread may be in a redirected call for as long as it
// likes, or somebody may have taken its address.
constinit std::atomic<Malloc> real_malloc{nullptr};
constinit std::atomic<AlignedAlloc> real_aligned_alloc{nullptr};
constinit std::atomic<PosixMemalign> real_posix_memalign{nullptr};

void* redirected_malloc(std::size_t size_bytes) {
    void* const block = real_malloc.load(std::memory_order_acquire)(size_bytes);
    consider(block, size_bytes);
    return block;
}

void* redirected_aligned_alloc(std::size_t alignment, std::size_t size_bytes) {
    void* const block = real_aligned_alloc.load(std::memory_order_acquire)(alignment, size_bytes);
    consider(block, size_bytes);
    return block;
}

int redirected_posix_memalign(void** block, std::size_t alignment, std::size_t size_bytes) {
    const int error =
        real_posix_memalign.load(std::memory_order_acquire)(block, alignment, size_bytes);
    if (error == 0) consider(*block, size_bytes);
    return error;
}

// Makes the loader bind a slot, by the smallest call through it.
void bind_malloc(void* stub) { std::free(reinterpret_cast<Malloc>(stub)(1)); }

void bind_aligned_alloc(void* stub) {
    constexpr std::size_t k_size = alignof(std::max_align_t);
    std::free(reinterpret_cast<AlignedAlloc>(stub)(k_size, k_size));
}

void bind_posix_memalign(void* stub) {
    void* block = nullptr;
    if (reinterpret_cast<PosixMemalign>(stub)(&block, sizeof(void*), 1) == 0) {
        std::free(block);
    }
}

// Empty, or what the slots of this function held when they were first redirected: with two
// different answers there is something between that is unknown here.
template <typename Function>
bool remember(std::atomic<Function>& real, void* held) {
    Function none = nullptr;
    const auto function = reinterpret_cast<Function>(held);
    return real.compare_exchange_strong(none, function) || none == function;
}

struct Redirection {
    std::string_view name;
    void* replacement;
    bool (*remember)(void* held);
    void (*bind)(void* stub);
};

// CPU plugin 2026.4.1: all but 1.4 MB of 4157 in large blocks come from posix_memalign, and none
// from the runtime's own library. The other two are what a different build would call.
const std::array<Redirection, 3>& redirections() {
    static const std::array<Redirection, 3> k_all{{
        {"malloc", reinterpret_cast<void*>(&redirected_malloc),
         [](void* held) { return remember(real_malloc, held); }, bind_malloc},
        {"aligned_alloc", reinterpret_cast<void*>(&redirected_aligned_alloc),
         [](void* held) { return remember(real_aligned_alloc, held); }, bind_aligned_alloc},
        {"posix_memalign", reinterpret_cast<void*>(&redirected_posix_memalign),
         [](void* held) { return remember(real_posix_memalign, held); }, bind_posix_memalign},
    }};
    return k_all;
}

const Redirection& redirection_of(std::string_view name) {
    return *std::find_if(redirections().begin(), redirections().end(),
                         [&](const Redirection& one) { return one.name == name; });
}

struct Target {
    LoadedLibrary library;
    std::vector<ImportSlot> slots;
};

// Calls the loader, and therefore holds no lock of ours.
std::vector<Target> find_targets(const std::vector<std::string_view>& libraries) {
    std::vector<std::string_view> names;
    for (const auto& redirection : redirections()) names.push_back(redirection.name);
    std::vector<Target> targets;
    for (const auto& name : libraries) {
        for (auto& library : LoadedLibrary::find(name)) {
            auto slots = find_import_slots(library, names);
            for (const auto& slot : slots) {
                if (slot.is_unbound()) redirection_of(slot.function()).bind(slot.load());
            }
            targets.push_back({std::move(library), std::move(slots)});
        }
    }
    return targets;
}

// Every slot that is redirected now.
class Redirected {
public:
    void open(std::vector<Target> targets, std::uint64_t budget_bytes, SlowPages slow_pages) {
        const std::scoped_lock lock(mutex_);
        ++scopes_;
        if (is_contested_) return;
        for (auto& target : targets) {
            redirect(target.slots);
            const auto same = [&](const auto& one) { return one.id() == target.library.id(); };
            if (std::none_of(libraries_.begin(), libraries_.end(), same)) {
                libraries_.push_back(std::move(target.library));
            }
        }
        shared.slow_pages_left = k_slow_pages_max;
        shared.accepts_slow_pages = slow_pages == SlowPages::accept;
        const auto most = static_cast<std::uint64_t>(1) << 62;
        const auto before = std::max<std::int64_t>(shared.budget.load(), 0);
        const auto left = most - std::min(most, static_cast<std::uint64_t>(before));
        shared.budget = before + static_cast<std::int64_t>(std::min(budget_bytes, left));
    }

    void close() {
        // Let go after the lock: the loader may run destructors, which may end other scopes.
        std::vector<LoadedLibrary> libraries;
        const std::scoped_lock lock(mutex_);
        if (--scopes_ > 0) return;
        shared.budget = 0;
        restore();
        libraries.swap(libraries_);
    }

    // Called from within an allocation: waits for nobody.
    void retire() {
        shared.budget = 0;
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (lock.owns_lock()) restore();
    }

private:
    void redirect(const std::vector<ImportSlot>& slots) {
        for (const auto& slot : slots) {
            const auto& redirection = redirection_of(slot.function());
            void* const held = slot.load();
            if (held == nullptr || held == redirection.replacement) continue;
            if (!redirection.remember(held)) continue;
            if (slot.exchange(held, redirection.replacement)) slots_.emplace_back(slot, held);
        }
    }

    void restore() {
        for (const auto& [slot, held] : slots_) {
            if (slot.exchange(redirection_of(slot.function()).replacement, held)) continue;
            // Somebody redirected it too, and may call us from there: were it redirected once
            // more, the two would call each other for ever. A late binding is no such thing.
            if (slot.load() != held) is_contested_ = true;
        }
        slots_.clear();
    }

    std::mutex mutex_;
    int scopes_ = 0;
    bool is_contested_ = false;
    std::vector<std::pair<ImportSlot, void*>> slots_;
    std::vector<LoadedLibrary> libraries_;
};

// Never destroyed: allocations go on while the process ends.
Redirected& redirected() {
    static auto* const k_redirected = new Redirected;
    return *k_redirected;
}

void retire() { redirected().retire(); }

bool can_help() {
    static const bool k_can = [] {
        if (transparent_huge_pages() != HugePages::on_request) return false;
        std::ifstream file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
        std::uint64_t size = 0;
        file >> size;
        // Kernels with 64 KiB pages have huge ones of 512 MiB: hardly a block holds one.
        if (size < (1U << 20) || size > (std::uint64_t{64} << 20) || (size & (size - 1)) != 0) {
            return false;
        }
        shared.geometry = {static_cast<Address>(::sysconf(_SC_PAGESIZE)), size};
        return stay_loaded();
    }();
    return k_can;
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

HugePageScope::HugePageScope(const std::vector<std::string_view>& libraries,
                             std::uint64_t budget_bytes, SlowPages slow_pages) {
    if (!can_help()) return;
    redirected().open(find_targets(libraries), budget_bytes, slow_pages);
    open_ = true;
}

HugePageScope::~HugePageScope() {
    if (open_) redirected().close();
}

}  // namespace larder::internal::os
