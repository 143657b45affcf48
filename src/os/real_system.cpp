#include <array>
#include <charconv>
#include <ctime>
#include <fstream>
#include <mutex>
#include <random>
#include <string>

#include <malloc.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/system.h"

namespace larder::internal::os {
namespace {

std::chrono::nanoseconds read_clock(clockid_t id) {
    timespec time{};
    ::clock_gettime(id, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

class RealClock final : public Clock {
public:
    std::chrono::nanoseconds wall() override { return read_clock(CLOCK_REALTIME); }
    std::chrono::nanoseconds monotonic() override { return read_clock(CLOCK_MONOTONIC); }
    bool sleep(std::chrono::nanoseconds duration) override {
        timespec left{};
        left.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
        left.tv_nsec = (duration % std::chrono::seconds(1)).count();
        bool signalled = false;
        while (::nanosleep(&left, &left) != 0 && errno == EINTR) signalled = true;
        return signalled;
    }
};

// Without a state between calls: a forked child must not repeat its parent's numbers.
class RealEntropy final : public Entropy {
public:
    std::uint64_t next() override {
        std::uint64_t value = 0;
        if (::getrandom(&value, sizeof value, 0) == static_cast<ssize_t>(sizeof value)) {
            return value;
        }
        std::random_device device;
        return (std::uint64_t{device()} << 32) | device();
    }
};

ProcessInfo read_process_info() {
    ProcessInfo process;
    process.pid = ::getpid();
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) == 0) process.host = host.data();
    std::ifstream boot_id("/proc/sys/kernel/random/boot_id");
    std::getline(boot_id, process.boot_id);
    return process;
}

}  // namespace

RealSystem::RealSystem()
    : fs_(make_posix_file_system()),
      clock_(std::make_unique<RealClock>()),
      entropy_(std::make_unique<RealEntropy>()),
      process_(read_process_info()) {}

RealSystem::~RealSystem() = default;

System RealSystem::system() const { return System{*fs_, *clock_, *entropy_, process_}; }

std::int64_t current_process_id() { return ::getpid(); }

bool is_root() { return ::geteuid() == 0; }

void return_freed_memory() {
#if defined(__GLIBC__)
    // If the program uses another allocator, the first call initialises the C library's own, and
    // two at once crash. A second caller has nothing left to do.
    static std::mutex mutex;
    const std::unique_lock lock(mutex, std::try_to_lock);
    if (lock) ::malloc_trim(0);
#endif
}

MemoryInfo read_memory_info() {
    MemoryInfo memory;
    std::ifstream status("/proc/self/status");
    // "VmRSS:     1234 kB"
    const auto kilobytes = [](const std::string& line) {
        std::uint64_t value = 0;
        const auto digit = line.find_first_of("0123456789");
        if (digit != std::string::npos) {
            std::from_chars(line.data() + digit, line.data() + line.size(), value);
        }
        return value * 1024;
    };
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) memory.rss_bytes = kilobytes(line);
        if (line.starts_with("VmHWM:")) memory.peak_rss_bytes = kilobytes(line);
        if (line.starts_with("RssFile:")) memory.file_rss_bytes = kilobytes(line);
    }
    return memory;
}

std::chrono::nanoseconds read_processor_time() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto duration = [](const timeval& time) {
        return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    };
    return duration(used.ru_utime) + duration(used.ru_stime);
}

std::size_t read_descriptor_limit() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

}  // namespace larder::internal::os
