#include "cache/session/report.h"

#include <algorithm>

#include "base/units.h"

namespace larder::internal::cache {
namespace {

std::string waited_text(const Timing& timing) {
    if (!timing.wait) return {};
    return ", " + format_duration(*timing.wait) + " of which it waited for another process";
}

}  // namespace

void Report::add(Outcome outcome, std::chrono::milliseconds saved) {
    const std::lock_guard lock(mutex_);
    ++counts_.at(static_cast<std::size_t>(outcome));
    saved_ += saved;
}

void Report::add_failed() {
    const std::lock_guard lock(mutex_);
    ++failed_;
}

void Report::add_refused() {
    const std::lock_guard lock(mutex_);
    ++refused_;
}

std::string Report::summary() const {
    const std::lock_guard lock(mutex_);
    std::size_t models = 0;
    std::string counts;
    for (const auto outcome :
         {Outcome::loaded, Outcome::waited, Outcome::compiled, Outcome::bypassed}) {
        const auto count = counts_.at(static_cast<std::size_t>(outcome));
        if (count == 0) continue;
        models += count;
        counts += std::to_string(count) + " ";
        counts.append(to_string(outcome)).append(", ");
    }
    if (refused_ != 0) counts += std::to_string(refused_) + " refused, ";
    if (failed_ != 0) counts += std::to_string(failed_) + " failed, ";
    models += refused_ + failed_;
    if (models == 0) return {};
    return std::to_string(models) + (models == 1 ? " model: " : " models: ") + counts +
           (saved_.count() <= 0 ? "no time" : format_duration(saved_)) + " saved";
}

std::string describe(const store::CompileLockHolder& holder, std::chrono::nanoseconds now) {
    const auto since = now - std::chrono::nanoseconds(holder.since_ns);
    return "process " + std::to_string(holder.process) +
           (holder.is_of_this_machine ? "" : " of another machine") +
           " has been compiling it for " +
           format_duration(std::max(since, std::chrono::nanoseconds{0}));
}

std::string describe(const Response& response, std::chrono::milliseconds compile_time) {
    std::string text;
    const auto time = format_duration(response.timing.total);
    switch (response.outcome) {
        case Outcome::loaded:
        case Outcome::waited:
            text += "loaded in " + time + waited_text(response.timing);
            if (!response.reason.empty()) text += "; " + response.reason;
            if (compile_time.count() > 0) {
                text += "; compiling took " + format_duration(compile_time);
            }
            break;
        case Outcome::compiled:
            text += "compiled in " + time + ", because " + response.reason + "; " +
                    format_size(response.kept_bytes) + " kept";
            break;
        case Outcome::bypassed:
            text += "compiled in " + time + " and not kept: " + response.reason;
            break;
    }
    return text;
}

}  // namespace larder::internal::cache
