// One process, one reading of one cold file: prints the cost as one line of JSON. The driver starts
// it many times, in turns.
//
//     read_ways FILE WAY [threads=N] [kib=N] [check] [warm]
//
// WAY: larder (as an object is verified), ahead (a mapping is walked while larder reads ahead),
// shared, own, stripes (pread through one open file, through one for each thread, and of one part
// for each thread), populate, faults (through a mapping), willneed (a mapping is walked while
// MADV_WILLNEED runs ahead), walk (a mapping is walked). `check` hashes the bytes.
#include <atomic>
#include <chrono>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/parallel.h"
#include "os/file_system.h"
#include "store/disk/content.h"

namespace {

using namespace larder::internal;
using Clock = std::chrono::steady_clock;
using Bytes = std::span<const std::byte>;

struct Settings {
    std::string path;
    std::string way;
    unsigned threads = 1;
    std::uint64_t chunk_bytes = k_chunk_size_bytes;
    bool check = false;
    bool warm = false;
};

template <typename T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

rusage usage() {
    rusage now{};
    ::getrusage(RUSAGE_SELF, &now);
    return now;
}

double cpu_seconds(const rusage& now) {
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(now.ru_utime) + seconds(now.ru_stime);
}

void drop_from_page_cache(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ::fsync(descriptor);
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    ::close(descriptor);
}

double part_in_page_cache(Bytes bytes) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> states((bytes.size() + page - 1) / page);
    ::mincore(const_cast<std::byte*>(bytes.data()), bytes.size(), states.data());
    std::size_t cached = 0;
    for (const auto state : states) cached += state & 1U;
    return static_cast<double>(cached) / static_cast<double>(states.size());
}

// Reads every word, as a plugin that unpacks them does.
std::uint64_t sum(Bytes bytes) {
    std::uint64_t total = 0;
    for (std::size_t at = 0; at + sizeof total <= bytes.size(); at += sizeof total) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        total += word;
    }
    return total;
}

class Reading {
public:
    explicit Reading(const Settings& settings)
        : settings_(settings),
          file_(must(fs_->open(settings.path, os::OpenMode::read))),
          size_(must(file_->info()).stamp.size_bytes),
          mapping_(must(fs_->map(*file_, size_))) {}

    void run() {
        const auto& way = settings_.way;
        if (way == "larder") {
            static_cast<void>(must(store::hash_file(*file_, size_, reader_threads())));
        } else if (way == "ahead" || way == "willneed" || way == "walk") {
            walk();
        } else if (way == "shared" || way == "own" || way == "stripes") {
            each_chunk([this](os::File& from, Bytes range, std::byte* buffer) {
                const std::span bytes(buffer, range.size());
                const auto offset = range.data() - mapping_->bytes().data();
                must(from.read_at(static_cast<std::uint64_t>(offset), bytes));
                use(bytes);
            });
        } else if (way == "populate" || way == "faults") {
            advise(mapping_->bytes(), MADV_SEQUENTIAL);
            each_chunk([this, &way](os::File&, Bytes range, std::byte*) {
                if (way == "populate") advise(range, MADV_POPULATE_READ);
                if (way == "faults" && !settings_.check) sink_ += sum(range);
                use(range);
            });
        } else {
            throw std::invalid_argument("no such way: " + way);
        }
    }

    [[nodiscard]] Bytes bytes() const { return mapping_->bytes(); }
    [[nodiscard]] std::uint64_t sink() const { return sink_; }

private:
    static void advise(Bytes range, int advice) {
        ::madvise(const_cast<std::byte*>(range.data()), range.size(), advice);
    }

    void use(Bytes bytes) {
        if (settings_.check) sink_ += hash_bytes(bytes).bytes[0];
    }

    template <typename Work>
    void each_chunk(const Work& work) {
        const auto chunk_bytes = settings_.chunk_bytes;
        const auto chunks = (size_ + chunk_bytes - 1) / chunk_bytes;
        const auto threads = settings_.threads;
        std::atomic<std::uint64_t> next{0};
        must(parallel_for(threads, threads, [&](std::uint64_t thread) -> Result<void> {
            const auto buffer = std::make_unique_for_overwrite<std::byte[]>(chunk_bytes);
            const auto own = settings_.way == "own" || settings_.way == "stripes"
                                 ? must(file_->reopen())
                                 : nullptr;
            const bool striped = settings_.way == "stripes";
            auto chunk = striped ? chunks * thread / threads : next++;
            const auto end = striped ? chunks * (thread + 1) / threads : chunks;
            for (; chunk < end; chunk = striped ? chunk + 1 : next++) {
                const auto offset = chunk * chunk_bytes;
                work(own ? *own : *file_,
                     bytes().subspan(offset, std::min(chunk_bytes, size_ - offset)), buffer.get());
            }
            return {};
        }));
    }

    void walk() {
        constexpr std::size_t k_step_bytes = std::size_t{8} << 20;
        constexpr std::size_t k_request_bytes = std::size_t{128} << 10;
        const std::jthread ahead([this](const std::stop_token& stop) {
            if (settings_.way == "walk") return;
            const auto step = settings_.way == "ahead" ? k_step_bytes : k_request_bytes;
            for (std::size_t at = 0; at < size_ && !stop.stop_requested(); at += step) {
                if (settings_.way == "ahead") {
                    file_->read_ahead(at, step);
                } else {
                    advise(bytes().subspan(at, std::min<std::size_t>(step, size_ - at)),
                           MADV_WILLNEED);
                }
            }
        });
        sink_ += sum(bytes());
    }

    const Settings& settings_;
    std::unique_ptr<os::FileSystem> fs_ = os::make_posix_file_system();
    std::unique_ptr<os::File> file_;
    std::uint64_t size_;
    std::shared_ptr<os::Mapping> mapping_;
    std::atomic<std::uint64_t> sink_{0};
};

Settings parse(int argc, char** argv) {
    if (argc < 3) throw std::invalid_argument("usage: read_ways FILE WAY [SETTING...]");
    Settings settings{.path = argv[1], .way = argv[2]};
    for (int i = 3; i < argc; ++i) {
        const std::string text = argv[i];
        const auto value = text.substr(text.find('=') + 1);
        if (text.starts_with("threads=")) {
            settings.threads = static_cast<unsigned>(std::stoul(value));
        } else if (text.starts_with("kib=")) {
            settings.chunk_bytes = std::stoull(value) << 10;
        } else if (text == "check") {
            settings.check = true;
        } else if (text == "warm") {
            settings.warm = true;
        } else {
            throw std::invalid_argument("no such setting: " + text);
        }
    }
    return settings;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto settings = parse(argc, argv);
        if (!settings.warm) drop_from_page_cache(settings.path);
        Reading reading(settings);
        const auto before = usage();
        const auto start = Clock::now();
        reading.run();
        nlohmann::json report;
        report["seconds"] = seconds_since(start);
        const auto after = usage();
        report["cpu_seconds"] = cpu_seconds(after) - cpu_seconds(before);
        report["faults"] = after.ru_minflt + after.ru_majflt - before.ru_minflt - before.ru_majflt;
        report["cached"] = part_in_page_cache(reading.bytes());
        // The cost of the next pass through the mapping.
        const auto again = Clock::now();
        report["ignore"] = reading.sink() + sum(reading.bytes());
        report["walk_seconds"] = seconds_since(again);
        std::cout << report.dump() << std::endl;
    } catch (const std::exception& error) {
        std::cerr << "read_ways: " << error.what() << '\n';
        return 1;
    }
}
