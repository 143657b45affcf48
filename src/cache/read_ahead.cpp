#include "cache/read_ahead.h"

#include <algorithm>
#include <new>

#include "os/system.h"

namespace larder::internal::cache {
namespace {

constexpr std::uint64_t k_step_bytes = std::uint64_t{8} << 20;
// The rest is for the models themselves.
constexpr std::uint64_t k_part_of_available_memory = 2;

}  // namespace

bool ReadAhead::is_usable() const noexcept {
    const auto process = thread_of_.load();
    return process == 0 || process == os::current_process_id();
}

std::vector<store::Follower> ReadAhead::interrupt(const format::Key& key) {
    const std::lock_guard lock(mutex_);
    ++number_;
    auto left = std::move(plan_.next);
    plan_ = {};
    std::erase_if(left, [&](const store::Follower& next) { return next.key == key; });
    read_[key] = 0;
    return left;
}

void ReadAhead::begin(Plan plan) {
    const std::lock_guard lock(mutex_);
    ++number_;
    std::erase_if(plan.next, [&](const store::Follower& next) { return read_.contains(next.key); });
    plan_ = std::move(plan);
    if (plan_.next.empty()) {
        plan_ = {};
        return;
    }
    if (running_) return;
    // An earlier thread has ended, or is about to: it no longer takes the lock.
    running_ = thread_.start([this](const std::stop_token& stop) {
        // Where all cores are busy importing, nobody gains by reading early.
        os::lower_priority();
        try {
            run(stop);
        } catch (const std::bad_alloc&) {
            // No memory is left to read into, now or soon: no other thread is started.
        }
    });
    if (running_) thread_of_ = os::current_process_id();
}

std::vector<ReadAhead::Verified> ReadAhead::take_verified() {
    const std::lock_guard lock(mutex_);
    return std::exchange(verified_, {});
}

void ReadAhead::stop() noexcept { thread_.stop(); }

bool ReadAhead::is_current(std::uint64_t number, const std::stop_token& stop) const {
    return !stop.stop_requested() && number_ == number;
}

void ReadAhead::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested() && !plan_.next.empty()) {
        const auto number = number_.load();
        if (const auto first = std::exchange(plan_.first, nullptr)) {
            lock.unlock();
            read_first(*first, number, stop);
            lock.lock();
            continue;
        }
        // It stays in the plan until it is read: what is left of it is what was not.
        const auto store = plan_.store;
        const auto next = plan_.next.front();
        lock.unlock();
        read_next(store, next, number, stop);
        lock.lock();
        if (is_current(number, stop)) plan_.next.erase(plan_.next.begin());
    }
    plan_ = {};
    running_ = false;
}

void ReadAhead::read_first(os::Mapping& mapping, std::uint64_t number,
                           const std::stop_token& stop) {
    const auto size = mapping.bytes().size();
    for (std::uint64_t at = 0; at < size && is_current(number, stop); at += k_step_bytes) {
        mapping.read_ahead(at, k_step_bytes);
    }
}

void ReadAhead::read_next(const std::shared_ptr<store::Store>& store, const store::Follower& next,
                          std::uint64_t number, const std::stop_token& stop) {
    const auto bytes_max = bytes_allowed();
    if (bytes_max == 0) return;
    const auto how = next.verified ? store::Reading::plain : how_;
    const auto read = store->read_ahead(next.object, {bytes_max, how}, [&] {
        return is_current(number, stop) ? store::Continue::yes : store::Continue::no;
    });
    const std::lock_guard lock(mutex_);
    if (read && read->verified) verified_.push_back({*read->verified, next.object});
    // What cannot be read is not tried again.
    if (is_current(number, stop)) read_[next.key] = read ? read->bytes : 0;
}

std::uint64_t ReadAhead::bytes_allowed() const {
    const auto part = available_() / k_part_of_available_memory;
    const std::lock_guard lock(mutex_);
    std::uint64_t ahead = 0;
    for (const auto& [key, bytes] : read_) ahead += bytes;
    return part - std::min(part, ahead);
}

}  // namespace larder::internal::cache
