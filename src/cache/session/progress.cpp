#include "cache/session/progress.h"

#include <utility>

namespace larder::internal::cache {
namespace {

std::string text_of(const Progress& progress) {
    auto text = progress.request + ": ";
    text += to_string(progress.stage);
    if (progress.detail.empty()) return text;
    return text + (progress.stage == Stage::waiting ? ": " : ", ") + progress.detail;
}

}  // namespace

void StageMeter::begin(Progress progress) {
    if (sink_) {
        now_ = std::move(progress);
        done_ = 0;
        sink_(now_);
    } else if (progress.stage == Stage::waiting) {
        // It may last for minutes.
        log_.info(text_of(progress));
    } else if (log_.enabled(LogLevel::debug)) {
        log_.debug(text_of(progress));
    }
}

void StageMeter::add(std::uint64_t bytes) {
    if (!sink_) return;
    auto progress = now_;
    progress.bytes_done = done_ += bytes;
    sink_(progress);
}

std::function<void(std::uint64_t)> StageMeter::adder() {
    if (!sink_) return {};
    return [this](std::uint64_t bytes) { add(bytes); };
}

Result<void> MeteredSink::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    auto written = sink_.write_at(offset, bytes);
    if (written) meter_.add(bytes.size());
    return written;
}

}  // namespace larder::internal::cache
