#include "cache/attempt/attempt.h"

#include <cerrno>
#include <new>

namespace larder::internal::cache {
namespace {

// Runs `work`, which needs memory in proportion to a blob.
template <typename Work>
auto or_no_memory(const Attempt& attempt, const Work& work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::bad_alloc&) {
        return fail(
            Error::from_errno("cannot store a model in", attempt.store->directory(), ENOMEM));
    }
}

}  // namespace

void Attempt::ask_for_key() { asked = session.next_model().ask(store->id(), identified.key); }

Result<void> Attempt::confirm_model() { return confirm_unchanged(session, request, identified); }

Result<format::Manifest> Attempt::publish(const store::Publication& publication) {
    auto published = or_no_memory(*this, [&] { return store->publish(publication); });
    if (published && publication.durability == store::Durability::soon) {
        session.published_soon().add(store, published->key);
    }
    return published;
}

Result<std::shared_ptr<store::WrittenPart>> Attempt::write(const store::PartSource& part) {
    return or_no_memory(*this, [&] { return store->write(part); });
}

void Attempt::begin(Stage stage, std::string detail, std::uint64_t bytes_total) {
    meter.begin({stage, name(), std::move(detail), 0, bytes_total});
}

runtime::StageTimes Attempt::times() const {
    auto times = request.times();
    if (joining && times.read_model) *times.read_model += *joining;
    return times;
}

std::string Attempt::called() const {
    if (!identified.model.path.empty()) return identified.model.path;
    return model.path.empty() ? model.name : model.path;
}

std::string Attempt::name() const {
    auto text = called();
    if (text.empty()) text = "a model";
    const auto device = identified.inputs.find("device.name");
    if (device != identified.inputs.end() && !device->second.empty())
        text += " on " + device->second;
    return text;
}

void Miss::add(Miss next) {
    kind = next.kind;
    if (!next.reason.empty()) reason = std::move(next.reason);
    lacks_weights = lacks_weights || next.lacks_weights;
}

}  // namespace larder::internal::cache
