#include "cache/ahead/read_ahead.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "os/system.h"

namespace larder::internal::cache {
namespace {

constexpr auto k_reader_look_every = std::chrono::milliseconds(5);
// The other half is for the models themselves.
constexpr std::uint64_t k_part_of_available_memory = 2;

}  // namespace

bool ReadAhead::is_usable() const noexcept {
    const auto process = thread_of_.load();
    return process == 0 || process == os::current_process_id();
}

std::vector<state::Follower> ReadAhead::interrupt(const format::Key& key) {
    const std::lock_guard lock(mutex_);
    ++number_;
    auto left = std::move(plan_.next);
    plan_ = {};
    std::erase_if(left, [&](const state::Follower& next) { return next.key == key; });
    read_[key] = 0;
    return left;
}

void ReadAhead::begin(Plan plan) {
    const std::lock_guard lock(mutex_);
    ++number_;
    std::erase_if(plan.next, [&](const state::Follower& next) { return read_.contains(next.key); });
    plan_ = std::move(plan);
    if (plan_.next.empty()) {
        plan_ = {};
        return;
    }
    if (running_) return;
    // An earlier thread has ended, or is about to: it no longer takes the lock.
    running_ = thread_.start([this](const std::stop_token& stop) {
        // While all cores import, reading ahead gains nothing.
        os::lower_priority();
        // If this runs out of memory, it still counts as running: there is no memory to read into.
        run(stop);
    });
    if (running_) thread_of_ = os::current_process_id();
}

bool ReadAhead::is_current(std::uint64_t number, const std::stop_token& stop) const {
    return !stop.stop_requested() && number_ == number;
}

void ReadAhead::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested() && !plan_.next.empty()) {
        const auto number = number_.load();
        const auto store = plan_.store;
        if (const auto first = std::exchange(plan_.first, std::nullopt)) {
            lock.unlock();
            read_first(*store, *first, number, stop);
            lock.lock();
            continue;
        }
        // It stays in the plan while it is read, so that an interrupted read can be resumed.
        const auto next = plan_.next.front();
        lock.unlock();
        read_next(*store, next, number, stop);
        lock.lock();
        if (is_current(number, stop)) plan_.next.erase(plan_.next.begin());
    }
    plan_ = {};
    running_ = false;
}

void ReadAhead::read_first(store::Store& store, const Imported& first, std::uint64_t number,
                           const std::stop_token& stop) {
    if (first.read.valid()) {
        while (is_current(number, stop) &&
               first.read.wait_for(k_reader_look_every) != std::future_status::ready) {
        }
        return;
    }
    // The import needs that memory anyway, and reports errors itself.
    constexpr auto k_all = std::numeric_limits<std::uint64_t>::max();
    static_cast<void>(store.read_ahead(first.object, k_all, [&] {
        return is_current(number, stop) ? store::Continue::yes : store::Continue::no;
    }));
}

void ReadAhead::read_next(store::Store& store, const state::Follower& next, std::uint64_t number,
                          const std::stop_token& stop) {
    const auto bytes_max = bytes_allowed();
    if (bytes_max == 0) return;
    const auto step = [&] {
        return is_current(number, stop) ? store::Continue::yes : store::Continue::no;
    };
    auto read = store.read_ahead(next.object, bytes_max, step);
    if (read && is_current(number, stop)) {
        const auto model = store.read_model_ahead(next.key, bytes_max - *read, step);
        if (model) *read += *model;
    }
    const std::lock_guard lock(mutex_);
    // A failed read is not repeated.
    if (is_current(number, stop)) read_[next.key] = read ? *read : 0;
}

std::uint64_t ReadAhead::bytes_allowed() const {
    const auto part = available_() / k_part_of_available_memory;
    const std::lock_guard lock(mutex_);
    std::uint64_t ahead = 0;
    for (const auto& [key, bytes] : read_) ahead += bytes;
    return part - std::min(part, ahead);
}

}  // namespace larder::internal::cache
