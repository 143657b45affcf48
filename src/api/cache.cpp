#include <array>
#include <utility>

#include "api/convert.h"
#include "api/open_cache.h"
#include "api/serving.h"
#include "base/digest.h"
#include "cache/attempt/explain.h"
#include "cache/session/report.h"
#include "larder/larder.hpp"
#include "model/source.h"
#include "openvino/recorded_properties.h"
#include "openvino/request.h"
#include "os/file_system.h"

namespace larder {
namespace {

namespace cache = internal::cache;
namespace openvino = internal::openvino;

cache::ModelReference reference_to(const std::filesystem::path& path) {
    cache::ModelReference reference;
    // The path stays valid if the program changes its working directory, and for other processes.
    reference.path = internal::os::absolute_path(path.string());
    return reference;
}

cache::ModelReference reference_to(const std::shared_ptr<const ov::Model>& model) {
    if (!model) throw Error(ErrorCode::invalid_argument, "the model is a null pointer");
    cache::ModelReference reference;
    reference.origin = cache::ModelOrigin::memory;
    reference.name = model->get_friendly_name();
    return reference;
}

cache::ModelReference reference_to(const ReadModel& model) {
    auto reference = reference_to(model.model);
    reference.path = internal::os::absolute_path(model.file.string());
    return reference;
}

}  // namespace

bool is_serving() noexcept { return api::Serving::is_under_way(); }

Fingerprint Fingerprint::of(std::span<const std::byte> content) {
    return Fingerprint(internal::hash_bytes(content).bytes);
}

struct Cache::Impl {
    explicit Impl(Options given) : cache(std::move(given)) {}

    Result serve(ov::Core& core, openvino::ModelInput input, const cache::ModelReference& model,
                 const openvino::Target& target, const ov::AnyMap& properties) {
        const api::Serving guard;
        openvino::Request request(core, std::move(input), target, properties);
        const auto response = cache.serve(request, model);
        return publicise(response, request.take());
    }

    Explanation explain(ov::Core& core, openvino::ModelInput input,
                        const cache::ModelReference& model, const std::string& device,
                        const ov::AnyMap& properties) {
        openvino::Request request(core, std::move(input), device, properties);
        return api::value_or_throw(cache::explain(cache.session(), request, model));
    }

    static Result publicise(const cache::Response& response, ov::CompiledModel model) {
        Result result;
        result.model = std::move(model);
        result.outcome = response.outcome;
        result.reason = response.reason;
        if (response.key) result.key = response.key->hex();
        if (response.object) result.object_digest = response.object->hex();
        result.object_bytes = response.object_bytes;
        result.kept_bytes = response.kept_bytes;
        result.is_being_kept = response.is_being_kept;
        result.timing = response.timing;
        result.sharing = response.sharing;
        return result;
    }

    api::OpenCache cache;
};

Cache::Cache(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Cache Cache::from_environment() {
    static_cast<void>(load_settings());
    return Cache();
}
Cache::Cache(Cache&&) noexcept = default;
Cache& Cache::operator=(Cache&&) noexcept = default;
Cache::~Cache() = default;

Result Cache::compile_model(ov::Core& core, const std::filesystem::path& model,
                            const std::string& device, const ov::AnyMap& properties) {
    openvino::ModelInput input;
    input.path = model.string();
    return impl_->serve(core, std::move(input), reference_to(model), device, properties);
}

Result Cache::compile_model(ov::Core& core, const std::shared_ptr<const ov::Model>& model,
                            const std::string& device, const ov::AnyMap& properties) {
    const auto reference = reference_to(model);
    return impl_->serve(core, {{}, model, {}}, reference, device, properties);
}

Result Cache::compile_model(ov::Core& core, const ReadModel& model, const std::string& device,
                            const ov::AnyMap& properties) {
    const auto reference = reference_to(model);
    return impl_->serve(core, {{}, model.model, {}}, reference, device, properties);
}

Result Cache::compile_model(ov::Core& core, const std::shared_ptr<const ov::Model>& model,
                            const ov::RemoteContext& context, const ov::AnyMap& properties) {
    const auto reference = reference_to(model);
    return impl_->serve(core, {{}, model, {}}, reference, context, properties);
}

Result Cache::compile_model(ov::Core& core, const Fingerprint& identity,
                            const std::function<std::shared_ptr<ov::Model>()>& build,
                            const std::string& device, const ov::AnyMap& properties) {
    if (!build) throw Error(ErrorCode::invalid_argument, "there is no function to build the model");
    cache::ModelReference reference;
    reference.origin = cache::ModelOrigin::caller;
    reference.fingerprint = internal::Digest{identity.bytes()};
    reference.name = "caller:" + reference.fingerprint->hex().substr(0, 16);
    openvino::ModelInput input;
    input.build = build;
    return impl_->serve(core, std::move(input), reference, device, properties);
}

Explanation Cache::explain(ov::Core& core, const std::filesystem::path& model,
                           const std::string& device, const ov::AnyMap& properties) {
    openvino::ModelInput input;
    input.path = model.string();
    return impl_->explain(core, std::move(input), reference_to(model), device, properties);
}

Explanation Cache::explain(ov::Core& core, const ReadModel& model, const std::string& device,
                           const ov::AnyMap& properties) {
    const auto reference = reference_to(model);
    return impl_->explain(core, {{}, model.model, {}}, reference, device, properties);
}

Explanation Cache::explain(ov::Core& core, const EntryInfo& entry) {
    if (entry.kind == "memory" || entry.kind == "caller" || !entry.unpacked_from.empty() ||
        !entry.kernels_of.empty()) {
        throw Error(ErrorCode::invalid_argument,
                    "this entry was not compiled from a file: only its program can request it",
                    "look at an entry that was compiled from a file");
    }
    return explain(core, entry.model, entry.device,
                   openvino::recorded_properties(core, entry.device, entry.key_inputs));
}

void Cache::flush() { impl_->cache.flush(); }

void Cache::check_model(const std::filesystem::path& model) const {
    const auto found = internal::model::find_model_source(impl_->cache.system().fs, model.string());
    // OpenVINO may know a format that larder does not.
    if (!found && found.error().code != internal::Errc::unsupported) {
        api::throw_public(found.error());
    }
}

}  // namespace larder
