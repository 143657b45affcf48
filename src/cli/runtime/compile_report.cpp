#include "cli/runtime/compile_report.h"

#include <array>
#include <cmath>
#include <utility>

#include "cli/quantity.h"

namespace larder::cli {
namespace {

using Stage = std::pair<const char*, std::optional<Timing::Duration>>;

std::array<Stage, 10> stages(const Timing& timing) {
    return {{{"fingerprint", timing.fingerprint},
             {"lookup", timing.lookup},
             {"wait", timing.wait},
             {"read_model", timing.read_model},
             {"compile", timing.compile},
             {"export", timing.export_blob},
             {"publish", timing.publish},
             {"verify", timing.verify},
             {"import", timing.import},
             {"share", timing.share}}};
}

// Rounds to three decimals.
double milliseconds(Timing::Duration duration) {
    const double us = std::chrono::duration<double, std::micro>(duration).count();
    return std::round(us) / 1000;
}

Colour colour_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::loaded:
        case Outcome::waited: return Colour::green;
        case Outcome::compiled: return Colour::none;
        case Outcome::bypassed: return Colour::yellow;
    }
    return Colour::none;
}

std::vector<Column> columns(std::size_t model_width, bool titled) {
    const auto title = [&](const char* text) { return std::string(titled ? text : ""); };
    return {{title("MODEL"), Align::left, model_width}, {title("OUTCOME"), Align::left, 8},
            {title("TIME"), Align::right, 8},           {title("COMPILE"), Align::right, 8},
            {title("KEPT"), Align::right, 7},           {title("REASON"), Align::left, 0}};
}

}  // namespace

Json compile_json(const CompileReport& report) {
    auto json = json_object();
    json["model"] = report.model;
    json["device"] = report.device;
    json["outcome"] = to_string(report.outcome);
    json["reason"] = report.reason;
    json["key"] = text_or_null(report.key);
    json["object"] = nullptr;
    if (!report.object_digest.empty()) {
        json["object"] = {{"digest", report.object_digest},
                          {"bytes", report.object_bytes},
                          {"kept_bytes", report.kept_bytes}};
    }
    auto& timing = json["timing_ms"] = Json::object();
    for (const auto& [name, duration] : stages(report.timing)) {
        if (duration) timing[name] = milliseconds(*duration);
    }
    timing["total"] = milliseconds(report.timing.total);
    json["sharing"] = nullptr;
    if (const auto& sharing = report.sharing) {
        json["sharing"] = {{"shared_bytes", sharing->shared_bytes},
                           {"private_bytes", sharing->private_bytes},
                           {"reason", text_or_null(sharing->reason)}};
    }
    json["memory"] = {{"rss_bytes", report.memory.rss_bytes},
                      {"peak_rss_bytes", report.memory.peak_rss_bytes}};
    json["compile_ms"] = report.compile_time ? Json(report.compile_time->count()) : Json(nullptr);
    return json;
}

Json compile_failure_json(const std::string& model, const std::string& device,
                          const Failure& failure) {
    auto json = json_object();
    json["model"] = model;
    json["device"] = device;
    json["error"] = {{"what", failure.what}, {"remedy", text_or_null(failure.remedy)}};
    return json;
}

std::string compile_titles(const Context& context, std::size_t model_width) {
    return context.whole_table(columns(model_width, true)).text();
}

std::string compile_line(const Context& context, std::size_t model_width,
                         const CompileReport& report) {
    auto table = context.whole_table(columns(model_width, false));
    table.add({{report.model},
               {to_string(report.outcome), colour_of(report.outcome)},
               {format_duration(report.timing.total)},
               {report.compile_time ? format_duration(*report.compile_time) : "-"},
               {report.object_digest.empty() ? "-" : format_size(report.kept_bytes)},
               {report.reason}});
    auto text = table.text();
    if (!context.verbose()) return text;
    for (const auto& [name, duration] : stages(report.timing)) {
        if (duration) text += "    " + std::string(name) + " " + format_duration(*duration) + "\n";
    }
    return text;
}

}  // namespace larder::cli
