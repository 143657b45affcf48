#include "cache/identify/key.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "cache/identify/encrypted_blob.h"
#include "cache/identify/family.h"
#include "cache/identify/link.h"
#include "cache/session/progress.h"
#include "cache/session/remembered_fingerprints.h"
#include "cache/session/stopwatch.h"
#include "model/loaded_file.h"
#include "os/address_space.h"

namespace larder::internal::cache {
namespace {

// How much may be hashed to look for the model under another key: a small part of a compile's time.
constexpr std::uint64_t k_hashed_for_another_bytes_max = std::uint64_t{16} << 20;

// Also collects where the hashed memory lies in files, and the family of the model.
class RememberingHasher final : public runtime::MemoryHasher {
public:
    explicit RememberingHasher(Session& session, std::uint64_t hashed_bytes_max =
                                                     std::numeric_limits<std::uint64_t>::max())
        : session_(session), hashed_bytes_max_(hashed_bytes_max) {}
    Result<std::vector<Digest>> hash(std::span<const std::span<const std::byte>> ranges) override {
        os::ProcAddressSpace address_space;
        RememberedFingerprints memory(session_.state());
        auto hashed =
            model::hash_memory(session_.system(), address_space, memory, ranges, hashed_bytes_max_);
        if (!hashed) return fail(std::move(hashed.error()));
        content_ = std::move(*hashed);
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            families_.add(ranges[i].size(), content_.digests[i]);
        }
        return content_.digests;
    }
    [[nodiscard]] const Families& families() const { return families_; }
    [[nodiscard]] model::MemoryContent& content() { return content_; }

private:
    Session& session_;
    std::uint64_t hashed_bytes_max_;
    model::MemoryContent content_;
    Families families_;
};

// Hashes only the beginning of the largest range.
class BeginningHasher final : public runtime::MemoryHasher {
public:
    explicit BeginningHasher(Session& session) : session_(session) {}
    Result<std::vector<Digest>> hash(std::span<const std::span<const std::byte>> ranges) override {
        constexpr std::size_t k_bytes = std::size_t{64} << 10;
        const auto largest =
            std::ranges::max_element(ranges, {}, &std::span<const std::byte>::size);
        if (largest != ranges.end() && largest->size() >= k_bytes) {
            os::ProcAddressSpace address_space;
            RememberedFingerprints memory(session_.state());
            const auto beginning = largest->first(k_bytes);
            const auto hashed = model::hash_memory(session_.system(), address_space, memory,
                                                   std::span(&beginning, 1));
            if (hashed) families_.add(largest->size(), hashed->digests.front());
        }
        return fail(Errc::unsupported, "only the beginning was hashed");
    }
    [[nodiscard]] const Families& families() const { return families_; }

private:
    Session& session_;
    Families families_;
};

Result<Digest> fingerprint_files(Session& session, const std::string& path, Identified& into) {
    RememberedFingerprints memory(session.state());
    const auto& sink = session.config().progress;
    model::HashProgress progress;
    if (sink) {
        progress = [&](std::uint64_t done, std::uint64_t total) {
            sink({Stage::identifying, path + " on " + into.inputs["device.name"], {}, done, total});
        };
    }
    auto found = model::fingerprint(session.system(), memory, path, progress);
    if (!found) return fail(std::move(found.error()));
    into.model.kind = model::to_string(found->kind);
    Families families;
    for (const auto& file : found->files) {
        families.add(file.stamp.size_bytes, file.digest);
        into.model.files.push_back({file.role, file.digest, file.stamp.size_bytes});
    }
    if (found->files.size() > 1) families.add_graph(found->files.front().digest);
    into.families = families.on(into.inputs["device.name"]);
    const Digest digest = found->fingerprint.digest;
    into.files = std::move(*found);
    return digest;
}

Result<Digest> fingerprint_memory(Session& session, runtime::Request& request, Identified& into) {
    RememberingHasher hasher(session);
    auto digest = request.fingerprint_model(hasher);
    into.weights = std::move(hasher.content());
    into.families = hasher.families().on(into.inputs["device.name"]);
    if (const auto names = request.fingerprint_names()) into.inputs["model.names"] = names->hex();
    return digest;
}

// Adds the content of the libraries that the process brought along to the inputs.
Result<void> add_code(Session& session, std::span<const runtime::LoadedCode> code,
                      format::KeyInputs& inputs) {
    os::ProcAddressSpace address_space;
    RememberedFingerprints memory(session.state());
    model::LoadedFiles files(session.system(), address_space, memory);
    for (const auto& [name, address] : code) {
        const auto digest = files.digest(name, address);
        if (!digest) return fail(digest.error());
        // Libraries of the same name differ in their content alone; one may be reported twice.
        auto& value = inputs["library." + name];
        if (value.find(digest->hex()) != std::string::npos) continue;
        value += (value.empty() ? "" : " ") + digest->hex();
    }
    return {};
}

Result<void> add_files(Session& session, const std::map<std::string, std::string>& files,
                       format::KeyInputs& inputs) {
    RememberedFingerprints memory(session.state());
    for (const auto& [name, path] : files) {
        const auto digest = model::hash_file(session.system(), memory, path);
        if (!digest) return fail(digest.error());
        if (*digest) inputs[name] = (*digest)->hex();
    }
    return {};
}

// Says whether and why the device refuses blobs of the model. The answer stays valid for as long as
// the device's library is the same.
std::string refusal(Session& session, runtime::Request& request, const runtime::Doubt& doubt,
                    format::KeyInputs inputs) {
    constexpr const char* k_none = "taken";
    auto& fs = session.system().fs;
    const auto library = fs.info(doubt.library);
    if (!library) return request.find_refusal().value_or("");
    inputs["model.part"] = doubt.part.hex();
    const auto kind = "refusal 1 " + format::key_of(inputs).hex();
    if (const auto known = session.state().derived(library->stamp, kind)) {
        return *known == k_none ? std::string{} : *known;
    }
    const auto found = request.find_refusal();
    if (found && os::is_settled(library->stamp, session.system().clock.wall().count())) {
        session.state().remember_derived(library->stamp, kind, found->empty() ? k_none : *found);
    }
    return found.value_or("");
}

std::string in_memory(const Digest& digest) { return "memory:" + digest.hex(); }

// The origin is part of the fingerprint: the same 32 bytes mean different things by origin.
Result<std::string> fingerprint(Session& session, runtime::Request& request,
                                const ModelReference& model, runtime::ModelContent content,
                                Identified& into) {
    format::ModelInfo& info = into.model;
    const auto hash_graph = [&]() -> Result<std::string> {
        info.kind = "memory";
        const auto digest = fingerprint_memory(session, request, into);
        if (!digest) return fail(digest.error());
        const auto code = request.code_of_model();
        if (!code) return fail(code.error());
        if (auto added = add_code(session, *code, into.inputs); !added) {
            return fail(std::move(added.error()));
        }
        return in_memory(*digest);
    };
    switch (model.origin) {
        case ModelOrigin::path: {
            info.path = model.path;
            if (content == runtime::ModelContent::graph) return hash_graph();
            const auto digest = fingerprint_files(session, model.path, into);
            if (!digest) return fail(digest.error());
            return "files:" + digest->hex();
        }
        case ModelOrigin::memory: {
            auto hashed = hash_graph();
            const auto file = into.weights ? file_of(*into.weights) : std::string{};
            info.path = !model.path.empty()      ? model.path
                        : file.ends_with(".xml") ? file
                                                 : model.name;
            return hashed;
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
    runtime::Identity identity;
    {
        const Stopwatch watch(session.system().clock, timing.lookup);
        auto found = request.identify();
        if (!found) return fail(std::move(found.error()));
        identity = std::move(*found);
    }
    identified.caching = identity.caching;
    identified.reason = std::move(identity.reason);
    identified.needs_more = identity.needs_more;
    identified.maps_files = identity.maps_files;
    identified.inputs = std::move(identity.inputs);
    if (const auto* const encryption = request.encryption(); encryption != nullptr) {
        if (identified.caching == runtime::Caching::directory) {
            identified.caching = runtime::Caching::none;
            identified.reason = "the device writes its files itself, not encrypted";
        } else if (identified.caching == runtime::Caching::blob) {
            auto name = name_of(*encryption);
            if (!name) return fail(std::move(name.error()));
            identified.inputs[k_encryption_input] = std::move(*name);
        }
    }
    if (identified.caching == runtime::Caching::blob && identity.doubt) {
        identified.reason = refusal(session, request, *identity.doubt, identified.inputs);
        if (!identified.reason.empty()) identified.caching = runtime::Caching::none;
    }
    if (identified.caching == runtime::Caching::none) return identified;
    const Stopwatch watch(session.system().clock, timing.fingerprint);
    if (auto added = add_files(session, identity.files, identified.inputs); !added) {
        return fail(std::move(added.error()));
    }
    if (auto added = add_code(session, identity.code, identified.inputs); !added) {
        return fail(std::move(added.error()));
    }
    auto content = fingerprint(session, request, model, identity.model_content, identified);
    if (!content) return fail(std::move(content.error()));
    identified.inputs["model.fingerprint"] = std::move(*content);
    identified.key = format::key_of(identified.inputs);
    return identified;
}

void number_key(Identified& identified, unsigned machine) {
    constexpr const char* k_input = "device.number";
    if (machine == 0) {
        identified.inputs.erase(k_input);
    } else {
        identified.inputs[k_input] = std::to_string(machine);
    }
    identified.key = format::key_of(identified.inputs);
}

std::optional<GraphKey> key_of_graph(Session& session, runtime::Request& request,
                                     const format::KeyInputs& inputs_by_path) {
    RememberingHasher hasher(session, k_hashed_for_another_bytes_max);
    const auto digest = request.fingerprint_model(hasher);
    const auto code = digest ? request.code_of_model() : fail(digest.error());
    if (!code) return std::nullopt;
    auto inputs = inputs_by_path;
    if (!add_code(session, *code, inputs)) return std::nullopt;
    inputs["model.fingerprint"] = in_memory(*digest);
    return GraphKey{format::key_of(inputs), std::move(hasher.content())};
}

std::optional<Identified> identify_file(Session& session, runtime::Request& request,
                                        const std::string& path) {
    RememberedFingerprints memory(session.state());
    const auto source = model::find_model_source(session.system(), memory, path);
    if (!source) return std::nullopt;
    // There is no entry of a model that was never hashed, or at least not by this machine.
    const bool is_known = std::ranges::all_of(source->files, [&](const model::ModelFile& file) {
        return memory.find(file.stamp).has_value();
    });
    if (!is_known) return std::nullopt;
    ModelReference reference;
    reference.origin = ModelOrigin::path;
    reference.path = path;
    Timing timing;
    auto identified = identify(session, request, reference, timing);
    if (!identified || identified->caching != runtime::Caching::blob || !identified->files) {
        return std::nullopt;
    }
    return std::move(*identified);
}

void add_family_of_graph(Session& session, runtime::Request& request, Identified& identified) {
    BeginningHasher hasher(session);
    static_cast<void>(request.fingerprint_model(hasher));
    std::ranges::copy(hasher.families().on(identified.inputs["device.name"]),
                      std::back_inserter(identified.families));
}

bool is_settled(const Identified& identified) {
    if (identified.files) {
        return std::ranges::all_of(identified.files->files, [](const auto& file) {
            return file.settled == model::Settled::yes;
        });
    }
    return !identified.weights ||
           std::ranges::all_of(identified.weights->files, &model::MappedFile::settled);
}

Result<void> confirm_unchanged(Session& session, runtime::Request& request,
                               const Identified& identified) {
    if (identified.files) return model::confirm_unchanged(session.system(), *identified.files);
    if (!identified.weights) return {};
    const auto& files = identified.weights->files;
    if (auto same = model::confirm_unchanged(session.system().fs, files); !same) return same;
    if (is_settled(identified)) return {};
    // The file was written just before it was hashed: a change right after that would leave no
    // trace.
    Identified again;
    const auto digest = fingerprint_memory(session, request, again);
    if (!digest) return fail(digest.error());
    if (in_memory(*digest) != identified.inputs.at("model.fingerprint")) {
        return fail(Errc::busy, "the model changed while it was compiled");
    }
    return {};
}

}  // namespace larder::internal::cache
