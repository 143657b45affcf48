#include "cli/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/json.h"
#include "cli/quantity.h"
#include "cli/surroundings.h"

namespace larder::cli {
namespace {

constexpr std::chrono::milliseconds k_patience{500};
constexpr std::chrono::milliseconds k_interval{100};
constexpr std::size_t k_width_max = 30;
constexpr std::size_t k_width_min = 5;  // a bar that is shorter says nothing

}  // namespace

std::string transfer_text(const Transfer& transfer) {
    const auto [done, total, began_at, spent] = transfer;
    const bool is_known = total > 0 && done <= total;
    auto text = format_size(done) + (is_known ? " of " + format_size(total) : "");
    if (spent < std::chrono::seconds(1) || done <= began_at) return text;
    const auto rate = static_cast<double>(done - began_at) / spent.count();
    text += ", " + format_size(static_cast<std::uint64_t>(rate)) + "/s";
    if (!is_known) return text;
    const auto left = static_cast<double>(total - done) / rate;
    return text + ", " + format_age(std::chrono::seconds(std::lround(left))) + " left";
}

void declare_progress(CLI::App& verb, ProgressForm& form) {
    verb.add_flag_callback(
        "--progress-json", [&form] { form = ProgressForm::json; },
        "Report progress on standard error, in lines of JSON");
}

Progress::Progress(ProgressForm form)
    : form_(form),
      wanted_(form == ProgressForm::json || is_terminal(Stream::error)),
      began_(Clock::now()),
      next_(began_) {
    if (form == ProgressForm::bar) next_ += k_patience;
}

Progress::~Progress() { clear(); }

void Progress::clear() {
    if (std::exchange(drawn_, false)) std::fputs("\r\033[K", stderr);
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
    auto text = fmt::format("{:3.0f} %  {}", share * 100,
                            transfer_text({done, total, 0, Clock::now() - began_}));
    constexpr std::size_t k_frame = 3;  // brackets, and a blank
    const auto columns = terminal_columns(Stream::error);
    const auto room =
        columns == 0 ? k_width_max : columns - std::min(columns, text.size() + k_frame);
    if (room > k_width_min) {
        const auto length = std::min(k_width_max, room - 1);
        const auto filled = static_cast<std::size_t>(share * static_cast<double>(length));
        text = fmt::format("[{}{}] {}", std::string(filled, '#'), std::string(length - filled, ' '),
                           text);
    } else if (columns > 0) {
        text.resize(std::min(text.size(), columns - 1));
    }
    std::fputs(("\r" + text + "\033[K").c_str(), stderr);
}

}  // namespace larder::cli
