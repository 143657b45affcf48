#include <utility>

#include "cache/attempt/around_import.h"
#include "cache/attempt/load.h"
#include "cache/entries/notes.h"

namespace larder::internal::cache {
namespace {

// The object is replaced only once a compile has succeeded: if that fails too, the blob was not to
// blame.
void object_to(Attempt& attempt, const Digest& object, bool was_proven, const Error& refusal) {
    auto& objections = attempt.objections;
    objections.refused = object;
    // Once proven, a blob may still be refused for other things that this request asks for: no
    // refusal is counted then.
    if (!was_proven && refusal.code == Errc::incompatible) ++objections.refusals;
    auto warning = "the runtime did not accept the kept blob: " + refusal.message();
    // A blob that the runtime has never accepted is the runtime's own fault: after k_refusals_max
    // loads it is not published again.
    if (was_proven) {
        objections.warning = std::move(warning);
    } else {
        attempt.log().info(warning);
    }
}

}  // namespace

OrMiss<Sharing> import_blob(Attempt& attempt, const format::Manifest& manifest,
                            const store::MappedObject& object,
                            const process::ThreadMark* compiled) {
    AroundImport around(attempt, manifest, object, compiled);
    attempt.request.expect_port_names(note_in(manifest, k_ports_note));
    attempt.request.expect_settled_properties(note_in(manifest, k_settled_note));
    around.begin_kernels();
    attempt.begin(Stage::loading);
    const auto imported =
        attempt.request.import_blob(around.blob(), manifest.weights == format::Weights::external);
    around.drop_pages();
    if (imported) return around.accept();
    around.withdraw();
    object_to(attempt, manifest.own_part().object, around.was_proven(), imported.error());
    return miss(imported.error().message());
}

}  // namespace larder::internal::cache
