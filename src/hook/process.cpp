#include "hook/process.h"

#include <cstdlib>
#include <iostream>

#include <unistd.h>

namespace larder::hook {
namespace {

// Never freed: a request may look at it at any time, and in a child it is still the parent's.
struct Process {
    explicit Process(pid_t process_id) : id(process_id) {}
    const pid_t id;
    std::atomic<std::shared_ptr<ProcessLarder>> larder;
};

// No lock guards it: a child may be forked while another thread would hold one.
constinit std::atomic<Process*> current_process{nullptr};
constinit std::atomic<bool> has_warned{false};

std::string why_unreadable(const Error& error) {
    return std::string(error.what()) + (error.remedy().empty() ? "" : ": " + error.remedy());
}

// The larder of the settings in force, or what is wrong with them.
std::shared_ptr<ProcessLarder> make_larder(std::string& fault) {
    try {
        const auto options = load_settings().options;
        if (options.mode == Mode::off) return nullptr;
        return std::make_shared<ProcessLarder>(options);
    } catch (const Error& error) {
        fault = why_unreadable(error);
    }
    return nullptr;
}

void end_at_exit() {
    auto* const process = current_process.load();
    if (process != nullptr && process->id == getpid()) process->larder.store(nullptr);
}

void warn_unserved(const std::string& why) {
    warn_once("models are compiled without larder: " + why);
}

Process* begin(Process* before) {
    std::string fault;
    auto fresh = std::make_unique<Process>(getpid());
    fresh->larder.store(make_larder(fault));
    const bool is_first = before == nullptr;
    if (!current_process.compare_exchange_strong(before, fresh.get())) return before;
    // A child has inherited it.
    if (is_first && std::atexit(end_at_exit) != 0) fault = "the process has no more exit handlers";
    if (!fault.empty()) warn_unserved(fault);
    return fresh.release();
}

}  // namespace

std::shared_ptr<ProcessLarder> process_larder() noexcept {
    try {
        auto* process = current_process.load();
        if (process == nullptr || process->id != getpid()) process = begin(process);
        return process->larder.load();
    } catch (const std::exception&) {
        return nullptr;  // no memory
    }
}

void renew_process_larder() noexcept {
    auto* const process = current_process.load();
    if (process == nullptr || process->id != getpid()) return;
    try {
        std::string fault;
        process->larder.store(make_larder(fault));
        if (!fault.empty()) warn_unserved(fault);
    } catch (const std::exception&) {
        process->larder.store(nullptr);  // no memory
    }
}

void warn_once(const std::string& text) {
    if (!has_warned.exchange(true)) std::cerr << "larder: warning: " + text + "\n";
}

}  // namespace larder::hook
