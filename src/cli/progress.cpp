#include "cli/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/json.h"
#include "cli/quantity.h"
#include "cli/surroundings.h"

namespace larder::cli {
namespace {

constexpr std::chrono::milliseconds k_patience{500};
constexpr std::chrono::milliseconds k_interval{100};
constexpr std::size_t k_width = 30;

}  // namespace

void declare_progress(CLI::App& verb, ProgressForm& form) {
    verb.add_flag_callback(
        "--progress-json", [&form] { form = ProgressForm::json; },
        "Say on standard error how far it is, in lines of JSON");
}

Progress::Progress(ProgressForm form)
    : form_(form),
      wanted_(form == ProgressForm::json || is_terminal(Stream::error)),
      began_(Clock::now()),
      next_(began_) {
    if (form == ProgressForm::bar) next_ += k_patience;
}

Progress::~Progress() {
    if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::show(std::uint64_t done, std::uint64_t total) {
    if (!wanted_ || total == 0 || Clock::now() < next_) return;
    next_ = Clock::now() + k_interval;
    if (form_ == ProgressForm::bar) {
        draw(done, total);
        return;
    }
    auto json = json_object();
    json["bytes_done"] = done;
    json["bytes_total"] = total;
    std::fputs(json_line(json).c_str(), stderr);
}

void Progress::draw(std::uint64_t done, std::uint64_t total) {
    drawn_ = true;
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(k_width));
    auto line = fmt::format("\r[{}{}] {:3.0f} %  {} of {}", std::string(filled, '#'),
                            std::string(k_width - filled, ' '), share * 100, format_size(done),
                            format_size(total));
    const std::chrono::duration<double> spent = Clock::now() - began_;
    if (spent >= std::chrono::seconds(1) && done > 0) {
        const auto rate = static_cast<double>(done) / spent.count();
        const auto left = static_cast<double>(total - std::min(done, total)) / rate;
        line += fmt::format(", {}/s, {} left", format_size(static_cast<std::uint64_t>(rate)),
                            format_age(std::chrono::seconds(std::lround(left))));
    }
    line += "\033[K";
    std::fputs(line.c_str(), stderr);
}

}  // namespace larder::cli
