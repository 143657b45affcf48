// What is remembered and said of a request.
#include <algorithm>
#include <utility>

#include "cache/attempt.h"
#include "cache/gain.h"

namespace larder::internal::cache {

std::chrono::milliseconds Attempt::saved() const {
    if (!loaded_) return std::chrono::milliseconds{0};
    const std::chrono::milliseconds compiling(loaded_->compile_ms);
    const auto saved =
        compiling - std::chrono::floor<std::chrono::milliseconds>(response_.timing.total);
    // Who waits for another's compile loses nothing by it.
    return response_.timing.wait ? std::max(saved, std::chrono::milliseconds{0}) : saved;
}

std::string Attempt::called() const {
    if (!identified_.model.path.empty()) return identified_.model.path;
    return model_.path.empty() ? model_.name : model_.path;
}

std::string Attempt::name() const {
    auto text = called();
    if (text.empty()) text = "a model";
    const auto device = identified_.inputs.find("device.name");
    if (device != identified_.inputs.end()) text += " on " + device->second;
    return text;
}

RequestEnd Attempt::end() {
    RequestEnd ended;
    ended.called = called();
    ended.name = name();
    ended.store = store_;
    ended.saved = saved();
    if (loaded_) ended.compile_ms = loaded_->compile_ms;
    ended.written_bytes = written_bytes_;
    ended.identified = std::move(identified_);
    ended.asked = std::move(asked_);
    ended.response = response_;
    return ended;
}

void Attempt::weigh(std::int64_t began_ns, std::int64_t ended_ns) {
    if (!loaded_ || response_.outcome != Outcome::loaded) return;
    const auto& timing = response_.timing;
    const std::chrono::nanoseconds none{0};
    const auto spent = timing.total - timing.fingerprint.value_or(none) -
                       timing.lookup.value_or(none) - timing.wait.value_or(none);
    auto reason = reason_to_drop(session_, *store_,
                                 {*loaded_, began_ns, ended_ns, whole_milliseconds(spent)});
    if (reason.empty()) return;
    session_.log().info(name() + " is not kept any more: " + reason);
    // Where it stays, the next load sees to it.
    static_cast<void>(publish(without_blob(*loaded_, std::move(reason))));
}

}  // namespace larder::internal::cache
