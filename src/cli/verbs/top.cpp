// Shows current activity repeatedly, until the user ends it.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/failure.h"
#include "cli/interruption.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/outcomes.h"
#include "cli/quantity.h"
#include "cli/surroundings.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace larder::cli {
namespace {

using std::chrono::milliseconds;

// The span of time of the recent requests that are shown.
constexpr std::chrono::hours k_recently{1};
constexpr milliseconds k_pause_min{1000};
// As `larder serve`: no more than a twentieth of a core goes into looking.
constexpr int k_pause_per_look = 20;

struct Look {
    std::string directory;
    Stats ever;
    Stats recently;
    std::vector<Compiling> compiling;
};

Look look_at(const Options& options) {
    // Anew each time: what was no larder may have become one.
    const Store store(options);
    return {store.directory().string(), store.stats(), store.stats(now() - k_recently),
            store.compiling()};
}

// "[#####     ] 48 % of 25.2 GB".
std::string filling_text(const Stats& stats) {
    if (stats.max_size_bytes == 0) return format_size(stats.total_bytes);
    constexpr std::uint64_t k_columns = 20;
    const auto part = [&](std::uint64_t of) {
        return std::min(of, stats.total_bytes * of / stats.max_size_bytes);
    };
    constexpr std::uint64_t k_percent = 100;
    return "[" + std::string(part(k_columns), '#') + std::string(k_columns - part(k_columns), ' ') +
           "] " + std::to_string(part(k_percent)) + " %  " +
           fill_text(stats.total_bytes, stats.max_size_bytes);
}

std::string age_of(TimePoint since) {
    return format_age(std::chrono::floor<std::chrono::seconds>(now() - since));
}

// The processes that compile, each followed by the processes that wait for it.
std::string compiling_table(const Context& context, const std::vector<Compiling>& compiling) {
    if (compiling.empty()) return "no model is being compiled\n";
    auto table = context.table(
        {{"PROCESS", Align::right}, {"DOES"}, {"SINCE", Align::right}, {"MODEL OR PROGRAM"}});
    for (const auto& each : compiling) {
        table.add({{std::to_string(each.process)},
                   {each.is_here ? "compiles" : "compiles elsewhere", Colour::green},
                   {age_of(each.since)},
                   {each.what}});
        for (const auto& waiting : each.waiting) {
            // When it began to wait is nowhere to be read.
            table.add({{std::to_string(waiting.process)},
                       {"waits for " + std::to_string(each.process), Colour::yellow},
                       {"≤ " + age_of(waiting.started_at)},
                       {waiting.program}});
        }
    }
    return table.text();
}

std::string text_of(const Context& context, const Look& look) {
    auto facts = context.table({{}, {.cut = Cut::end}});
    const auto fact = [&](const char* name, std::string value) {
        facts.add({{name, Colour::faint}, {std::move(value)}});
    };
    fact("larder", look.directory);
    fact("kept", filling_text(look.ever));
    fact("ever", rate_text(look.ever.total));
    fact("last hour", rate_text(look.recently.total));
    auto text = facts.text() + "\n" + compiling_table(context, look.compiling);
    if (look.recently.by_model.empty()) return text;
    std::vector<std::pair<std::string, Stats::Outcomes>> models(look.recently.by_model.begin(),
                                                                look.recently.by_model.end());
    std::ranges::stable_sort(models, std::greater{},
                             [](const auto& model) { return requests_of(model.second); });
    OutcomesTable table(context, "MODEL", look.recently.total);
    for (const auto& [name, outcomes] : models) table.add(name, outcomes);
    return text + "\nin the last hour:\n" + table.text();
}

Json json_of(const Look& look) {
    auto json = json_object();
    json["directory"] = look.directory;
    json["compiling"] = compiling_json(look.compiling);
    json["total_bytes"] = look.ever.total_bytes;
    json["max_size_bytes"] = look.ever.max_size_bytes;
    json["ever"] = outcomes_json(look.ever.total);
    json["last_hour"] = outcomes_json(look.recently.total);
    return json;
}

// Its lines from the top of the terminal on, as far as there is room.
void draw(const std::string& text) {
    constexpr std::size_t k_rows_default = 24;
    const auto rows = terminal_rows(Stream::out);
    auto lines = split(text, '\n');
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    lines.resize(std::min(lines.size(), (rows == 0 ? k_rows_default : rows) - 1));
    std::string screen = "\033[H";
    for (const auto& line : lines) screen += line + "\033[K\n";
    Context::print(screen + "\033[J");
}

int run_live(const Context& context, const Options& options) {
    const Interruption interruption;
    const FullScreen screen;
    while (!Interruption::happened()) {
        const auto start = std::chrono::steady_clock::now();
        draw(text_of(context, look_at(options)) + "\nq ends it\n");
        const auto took = std::chrono::steady_clock::now() - start;
        const auto pause = std::max(
            k_pause_min, std::chrono::duration_cast<milliseconds>(took) * k_pause_per_look);
        const auto key = screen.wait_for_key(pause);
        if (key == Key::end || key == Key::quit) break;
    }
    return k_done;
}

int run_top(const Context& context) {
    const auto options = context.options();
    switch (context.format()) {
        case Format::json: Context::print(json_line(json_of(look_at(options)))); return k_done;
        case Format::keys:
            for (const auto& each : look_at(options).compiling) Context::print_key(each.key);
            return k_done;
        case Format::table: break;
    }
    if (is_terminal(Stream::in) && is_terminal(Stream::out)) return run_live(context, options);
    Context::print(text_of(context, look_at(options)));
    return k_done;
}

}  // namespace

Run declare_top(CLI::App& /*verb*/) { return run_top; }

}  // namespace larder::cli
