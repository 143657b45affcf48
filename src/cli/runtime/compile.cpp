#include <algorithm>

#include "cli/runtime/compile_report.h"
#include "cli/runtime/request.h"
#include "cli/runtime/verbs.h"
#include "cli/stage_line.h"
#include "cli/surroundings.h"
#include "cli/text.h"
#include "larder/store.hpp"

namespace larder::cli {
namespace {

class Compiler {
public:
    Compiler(const Context& context, const CompileFlags& flags)
        : context_(context),
          flags_(flags),
          stage_(context.verbose() ? StageLine::Lines::per_stage : StageLine::Lines::none),
          properties_(parse_properties(flags.request.properties)),
          shapes_(parse_shapes(flags.request.shapes)),
          options_(options_of(context, stage_)),
          cache_(options_) {
        for (const auto& model : flags.models) {
            model_width_ = std::max(model_width_, width(model));
        }
    }

    int run() {
        int exit_code = k_done;
        bool has_failed = false;
        for (const auto& model : flags_.models) {
            try {
                const auto report = request(model);
                print(report);
                if (report.outcome == Outcome::bypassed && is_to_be_kept()) exit_code = k_not_kept;
            } catch (const CommandError&) {
                throw;  // it concerns every model
            } catch (const std::exception&) {
                const auto failure =
                    request_failure(core_, model, flags_.request.device, properties_);
                if (failure.exit_code == k_usage) throw CommandError(failure);
                print(model, failure);
                has_failed = true;
            }
        }
        cache_.flush();
        return has_failed ? k_failed : exit_code;
    }

private:
    static Options options_of(const Context& context, StageLine& stage) {
        auto options = context.options();
        // A user who runs `compile` wants the model published, even if that gains nothing.
        options.keep = Keep::all;
        stage.listen(options);
        // The output describes the published entry.
        options.publish = Publish::first;
        return options;
    }

    // Another handle on the larder, which does not repeat the warnings of the cache.
    Store silent_store() const {
        auto options = options_;
        options.log_sink = [](LogLevel, std::string_view) {};
        return Store(std::move(options));
    }

    // Of what was compiled of this model for the device, the last.
    std::optional<std::chrono::milliseconds> earlier_compile_time(const std::string& model) const {
        try {
            const auto store = silent_store();
            std::optional<EntryInfo> last;
            for (const auto& key : store.keys_of_model(absolute(model))) {
                auto entry = store.entry(key);
                const bool is_of_device = entry.device == flags_.request.device;
                if (is_of_device && (!last || entry.created_at > last->created_at)) {
                    last = std::move(entry);
                }
            }
            if (last) return last->compile_time;
        } catch (const Error&) {
            // Nobody misses it.
        }
        return std::nullopt;
    }

    // A user who switches larder off does not expect anything to be published.
    bool is_to_be_kept() const { return !flags_.best_effort && options_.mode != Mode::off; }

    CompileReport request(const std::string& model) {
        check_is_model(model);
        cache_.check_model(model);
        stage_.expect([this, model] { return earlier_compile_time(model); });
        CompileReport report;
        report.model = model;
        report.device = flags_.request.device;
        auto result = shapes_.empty() ? cache_.compile_model(core_, std::filesystem::path(model),
                                                             report.device, properties_)
                                      : request_reshaped(model);
        report.memory = memory_in_use();
        report.outcome = result.outcome;
        report.reason = result.reason;
        report.key = result.key;
        report.object_digest = result.object_digest;
        report.object_bytes = result.object_bytes;
        report.kept_bytes = result.kept_bytes;
        report.timing = result.timing;
        report.sharing = result.sharing;
        report.compile_time = compile_time(result);
        return report;
    }

    Result request_reshaped(const std::string& path) {
        const auto start = std::chrono::steady_clock::now();
        const auto model = read_reshaped(core_, path, shapes_);
        const auto read = std::chrono::steady_clock::now() - start;
        auto result =
            cache_.compile_model(core_, ReadModel{model, path}, flags_.request.device, properties_);
        result.timing.read_model = result.timing.read_model.value_or(Timing::Duration{0}) + read;
        result.timing.total += read;
        return result;
    }

    // The entry records it for later loads.
    std::optional<std::chrono::milliseconds> compile_time(const Result& result) const {
        if (result.timing.compile) {
            const auto read = result.timing.read_model.value_or(Timing::Duration{0});
            return std::chrono::duration_cast<std::chrono::milliseconds>(read +
                                                                         *result.timing.compile);
        }
        if (result.object_digest.empty() || context_.format() == Format::keys) return std::nullopt;
        try {
            return silent_store().entry(result.key).compile_time;
        } catch (const Error&) {
            return std::nullopt;  // removed again; the model is there
        }
    }

    void print(const CompileReport& report) {
        stage_.clear();
        switch (context_.format()) {
            case Format::json: Context::print(json_line(compile_json(report))); return;
            case Format::keys: Context::print_key(report.key); return;
            case Format::table: break;
        }
        if (!titles_printed_) Context::print(compile_titles(context_, model_width_));
        titles_printed_ = true;
        Context::print(compile_line(context_, model_width_, report));
    }

    void print(const std::string& model, const Failure& failure) {
        stage_.clear();
        if (context_.format() == Format::json) {
            Context::print(json_line(compile_failure_json(model, flags_.request.device, failure)));
        }
        print_failure(failure);
    }

    const Context& context_;
    const CompileFlags& flags_;
    StageLine stage_;
    ov::AnyMap properties_;
    std::vector<InputShape> shapes_;
    Options options_;
    Cache cache_;
    ov::Core core_;
    std::size_t model_width_ = 0;
    bool titles_printed_ = false;
};

}  // namespace

int compile(const Context& context, const CompileFlags& flags) {
    return Compiler(context, flags).run();
}

}  // namespace larder::cli
