// A request whose runtime is a host written in C: the host compiles, exports and imports.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "larder/larder.h"
#include "runtime/runtime.h"

// Reference-counted: the last holder frees it. C code knows it by its name only.
struct larder_blob {
    larder::internal::runtime::Blob kept;
    mutable std::atomic<unsigned> holders{1};
};

struct larder_sink {
    larder::internal::runtime::BlobSink& sink;
    larder::internal::Result<void> written{};  // the first error
};

namespace larder::api {

// The host's `compile` returned another value than 0.
class HostFailure final : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override { return "the host cannot compile"; }
};

// `request`, `host` and what they point to must outlive it.
class HostRequest final : public internal::runtime::Request {
public:
    HostRequest(const larder_request& request, const larder_host& host, void* context)
        : request_(request), host_(host), context_(context) {}

    // Returns Errc::invalid_argument if something is missing or occurs twice.
    [[nodiscard]] internal::Result<void> check() const;

    internal::Result<internal::runtime::Identity> identify() override;
    internal::Result<internal::Digest> fingerprint_model(
        internal::runtime::MemoryHasher& hasher) override;
    void compile_untouched() override { compile(); }
    // Throws HostFailure.
    void compile() override;
    internal::Result<void> export_blob(internal::runtime::BlobSink& sink) override;
    internal::Result<void> import_blob(const internal::runtime::Blob& blob,
                                       bool without_weights) override;
    [[nodiscard]] const internal::runtime::StageTimes& times() const override { return times_; }

    // A host has one way to publish, reads no model for larder, and frees its own memory.
    void read_from(std::string /*path*/, std::shared_ptr<const void> /*owner*/) override {}
    void unpack_into(std::shared_ptr<internal::runtime::Scratch> /*scratch*/) override {}
    std::vector<std::span<const std::byte>> read_weights() override { return {}; }
    bool compile_with(const internal::runtime::PrivateCache& /*cache*/) override { return false; }
    std::string requirements() override { return {}; }
    bool exports_without_weights() override { return false; }
    internal::runtime::Compatibility check(const std::string& /*requirements*/) override {
        return internal::runtime::Compatibility::unknown;
    }
    // The host manages its own memory.
    internal::Result<void> warm_up(std::chrono::nanoseconds /*limit*/) override { return {}; }
    void release_model() override {}
    [[nodiscard]] bool compiled_holds_model() const override { return false; }
    void release_compiled() override {}

private:
    [[nodiscard]] std::vector<std::span<const std::byte>> content() const;

    const larder_request& request_;
    const larder_host& host_;
    void* context_;
    internal::runtime::StageTimes times_;
};

}  // namespace larder::api
