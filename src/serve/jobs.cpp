#include "serve/jobs.h"

#include <chrono>
#include <utility>

#include "cli/failure.h"
#include "cli/runtime.h"

namespace larder::serve {
namespace {

constexpr std::chrono::milliseconds k_between_reports{200};

}  // namespace

Jobs::Jobs(const Options& options, std::function<void(const cli::Json&)> tell)
    : options_(options), tell_(std::move(tell)), json_(cli::json_object()) {
    json_["state"] = "none";
}

Jobs::~Jobs() { stop(); }

void Jobs::stop() {
    cancel();
    if (thread_.joinable()) thread_.join();
}

bool Jobs::start(Verb verb, const std::vector<std::string>& keys) {
    const std::lock_guard lock(mutex_);
    if (running_) return false;
    if (thread_.joinable()) thread_.join();
    running_ = true;
    cancelled_ = false;
    json_ = cli::json_object();
    json_["state"] = "running";
    json_["verb"] = verb == Verb::verify ? "verify" : "repair";
    json_["keys"] = keys;
    json_["done_bytes"] = 0;
    json_["total_bytes"] = 0;
    json_["result"] = nullptr;
    json_["error"] = nullptr;
    thread_ = std::thread([this, verb, keys] { run(verb, keys); });
    return true;
}

cli::Json Jobs::json() {
    const std::lock_guard lock(mutex_);
    return json_;
}

void Jobs::change(const std::function<void(cli::Json&)>& what) {
    cli::Json changed;
    {
        const std::lock_guard lock(mutex_);
        what(json_);
        changed = json_;
    }
    tell_(changed);
}

void Jobs::run(Verb verb, const std::vector<std::string>& keys) {
    using Clock = std::chrono::steady_clock;
    Clock::time_point next{};
    const auto progress = [&](std::uint64_t done, std::uint64_t total) {
        if (Clock::now() >= next) {
            next = Clock::now() + k_between_reports;
            change([&](cli::Json& json) {
                json["done_bytes"] = done;
                json["total_bytes"] = total;
            });
        }
        return !cancelled_;
    };
    try {
        cli::Json result;
        if (verb == Verb::verify) {
            result = cli::verify_json(Store(options_).verify(keys, progress));
        } else {
            result = cli::runtime().repair_entries(options_, keys, progress);
        }
        change([&](cli::Json& json) {
            json["state"] = result["complete"].get<bool>() ? "done" : "cancelled";
            json["done_bytes"] = json["total_bytes"];
            json["result"] = std::move(result);
            running_ = false;
        });
    } catch (...) {
        const auto failure = cli::current_failure();
        change([&](cli::Json& json) {
            json["state"] = "failed";
            json["error"] = {{"code", "failed"},
                             {"what", failure.what},
                             {"remedy", cli::text_or_null(failure.remedy)}};
            running_ = false;
        });
    }
}

}  // namespace larder::serve
