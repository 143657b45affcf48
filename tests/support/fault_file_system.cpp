#include "support/fault_file_system.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace larder::internal::support {

std::optional<Error> CountingFileSystem::before(const Call& call) {
    const std::lock_guard lock(mutex_);
    records_.push_back({call.operation, call.path, call.target});
    return {};
}

std::uint64_t CountingFileSystem::calls() const {
    const std::lock_guard lock(mutex_);
    return records_.size();
}

std::uint64_t CountingFileSystem::calls(Operation operation) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::uint64_t>(
        std::count_if(records_.begin(), records_.end(),
                      [&](const Record& record) { return record.operation == operation; }));
}

std::string CountingFileSystem::transcript() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& record : records_) {
        text.append(to_string(record.operation)).append(" ").append(record.path);
        if (!record.target.empty()) text.append(" -> ").append(record.target);
        text += '\n';
    }
    return text;
}

std::set<std::string> CountingFileSystem::paths(Operation operation) const {
    const std::lock_guard lock(mutex_);
    std::set<std::string> paths;
    for (const auto& record : records_) {
        if (record.operation == operation) paths.insert(record.path);
    }
    return paths;
}

void CountingFileSystem::reset() {
    const std::lock_guard lock(mutex_);
    records_.clear();
}

void FaultFileSystem::arm(std::function<bool(const Call&)> matches, int system_errno) {
    const std::lock_guard lock(mutex_);
    matches_ = std::move(matches);
    system_errno_ = system_errno;
    faults_ = 0;
    first_fault_.clear();
}

void FaultFileSystem::fail_once_after(std::uint64_t calls_before, int system_errno) {
    const auto left = std::make_shared<std::uint64_t>(calls_before + 1);
    arm([left](const Call&) { return *left > 0 && --*left == 0; }, system_errno);
}

void FaultFileSystem::fail_always_after(std::uint64_t calls_before, int system_errno) {
    const auto left = std::make_shared<std::uint64_t>(calls_before + 1);
    arm([left](const Call&) { return *left == 0 || --*left == 0; }, system_errno);
}

void FaultFileSystem::fail_where(std::function<bool(const Call&)> matches, int system_errno) {
    arm(std::move(matches), system_errno);
}

void FaultFileSystem::fail_all(Operation operation, int system_errno) {
    arm([operation](const Call& call) { return call.operation == operation; }, system_errno);
}

void FaultFileSystem::heal() { arm({}, 0); }

std::string FaultFileSystem::first_fault() const {
    const std::lock_guard lock(mutex_);
    return first_fault_;
}

std::optional<Error> FaultFileSystem::before(const Call& call) {
    static_cast<void>(CountingFileSystem::before(call));
    const std::lock_guard lock(mutex_);
    if (!matches_ || !matches_(call)) return {};
    if (faults_++ == 0) first_fault_ = std::string(to_string(call.operation)) + " " + call.path;
    return Error::from_errno("injected: cannot " + std::string(to_string(call.operation)),
                             call.path, system_errno_);
}

}  // namespace larder::internal::support
