// Simulates machines that miss one entry of a shared storage together, and counts their requests.
// Leases, pauses and looks are larder's own (exchange/lease_turn.h, exchange/leases.h); the
// storage and time are simulated. usage: fleet [--machines N] [--within SECONDS]
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/lease_turn.h"
#include "exchange/leases.h"
#include "os/system.h"
#include "remote/tier.h"

namespace larder::bench {
namespace {

namespace exchange = internal::exchange;
namespace os = internal::os;
namespace remote = internal::remote;
using internal::Errc;
using internal::Result;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// Assumptions, which are printed.
constexpr milliseconds k_request{30};  // until it is answered
constexpr std::uint64_t k_range_bytes = std::uint64_t{4} << 20;
constexpr std::uint64_t k_part_bytes = std::uint64_t{8} << 20;
constexpr std::uint64_t k_link_bytes_per_s = 1'250'000'000;  // of each machine
// Published by Amazon for each prefix of a bucket; GET includes HEAD and LIST, PUT DELETE.
constexpr std::uint64_t k_s3_gets_per_s = 5500;
constexpr std::uint64_t k_s3_puts_per_s = 3500;

class SimulatedClock final : public os::Clock {
public:
    std::chrono::nanoseconds wall() override { return now_; }
    std::chrono::nanoseconds monotonic() override { return now_; }
    bool sleep(nanoseconds duration) override {
        now_ += duration;
        return false;
    }
    void set(nanoseconds now) { now_ = now; }

private:
    nanoseconds now_{0};
};

// The same numbers in each run.
class SeededEntropy final : public os::Entropy {
public:
    std::uint64_t next() override {
        auto number = state_ += 0x9e3779b97f4a7c15U;
        number = (number ^ (number >> 30U)) * 0xbf58476d1ce4e5b9U;
        number = (number ^ (number >> 27U)) * 0x94d049bb133111ebU;
        return number ^ (number >> 31U);
    }

private:
    std::uint64_t state_ = 1;
};

struct Counts {
    std::uint64_t gets = 0;
    std::uint64_t puts = 0;
    std::uint64_t bytes = 0;
};

// A bucket that honours conditions. A write is seen by reads once it is answered.
class Bucket final : public remote::Tier {
public:
    explicit Bucket(os::Clock& clock) : clock_(clock) {}

    using Tier::write;
    Result<void> check_exists() override { return {}; }
    Result<void> prepare() override {
        count_gets(clock_.monotonic(), 1);
        return {};
    }
    Result<remote::Stored> find(const std::string& name) override {
        count_gets(clock_.monotonic(), 1);
        const auto* const content = seen(name);
        if (content == nullptr) return internal::fail(Errc::not_found, "absent:", name);
        return remote::Stored{name, content->text.size(), content->written_at.count()};
    }
    Result<remote::Stored> read(const std::string& name, std::uint64_t /*bytes_max*/,
                                const Take& take) override {
        auto stored = find(name);
        if (!stored) return stored;
        auto done = take(std::as_bytes(std::span(seen(name)->text)));
        if (!done) return internal::fail(std::move(done.error()));
        return stored;
    }
    Result<void> write(const std::string& name, std::uint64_t bytes, const Give& give,
                       remote::IfThere if_there) override {
        count_puts(1);
        if (if_there == remote::IfThere::keep && contents_.contains(name)) {
            ++refused_;
            return internal::fail(Errc::already_exists, "there:", name);
        }
        std::string text(bytes, '\0');
        if (auto done = give(0, std::as_writable_bytes(std::span(text))); !done) return done;
        const auto now = clock_.monotonic();
        const auto seen_from = contents_.contains(name) ? now : now + k_request;
        contents_[name] = {text, now, seen_from};
        return {};
    }
    Result<void> refresh(const std::string& /*name*/) override { return {}; }
    Result<void> list(const std::string& /*directory*/,
                      const std::function<void(const remote::Stored&)>& /*visit*/) override {
        return internal::fail(Errc::unsupported, "lists nothing");
    }
    Result<void> remove(const std::string& name) override {
        count_puts(1);
        contents_.erase(name);
        return {};
    }
    [[nodiscard]] std::string url() const override { return "simulated"; }

    void count_gets(nanoseconds at, std::uint64_t count) {
        by_second_[second_of(at)].gets += count;
        requests_ += count;
    }
    void count_puts(std::uint64_t count) {
        by_second_[second_of(clock_.monotonic())].puts += count;
        requests_ += count;
    }
    void count_bytes(nanoseconds at, std::uint64_t bytes) {
        by_second_[second_of(at)].bytes += bytes;
    }
    [[nodiscard]] std::uint64_t requests() const { return requests_; }
    [[nodiscard]] std::uint64_t refused() const { return refused_; }
    [[nodiscard]] Counts peaks() const {
        Counts peaks;
        for (const auto& [second, counts] : by_second_) {
            peaks.gets = std::max(peaks.gets, counts.gets);
            peaks.puts = std::max(peaks.puts, counts.puts);
            peaks.bytes = std::max(peaks.bytes, counts.bytes);
        }
        return peaks;
    }

private:
    struct Content {
        std::string text;
        nanoseconds written_at;
        nanoseconds seen_from;
    };

    [[nodiscard]] static std::int64_t second_of(nanoseconds at) {
        return std::chrono::duration_cast<seconds>(at).count();
    }
    [[nodiscard]] const Content* seen(const std::string& name) const {
        const auto found = contents_.find(name);
        const bool is_seen =
            found != contents_.end() && found->second.seen_from <= clock_.monotonic();
        return is_seen ? &found->second : nullptr;
    }

    os::Clock& clock_;
    std::map<std::string, Content> contents_;
    std::map<std::int64_t, Counts> by_second_;
    std::uint64_t requests_ = 0;
    std::uint64_t refused_ = 0;
};

struct Case {
    seconds compile;
    std::uint64_t entry_bytes;
    std::optional<seconds> pause_max{};  // absent: larder's own pauses
};

struct Fleet {
    std::size_t machines = 10'000;
    seconds within{60};
};

class Simulation {
public:
    Simulation(const Fleet& fleet, const Case& one) : fleet_(fleet), case_(one) {}

    void run() {
        const auto span = static_cast<std::uint64_t>(nanoseconds(fleet_.within).count());
        for (std::size_t i = 0; i < fleet_.machines; ++i) {
            machines_.emplace_back();
            events_.push({nanoseconds(entropy_.next() % span), i, Event::Kind::arrive});
        }
        while (!events_.empty()) {
            const auto event = events_.top();
            events_.pop();
            clock_.set(event.at);
            act(event);
        }
    }

    void print() const {
        const auto peaks = bucket_.peaks();
        auto late = late_;
        std::ranges::sort(late);
        const auto part = [&](std::size_t percent) {
            if (late.empty()) return 0.0;
            return std::chrono::duration<double>(late[(late.size() - 1) * percent / 100]).count();
        };
        const auto verdict = [](std::uint64_t count, std::uint64_t limit) {
            return count > limit ? "!" : " ";
        };
        std::printf(
            "%6lld s %7.1f MB  %-10s %8zu %9.1f %8llu%s %7llu%s %8llu %8.1f s %7.1f s %8.2f\n",
            static_cast<long long>(case_.compile.count()),
            static_cast<double>(case_.entry_bytes) / 1e6, case_.pause_max ? "1 s" : "larder's",
            compiles_,
            static_cast<double>(bucket_.requests()) / static_cast<double>(fleet_.machines),
            static_cast<unsigned long long>(peaks.gets), verdict(peaks.gets, k_s3_gets_per_s),
            static_cast<unsigned long long>(peaks.puts), verdict(peaks.puts, k_s3_puts_per_s),
            static_cast<unsigned long long>(bucket_.refused()), part(50), part(99),
            static_cast<double>(peaks.bytes) / 1e9);
    }

private:
    struct Event {
        enum class Kind { arrive, step, drop, renew, compiled, sent };
        nanoseconds at{0};
        std::size_t machine = 0;
        Kind kind = Kind::arrive;
        bool operator<(const Event& other) const { return at > other.at; }  // the earliest first
    };
    struct Machine {
        std::optional<exchange::LeaseTurn> turn{};
        bool compiles = false;
    };

    void act(const Event& event) {
        auto& machine = machines_[event.machine];
        const auto before = bucket_.requests();
        const auto then = [&](nanoseconds pause, Event::Kind kind) {
            const auto asked = static_cast<int>(bucket_.requests() - before);
            events_.push({event.at + asked * k_request + pause, event.machine, kind});
        };
        switch (event.kind) {
            case Event::Kind::arrive: {
                if (look(false)) return;
                const auto holder = "machine" + std::to_string(event.machine);
                machine.turn.emplace(exchange::Lease(key_, holder, clock_), system_);
                then({}, Event::Kind::step);
                return;
            }
            case Event::Kind::step: {
                const auto step = machine.turn->next(bucket_);
                if (!step) throw std::runtime_error(step.error().message());
                if (step->kind == exchange::LeaseStep::Kind::pause) {
                    then(std::min<nanoseconds>(step->pause,
                                               case_.pause_max ? *case_.pause_max : step->pause),
                         Event::Kind::step);
                    return;
                }
                if (look(true)) {
                    if (step->kind == exchange::LeaseStep::Kind::compile)
                        then({}, Event::Kind::drop);
                    return;
                }
                if (step->kind == exchange::LeaseStep::Kind::look_for_entry) {
                    then({}, Event::Kind::step);
                    return;
                }
                ++compiles_;
                machine.compiles = true;
                then(case_.compile, Event::Kind::compiled);
                then(exchange::k_renew_period, Event::Kind::renew);
                return;
            }
            case Event::Kind::drop: exchange::drop_leases(bucket_, key_); return;
            case Event::Kind::renew:
                if (!machine.compiles) return;
                static_cast<void>(machine.turn->lease().renew(bucket_));
                then(exchange::k_renew_period, Event::Kind::renew);
                return;
            case Event::Kind::compiled: {
                const auto sending =
                    nanoseconds(seconds(1)) * case_.entry_bytes / k_link_bytes_per_s;
                bucket_.count_puts((case_.entry_bytes + k_part_bytes - 1) / k_part_bytes);
                events_.push({event.at + sending, event.machine, Event::Kind::sent});
                return;
            }
            case Event::Kind::sent:
                bucket_.count_puts(1);
                machine.compiles = false;
                if (!is_there_) there_since_ = event.at;
                is_there_ = true;
                exchange::drop_leases(bucket_, key_);
                return;
        }
    }

    // Looks for the entry, and fetches it.
    bool look(bool has_waited) {
        bucket_.count_gets(clock_.monotonic(), 1);
        if (!is_there_) return false;
        auto at = clock_.monotonic() + k_request;
        for (std::uint64_t begin = 0; begin < case_.entry_bytes; begin += k_range_bytes) {
            const auto bytes = std::min(k_range_bytes, case_.entry_bytes - begin);
            bucket_.count_gets(at, 1);
            at += nanoseconds(seconds(1)) * bytes / k_link_bytes_per_s;
            bucket_.count_bytes(at, bytes);
        }
        if (has_waited) late_.push_back(at - there_since_);
        return true;
    }

    const Fleet fleet_;
    const Case case_;
    SimulatedClock clock_;
    SeededEntropy entropy_;
    os::RealSystem real_;
    const os::System system_{real_.system().fs, clock_, entropy_, real_.system().process};
    Bucket bucket_{clock_};
    const internal::format::Key key_ = internal::format::key_of({{"model", "a"}});
    std::vector<Machine> machines_;
    std::priority_queue<Event> events_;
    std::vector<nanoseconds> late_;
    std::size_t compiles_ = 0;
    bool is_there_ = false;
    nanoseconds there_since_{0};
};

std::size_t number_of(std::string_view text) {
    std::size_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || number == 0) {
        throw std::runtime_error("usage: fleet [--machines N] [--within SECONDS]");
    }
    return number;
}

void run(std::span<char*> words) {
    Fleet fleet;
    for (std::size_t i = 0; i < words.size(); i += 2) {
        const std::string_view name = words[i];
        const auto number = number_of(i + 1 < words.size() ? words[i + 1] : "");
        if (name == "--machines") {
            fleet.machines = number;
        } else if (name == "--within") {
            fleet.within = seconds(number);
        } else {
            static_cast<void>(number_of(""));
        }
    }
    std::printf(
        "%zu machines start within %lld s. Assumed: %lld ms a request, %.2f GB/s a machine.\n"
        "! more than S3 serves of one prefix: %llu GET/s, %llu PUT/s\n"
        "compile   entry     pauses     compiles  requests    GET/s    PUT/s  refused     late"
        "       late     GB/s\n"
        "                                        a machine     peak     peak   leases      50 %%"
        "       99 %%     peak\n",
        fleet.machines, static_cast<long long>(fleet.within.count()),
        static_cast<long long>(k_request.count()), static_cast<double>(k_link_bytes_per_s) / 1e9,
        static_cast<unsigned long long>(k_s3_gets_per_s),
        static_cast<unsigned long long>(k_s3_puts_per_s));
    for (const auto& [compile, bytes] :
         std::vector<std::pair<seconds, std::uint64_t>>{{seconds(1), 1'000'000},
                                                        {seconds(10), 1'000'000},
                                                        {seconds(30), 1'000'000},
                                                        {seconds(60), 1'000'000},
                                                        {seconds(300), 1'000'000},
                                                        {seconds(300), 100'000'000}}) {
        for (const auto& pause_max : {std::optional<seconds>(), std::optional(seconds(1))}) {
            Simulation simulation(fleet, {compile, bytes, pause_max});
            simulation.run();
            simulation.print();
        }
    }
}

}  // namespace
}  // namespace larder::bench

int main(int count, char** words) {
    try {
        larder::bench::run(std::span(words, static_cast<std::size_t>(count)).subspan(1));
        return 0;
    } catch (const std::exception& error) {
        static_cast<void>(std::fprintf(stderr, "fleet: %s\n", error.what()));
        return 1;
    }
}
