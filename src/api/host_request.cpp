#include "api/host_request.h"

#include <chrono>
#include <set>
#include <string_view>
#include <utility>

#include "base/digest.h"

namespace larder::api {
namespace {

namespace runtime = internal::runtime;
using internal::Errc;
using internal::fail;
using internal::Result;

using Clock = std::chrono::steady_clock;

Result<void> missing(const std::string& member) {
    return fail(Errc::invalid_argument, member + " is missing");
}

}  // namespace

Result<void> HostRequest::check() const {
    if (request_.model == nullptr) return missing("larder_request.model");
    if (request_.runtime == nullptr) return missing("larder_request.runtime");
    if (request_.device == nullptr) return missing("larder_request.device");
    if (request_.content == nullptr || request_.content_count == 0) {
        return missing("larder_request.content");
    }
    if (request_.inputs == nullptr && request_.input_count > 0) {
        return missing("larder_request.inputs");
    }
    if (host_.compile == nullptr || host_.export_blob == nullptr || host_.import_blob == nullptr) {
        return missing("a function of larder_host");
    }
    for (const auto& bytes : std::span(request_.content, request_.content_count)) {
        if (bytes.data == nullptr && bytes.size > 0) return missing("larder_bytes.data");
    }
    std::set<std::string_view> names;
    for (const auto& input : std::span(request_.inputs, request_.input_count)) {
        if (input.name == nullptr || input.value == nullptr) {
            return missing("the name or value of an input");
        }
        if (!names.insert(input.name).second) {
            return fail(Errc::invalid_argument,
                        "the input '" + std::string(input.name) + "' is given twice");
        }
    }
    return {};
}

Result<runtime::Identity> HostRequest::identify() {
    runtime::Identity identity;
    identity.caching = runtime::Caching::blob;
    identity.inputs["device.name"] = request_.device;
    identity.inputs["runtime.host"] = request_.runtime;
    for (const auto& input : std::span(request_.inputs, request_.input_count)) {
        identity.inputs[std::string("property.") + input.name] = input.value;
    }
    return identity;
}

std::vector<std::span<const std::byte>> HostRequest::content() const {
    std::vector<std::span<const std::byte>> ranges;
    ranges.reserve(request_.content_count);
    for (const auto& bytes : std::span(request_.content, request_.content_count)) {
        ranges.emplace_back(static_cast<const std::byte*>(bytes.data), bytes.size);
    }
    return ranges;
}

Result<internal::Digest> HostRequest::fingerprint_model(runtime::MemoryHasher& hasher) {
    const auto ranges = content();
    const auto digests = hasher.hash(ranges);
    if (!digests) return fail(digests.error());
    internal::Hasher list("larder host content 1");
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        list.update_u64(ranges[i].size());
        list.update(std::as_bytes(std::span((*digests)[i].bytes)));
    }
    return list.finish();
}

void HostRequest::compile() {
    const auto start = Clock::now();
    if (host_.compile(context_) != 0) throw HostFailure();
    times_.compile = Clock::now() - start;
}

Result<void> HostRequest::export_blob(runtime::BlobSink& sink) {
    larder_sink target{sink};
    const int refused = host_.export_blob(context_, &target);
    if (!target.written) return std::move(target.written);
    if (refused != 0) return fail(Errc::unsupported, "the host cannot export the compiled model");
    return {};
}

Result<void> HostRequest::import_blob(const runtime::Blob& blob, bool /*without_weights*/) {
    const auto start = Clock::now();
    const auto* const lent = new larder_blob{blob};
    const int refused = host_.import_blob(context_, lent);
    larder_blob_release(lent);
    times_.import = Clock::now() - start;
    if (refused != 0) return fail(Errc::incompatible, "the host does not accept it");
    return {};
}

}  // namespace larder::api
