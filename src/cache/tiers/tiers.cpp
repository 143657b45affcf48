#include "cache/tiers/tiers.h"

#include <algorithm>
#include <utility>

#include "cache/tiers/tier_answer.h"

namespace larder::internal::cache {
namespace {

// A program that sends a large entry over a slow network must end at some time.
constexpr std::chrono::hours k_sending_max{1};
constexpr std::chrono::seconds k_grace{1};
constexpr std::chrono::minutes k_wait_in_silence{1};

// Returns the newest fault that was noted since `since_ns`.
std::string fault_since(state::State& state, const std::vector<std::string>& urls,
                        std::int64_t since_ns) {
    std::string text;
    auto newest_ns = since_ns;
    for (const auto& [url, use] : state.remotes()) {
        if (use.fault_at_ns < newest_ns || std::ranges::find(urls, url) == urls.end()) continue;
        newest_ns = use.fault_at_ns;
        text = url + ": " + use.fault;
    }
    return text;
}

}  // namespace

std::string send_queue(std::string_view state_directory, std::string_view larder_id) {
    return os::join(os::join(state_directory, "send"), larder_id);
}

std::string Tiers::names() const {
    std::string text;
    for (const auto& url : config_.urls) text += (text.empty() ? "" : " ") + url;
    return text;
}

process::HiddenCommand Tiers::command(std::vector<std::string> words,
                                      std::chrono::seconds lifetime) const {
    words.insert(words.begin(), "--transfer");
    return {config_.program, std::move(words), config_.environment, lifetime};
}

bool Tiers::all_rest(state::State& state) const {
    const auto now_ns = system_.clock.wall().count();
    const auto known = state.remotes();
    return std::ranges::all_of(config_.urls, [&](const std::string& url) {
        const auto use = known.find(url);
        return use != known.end() && use->second.rests_until_ns > now_ns;
    });
}

Tiers::Fetch Tiers::fetch(state::State& state, Log& log, const format::Key& key) const {
    const auto warn = [&](const std::string& why) -> Fetch {
        log.warn_once("remote", "models are compiled as without LARDER_REMOTE: " + why +
                                    "; 'larder doctor' says more");
        return {{}, why};
    };
    if (config_.program.empty()) return warn("the program larder is not beside its libraries");
    if (all_rest(state)) return {{}, "the storages of LARDER_REMOTE have failed repeatedly"};
    const auto began_ns = system_.clock.wall().count();
    const auto tell_of_wait = [&, began = system_.clock.monotonic()] {
        if (system_.clock.monotonic() - began < k_wait_in_silence) return;
        log.warn_once("remote wait",
                      "another machine compiles a model, and this one waits for it; "
                      "LARDER_LOCK_TIMEOUT limits the wait");
    };
    const auto lifetime = std::chrono::ceil<std::chrono::seconds>(config_.timeout) + k_grace;
    const auto answer = process::ask_hidden(
        command({"fetch", key.hex()}, lifetime),
        {config_.timeout, config_.timeout + config_.lock_timeout}, tell_of_wait);
    if (!answer) {
        if (answer.error().code == Errc::busy) return {{}, "a signal ended the wait for it"};
        auto why = fault_since(state, config_.urls, began_ns);
        return warn(why.empty() ? answer.error().message() : why);
    }
    switch (static_cast<TierAnswer>(*answer)) {
        case TierAnswer::nothing: return {};
        case TierAnswer::waited:
            return {{}, "another machine has been compiling it for longer than the lock timeout"};
        case TierAnswer::unheard:
            return {{}, "another machine has begun to compile it, and has not been heard of since"};
        case TierAnswer::failed:
        case TierAnswer::refused:
        case TierAnswer::unusable: {
            auto why = fault_since(state, config_.urls, began_ns);
            return warn(why.empty() ? "none of the storages can be used" : why);
        }
        case TierAnswer::fetched: break;
    }
    const auto place = *answer - static_cast<unsigned>(TierAnswer::fetched);
    if (*answer < static_cast<unsigned>(TierAnswer::fetched) || place >= config_.urls.size()) {
        return warn("the program larder is of another version");
    }
    return {config_.urls[place], {}};
}

Result<void> Tiers::send(const std::string& larder_id, const format::Key& key) const {
    if (!config_.sends || config_.program.empty() || config_.state_directory.empty()) return {};
    auto& fs = system_.fs;
    const auto queue = send_queue(config_.state_directory, larder_id);
    if (auto made = os::make_directories(fs, queue); !made) return made;
    const auto note = fs.open(os::join(queue, key.hex()), os::OpenMode::create_or_open, 0600);
    if (!note) return fail(note.error());
    return process::start_hidden(command({"send"}, k_sending_max));
}

}  // namespace larder::internal::cache
