#include <utility>

#include "cache/attempt/load.h"
#include "cache/blob/model_bytes.h"
#include "cache/identify/encrypted_blob.h"
#include "cache/session/stopwatch.h"

namespace larder::internal::cache {
namespace {

tl::unexpected<Unopened> unopened(Error error, bool lacks_weights = false) {
    return tl::unexpected<Unopened>({std::move(error), Miss::Kind::other, lacks_weights});
}

// Decrypts the object with the program's callbacks.
tl::expected<void, Unopened> decrypt_with_callbacks(Attempt& attempt,
                                                    const format::Manifest& manifest,
                                                    store::MappedObject& object) {
    const auto* const encryption = attempt.request.encryption();
    if (encryption == nullptr) {
        return unopened(fail(Errc::incompatible, "it was encrypted by callbacks").value());
    }
    auto mapping = decrypt(object.bytes(), manifest.key, *encryption);
    if (!mapping) {
        auto result = unopened(std::move(mapping.error()));
        if (result.value().error.code == Errc::incompatible) {
            result.value().kind = Miss::Kind::of_other_callbacks;
        }
        return result;
    }
    object.mapping = std::move(*mapping);
    object.ranges.clear();
    return {};
}

// The model's files may have changed while the object that refers to them was put together.
Result<void> confirm_files(Attempt& attempt, const ModelBytes& model) {
    auto same = model.confirm();
    if (same && !is_settled(attempt.identified)) return attempt.confirm_model();
    return same;
}

}  // namespace

tl::expected<store::MappedObject, Unopened> open_blob(Attempt& attempt,
                                                      format::Manifest& manifest) {
    const Stopwatch watch(attempt.clock(), attempt.timing.verify);
    attempt.begin(Stage::verifying, {}, manifest.own_part().bytes);
    ModelBytes model(attempt.session, attempt.identified);
    bool lacks_weights = false;
    const auto find_source = [&](const format::Referred& referred) {
        auto found = model.find(referred);
        if (!found && found.error().code == Errc::not_found) lacks_weights = true;
        return found;
    };
    while (true) {
        auto object = attempt.store->open_blob(manifest, attempt.config().verify, find_source,
                                               attempt.meter.adder());
        if (!object) {
            if (object.error().code == Errc::not_found) {
                auto now = attempt.store->find(attempt.identified.key).manifest;
                if (now && !is_withheld(*now) && now->parts != manifest.parts) {
                    manifest = std::move(*now);
                    continue;
                }
            }
            return unopened(std::move(object.error()), lacks_weights);
        }
        if (manifest.encoding == format::Encoding::encrypted) {
            if (auto done = decrypt_with_callbacks(attempt, manifest, *object); !done) {
                return tl::unexpected(std::move(done.error()));
            }
        }
        if (manifest.encoding == format::Encoding::referring) {
            if (auto same = confirm_files(attempt, model); !same) {
                return unopened(std::move(same.error()), true);
            }
        }
        return std::move(*object);
    }
}

Miss miss_of(Attempt& attempt, const Unopened& unopened) {
    Miss result{unopened.kind, unopened.error.message(), unopened.lacks_weights};
    const auto code = unopened.error.code;
    // If the entry was evicted since it was found, this is a plain miss.
    if (code == Errc::not_found && !attempt.store->find(attempt.identified.key).manifest) {
        result.reason = "it is not kept any more";
        return result;
    }
    if (result.kind == Miss::Kind::of_other_callbacks || result.lacks_weights) return result;
    attempt.log().warn_once("object", "the kept blob cannot be used: " + result.reason);
    // The reason has no path, because reasons are counted by kind; the warning has it.
    if (code == Errc::damaged) result.reason = "the kept blob was damaged";
    if (code == Errc::not_found) result.reason = "the kept blob is gone";
    return result;
}

}  // namespace larder::internal::cache
