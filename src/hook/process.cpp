#include "hook/process.h"

#include <cstdlib>
#include <iostream>

#include <unistd.h>

namespace larder::hook {
namespace {

// Never freed: a request may use it at any time, and in a child it still belongs to the parent.
struct Process {
    explicit Process(pid_t process_id) : id(process_id) {}
    const pid_t id;
    std::atomic<std::shared_ptr<ProcessLarder>> larder;
};

// Without a lock, which another thread could hold while a child is forked.
constinit std::atomic<Process*> current_process{nullptr};
constinit std::atomic<bool> has_warned{false};

// Opens a larder with the present settings; `notice` is set to what is wrong with them.
std::shared_ptr<ProcessLarder> make_larder(std::string& notice) {
    try {
        const auto settings = load_settings();
        if (settings.options.mode == Mode::off) return nullptr;
        for (const auto* const said : {&settings.unread, &settings.misspelt}) {
            for (const auto& text : *said) notice += (notice.empty() ? "" : "; ") + text;
        }
        return std::make_shared<ProcessLarder>(settings.options);
    } catch (const Error& error) {
        notice = "models are compiled without larder: " + std::string(error.what());
        if (!error.remedy().empty()) notice += ": " + error.remedy();
    }
    return nullptr;
}

void end_at_exit() {
    auto* const process = current_process.load();
    if (process != nullptr && process->id == getpid()) process->larder.store(nullptr);
}

Process* begin(Process* before) {
    std::string notice;
    auto fresh = std::make_unique<Process>(getpid());
    fresh->larder.store(make_larder(notice));
    const bool is_first = before == nullptr;
    if (!current_process.compare_exchange_strong(before, fresh.get())) return before;
    // A child has inherited the handler.
    if (is_first && std::atexit(end_at_exit) != 0) {
        notice = "the process has no more exit handlers";
    }
    if (!notice.empty()) warn_once(notice);
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
        std::string notice;
        process->larder.store(make_larder(notice));
        if (!notice.empty()) warn_once(notice);
    } catch (const std::exception&) {
        process->larder.store(nullptr);  // no memory
    }
}

void warn_once(const std::string& text) {
    if (!has_warned.exchange(true)) std::cerr << "larder: warning: " + text + "\n";
}

}  // namespace larder::hook
