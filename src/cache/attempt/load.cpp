#include "cache/attempt/load.h"

#include <new>
#include <utility>

#include "cache/attempt/compile.h"
#include "cache/attempt/files.h"
#include "cache/attempt/trials.h"

namespace larder::internal::cache {
namespace {

OrMiss<Served> load_blob(Attempt& attempt, format::Manifest& manifest) {
    if (attempt.objections.refused == manifest.own_part().object) return miss(Miss::Kind::other);
    const auto object = open_blob(attempt, manifest);
    if (!object) return tl::unexpected(miss_of(attempt, object.error()));
    auto sharing = import_blob(attempt, manifest, *object);
    if (!sharing) return tl::unexpected(std::move(sharing.error()));
    Served served;
    served.response.outcome = Outcome::loaded;
    served.response.sharing = std::move(*sharing);
    return served;
}

// Compiles, without publishing anything.
OrMiss<Served> compile_withheld(Attempt& attempt, const format::Manifest& manifest) {
    const auto model = ReadableModel::make(attempt);
    if (!model) return miss(model.error().message());
    const auto control = begin_control(attempt);
    attempt.request.compile();
    watch(attempt.session, control);
    Served served;
    served.response.reason = describe_withheld(manifest);
    return served;
}

OrMiss<Served> find_and_load(Attempt& attempt, Locked locked) {
    auto manifest = find_entry(attempt, locked);
    if (!manifest) return tl::unexpected(std::move(manifest.error()));
    if (is_withheld(*manifest)) return compile_withheld(attempt, *manifest);
    attempt.store->mark_used(attempt.identified.key);
    auto served = manifest->encoding == format::Encoding::files ? load_files(attempt, *manifest)
                                                                : load_blob(attempt, *manifest);
    if (served && served->response.outcome == Outcome::loaded) {
        auto& response = served->response;
        response.object = manifest->own_part().object;
        response.object_bytes = manifest->total_bytes();
        response.kept_bytes = manifest->total_bytes() - manifest->referred_bytes();
        served->loaded = std::move(*manifest);
    }
    return served;
}

}  // namespace

// With too little memory to load, the request compiles.
OrMiss<Served> load(Attempt& attempt, Locked locked) {
    try {
        return find_and_load(attempt, locked);
    } catch (const std::bad_alloc&) {
        return miss("there is too little memory to load the kept blob");
    }
}

OrMiss<Served> load_any(Attempt& attempt, Keys& keys) {
    Miss miss{Miss::Kind::other, k_first_miss};
    while (true) {
        auto served = load(attempt, Locked::no);
        if (served) return served;
        miss.add(std::move(served.error()));
        if (!keys.next(miss)) return tl::unexpected(std::move(miss));
    }
}

}  // namespace larder::internal::cache
