#include "cache/key.h"

#include <utility>

#include "cache/stopwatch.h"
#include "model/memory.h"

namespace larder::internal::cache {
namespace {

class RememberedFingerprints final : public model::FingerprintMemory {
public:
    explicit RememberedFingerprints(store::State& state) : state_(state) {}
    std::optional<Digest> find(const os::FileStamp& stamp) override {
        return state_.fingerprint(stamp);
    }
    void remember(const os::FileStamp& stamp, const Digest& digest) override {
        state_.remember_fingerprint(stamp, digest);
    }
    std::optional<std::string> find_derived(const os::FileStamp& stamp,
                                            std::string_view kind) override {
        return state_.derived(stamp, kind);
    }
    void remember_derived(const os::FileStamp& stamp, std::string_view kind,
                          std::string_view text) override {
        state_.remember_derived(stamp, kind, text);
    }

private:
    store::State& state_;
};

Result<Digest> fingerprint_files(Session& session, const std::string& path, Identified& into) {
    RememberedFingerprints memory(session.state());
    auto found = model::fingerprint(session.system(), memory, path);
    if (!found) return fail(std::move(found.error()));
    into.model.kind = model::to_string(found->kind);
    for (const auto& file : found->files) {
        into.model.files.push_back({file.role, file.digest, file.stamp.size_bytes});
    }
    const Digest digest = found->fingerprint.digest;
    into.files = std::move(*found);
    return digest;
}

// The same 32 bytes mean different things by where they come from.
Result<std::string> fingerprint(Session& session, runtime::Request& request,
                                const ModelReference& model, Identified& into) {
    format::ModelInfo& info = into.model;
    switch (model.origin) {
        case ModelOrigin::path: {
            info.path = model.path;
            const auto digest = fingerprint_files(session, model.path, into);
            if (!digest) return fail(digest.error());
            return "files:" + digest->hex();
        }
        case ModelOrigin::memory: {
            info.path = model.name;
            info.kind = "memory";
            const auto digest = request.fingerprint_model();
            if (!digest) return fail(digest.error());
            return "memory:" + digest->hex();
        }
        case ModelOrigin::caller:
            info.path = model.name;
            info.kind = "caller";
            return "caller:" + model.fingerprint.value().hex();
    }
    return fail(Errc::invalid_argument, "the model has no origin");
}

}  // namespace

Result<Identified> identify(Session& session, runtime::Request& request,
                            const ModelReference& model, Timing& timing) {
    Identified identified;
    {
        const Stopwatch watch(session.system().clock, timing.lookup);
        auto identity = request.identify();
        if (!identity) return fail(std::move(identity.error()));
        identified.caching = identity->caching;
        identified.reason = std::move(identity->reason);
        identified.inputs = std::move(identity->inputs);
    }
    if (identified.caching == runtime::Caching::none) return identified;
    const Stopwatch watch(session.system().clock, timing.fingerprint);
    auto content = fingerprint(session, request, model, identified);
    if (!content) return fail(std::move(content.error()));
    identified.inputs["model.fingerprint"] = std::move(*content);
    identified.key = format::key_of(identified.inputs);
    return identified;
}

}  // namespace larder::internal::cache
