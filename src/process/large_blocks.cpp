// Alternatives to redirecting the library's own calls:
// - GLIBC_TUNABLES=glibc.malloc.hugetlb=1 gains as much, but is read before a program starts, and
//   then applies to all of its allocations for all of its life. mallopt has no such switch.
// - An exported malloc that is interposed reaches every library of the program, and comes too late
//   for a library that is opened in a running one.
// - A thread that watches for new large mappings comes after the faults that it should prevent, and
//   cannot tell whose memory it sees.
// - PR_SET_THP_DISABLE and its relatives can only disable huge pages.
#include "process/large_blocks.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <utility>

#include <dlfcn.h>
#include <sys/resource.h>

#include "process/block_record.h"
#include "process/bound_imports.h"
#include "process/linkage.h"

namespace larder::internal::process {
namespace {

using Address = std::uintptr_t;

// Read by the redirected calls, on any thread. Never destroyed.
constinit std::atomic<std::int64_t> budget{0};

void retire();

void consider(void* block, std::size_t size_bytes) {
    if (size_bytes < k_large_block_bytes_min || block == nullptr) return;
    if (budget.load(std::memory_order_acquire) <= 0) return;
    const auto size = static_cast<std::int64_t>(size_bytes);
    if (budget.fetch_sub(size) <= size) retire();
    prefault(block, size_bytes);
}

using Malloc = void* (*)(std::size_t);
using AlignedAlloc = void* (*)(std::size_t, std::size_t);
using PosixMemalign = int (*)(void**, std::size_t, std::size_t);
using Free = void (*)(void*);

// The former content of the slots. Never reset: a thread may be in a redirected call for any time,
// or a program may have taken its address.
constinit std::atomic<Malloc> real_malloc{nullptr};
constinit std::atomic<AlignedAlloc> real_aligned_alloc{nullptr};
constinit std::atomic<PosixMemalign> real_posix_memalign{nullptr};
constinit std::atomic<Free> real_free{nullptr};
// Tells whether blocks are recorded.
constinit std::atomic<bool> recording{false};

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
    const auto real = real_posix_memalign.load(std::memory_order_acquire);
    const bool record = size_bytes >= BlockRecord::k_block_bytes_min && recording.load();
    const auto own = std::max(alignment, BlockRecord::k_alignment);
    // Without address space for that alignment, the block is not recorded.
    const bool is_own = record && real(block, own, size_bytes) == 0;
    const int error = is_own ? 0 : real(block, alignment, size_bytes);
    if (is_own) BlockRecord::instance().note(*block, size_bytes);
    if (error == 0) consider(*block, size_bytes);
    return error;
}

void redirected_free(void* block) {
    if (block != nullptr && recording.load()) BlockRecord::instance().forget(block);
    real_free.load(std::memory_order_acquire)(block);
}

// `real` is null, or the former content of this function's slots: if two slots had different
// content, some unknown code is between the library and the allocator.
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
    void* (*remembered)();
};

// CPU plugin 2026.4.1: of 4157 MB in large blocks, all but 1.4 MB come from posix_memalign, and
// none from the runtime's own library. Two of the others are those that a different build would
// call.
const std::array<Redirection, 4>& redirections() {
    static const std::array<Redirection, 4> k_all{{
        {"malloc", reinterpret_cast<void*>(&redirected_malloc),
         [](void* held) { return remember(real_malloc, held); },
         [] { return reinterpret_cast<void*>(real_malloc.load()); }},
        {"aligned_alloc", reinterpret_cast<void*>(&redirected_aligned_alloc),
         [](void* held) { return remember(real_aligned_alloc, held); },
         [] { return reinterpret_cast<void*>(real_aligned_alloc.load()); }},
        {"posix_memalign", reinterpret_cast<void*>(&redirected_posix_memalign),
         [](void* held) { return remember(real_posix_memalign, held); },
         [] { return reinterpret_cast<void*>(real_posix_memalign.load()); }},
        {"free", reinterpret_cast<void*>(&redirected_free),
         [](void* held) { return remember(real_free, held); },
         [] { return reinterpret_cast<void*>(real_free.load()); }},
    }};
    return k_all;
}

const Redirection& redirection_of(std::string_view name) {
    return *std::find_if(redirections().begin(), redirections().end(),
                         [&](const Redirection& one) { return one.name == name; });
}

struct Target {
    LoadedLibrary library;
    std::vector<ImportSlot> slots;  // all of them bound
};

struct Targets {
    std::vector<Target> libraries;
    ProgramStubs stubs;
};

// Calls the loader, and therefore holds no lock of larder's.
Targets find_targets(const std::vector<std::string_view>& libraries) {
    std::vector<std::string_view> names;
    std::vector<void*> ours;
    for (const auto& redirection : redirections()) {
        names.push_back(redirection.name);
        ours.push_back(redirection.replacement);
    }
    std::vector<LoadedLibrary> loaded;
    for (const auto& name : libraries) {
        for (auto& library : LoadedLibrary::find(name)) loaded.push_back(std::move(library));
    }
    Targets targets;
    if (loaded.empty()) return targets;
    targets.stubs = ProgramStubs(names);
    for (auto& library : loaded) {
        auto slots = bind_import_slots(library, names, targets.stubs, ours);
        targets.libraries.push_back({std::move(library), std::move(slots)});
    }
    return targets;
}

// All slots that are redirected now.
class Redirected {
public:
    void open(Targets targets, std::uint64_t budget_bytes, bool records) {
        const std::scoped_lock lock(mutex_);
        ++scopes_;
        if (records) {
            ++recorders_;
            BlockRecord::instance().open();
        }
        if (is_contested_) return;
        recording = recorders_ > 0;
        for (auto& target : targets.libraries) {
            redirect(target.slots, targets.stubs);
            const auto same = [&](const auto& one) { return one.id() == target.library.id(); };
            if (std::none_of(libraries_.begin(), libraries_.end(), same)) {
                libraries_.push_back(std::move(target.library));
            }
        }
        const auto most = static_cast<std::uint64_t>(1) << 62;
        const auto before = std::max<std::int64_t>(budget.load(), 0);
        const auto left = most - std::min(most, static_cast<std::uint64_t>(before));
        budget = before + static_cast<std::int64_t>(std::min(budget_bytes, left));
    }

    void close(bool records) {
        // Released after the lock: the loader may run destructors, which may end other scopes.
        std::vector<LoadedLibrary> libraries;
        const std::scoped_lock lock(mutex_);
        if (records) {
            recording = --recorders_ > 0 && !is_contested_;
            BlockRecord::instance().close();
        }
        if (--scopes_ > 0) return;
        budget = 0;
        restore();
        libraries.swap(libraries_);
    }

    [[nodiscard]] bool is_contested() {
        const std::scoped_lock lock(mutex_);
        return is_contested_;
    }

    // Called from within an allocation: never waits.
    void retire() {
        budget = 0;
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (lock.owns_lock() && recorders_ == 0) restore();
    }

private:
    void redirect(const std::vector<ImportSlot>& slots, const ProgramStubs& stubs) {
        for (const auto& slot : slots) {
            const auto& redirection = redirection_of(slot.function());
            void* const held = slot.load();
            if (held == nullptr || held == redirection.replacement) continue;
            if (!redirection.remember(stubs.behind(held))) continue;
            if (slot.exchange(held, redirection.replacement)) slots_.emplace_back(slot, held);
        }
    }

    void restore() {
        for (const auto& [slot, held] : slots_) {
            if (slot.exchange(redirection_of(slot.function()).replacement, held)) continue;
            // Other code redirected it too, and may call larder's function: redirecting the slot
            // again could make the two call each other for ever. A late binding is no such case.
            if (slot.load() != held) is_contested_ = true;
        }
        slots_.clear();
    }

    std::mutex mutex_;
    int scopes_ = 0;
    int recorders_ = 0;
    bool is_contested_ = false;
    std::vector<std::pair<ImportSlot, void*>> slots_;
    std::vector<LoadedLibrary> libraries_;
};

// Never destroyed: allocations continue while the process ends.
Redirected& redirected() {
    static auto* const k_redirected = new Redirected;
    return *k_redirected;
}

void retire() { redirected().retire(); }

bool can_redirect() {
    static const bool k_can = stay_loaded();
    return k_can;
}

// Returns the name of the file that contains a function.
std::string owner_of(void* function) {
    Dl_info info{};
    if (::dladdr(function, &info) == 0 || info.dli_fname == nullptr) return "somebody unknown";
    const std::string_view path = info.dli_fname;
    return std::string(path.substr(path.rfind('/') + 1));
}

// Tells whether a function is the C library's own: the program may use another allocator.
bool is_of_c_library(void* function) {
    const auto name = owner_of(function);
    return name.starts_with("libc.so") || name.starts_with("libc-");
}

bool is_address_space_short() {
    struct rlimit limit{};
    if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) return true;
    std::ifstream file("/proc/sys/vm/overcommit_memory");
    int mode = 0;
    constexpr int k_strict = 2;
    return file >> mode && mode == k_strict;
}

std::string obstacle_among(const Targets& targets) {
    bool allocates = false;
    for (const auto& target : targets.libraries) {
        for (const auto& slot : target.slots) {
            if (slot.function() != "posix_memalign" && slot.function() != "free") continue;
            allocates = allocates || slot.function() == "posix_memalign";
            const auto& redirection = redirection_of(slot.function());
            // Another scope may have redirected it already.
            void* const now = slot.load();
            void* const held = now == redirection.replacement ? redirection.remembered() : now;
            void* const real = targets.stubs.behind(held);
            if (!is_of_c_library(real)) {
                return std::string(slot.function()) + " is " + owner_of(real) +
                       "'s, and not the C library's: another allocator serves this program";
            }
            void* const remembered = redirection.remembered();
            if (remembered != nullptr && remembered != real) {
                return "another library has redirected the device's allocations";
            }
        }
    }
    if (!allocates) return "the device's library does not call posix_memalign";
    if (is_address_space_short()) {
        return "address space is limited (ulimit -v, or vm.overcommit_memory=2), and each block of "
               "memory would take 32 MiB more of it";
    }
    if (redirected().is_contested()) return "another library redirects the device's allocations";
    return {};
}

}  // namespace

LargeBlockScope::LargeBlockScope(const std::vector<std::string_view>& libraries,
                                 std::uint64_t budget_bytes, Record record)
    : record_(record) {
    if (!can_redirect()) {
        obstacle_ = "this program's own code could be unloaded";
        return;
    }
    if (transparent_huge_pages() == HugePages::always) budget_bytes = 0;
    if (budget_bytes == 0 && record == Record::no) return;
    auto targets = find_targets(libraries);
    if (record == Record::yes) {
        obstacle_ = obstacle_among(targets);
        if (!obstacle_.empty()) record_ = Record::no;
    }
    if (targets.libraries.empty() || (budget_bytes == 0 && record_ == Record::no)) return;
    if (budget_bytes > 0) threads_.emplace();
    if (record_ == Record::yes) number_before_ = BlockRecord::instance().last_number();
    redirected().open(std::move(targets), budget_bytes, record_ == Record::yes);
    open_ = true;
}

std::int64_t LargeBlockScope::budget_bytes_left() { return budget; }

std::vector<std::span<std::byte>> LargeBlockScope::blocks() const {
    if (record_ == Record::no) return {};
    return BlockRecord::instance().blocks();
}

std::uint64_t LargeBlockScope::number_of(std::span<const std::byte> pages) const {
    return record_ == Record::no ? 0 : BlockRecord::instance().number_of(pages);
}

std::uint64_t LargeBlockScope::mark_of(std::span<const std::byte> pages) const {
    return record_ == Record::no ? 0 : BlockRecord::instance().mark_of(pages);
}

bool LargeBlockScope::with(std::span<std::byte> pages, const std::function<void()>& use) const {
    return record_ == Record::yes && BlockRecord::instance().with(pages, use);
}

LargeBlockScope::~LargeBlockScope() {
    if (open_) redirected().close(record_ == Record::yes);
}

std::string obstacle_to_recording(const std::vector<std::string_view>& libraries) {
    if (!can_redirect()) return "this program's own code could be unloaded";
    return obstacle_among(find_targets(libraries));
}

}  // namespace larder::internal::process
