// One request of the program, on the real runtime.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/core.hpp>
#include <openvino/runtime/remote_context.hpp>

#include "openvino/device.h"
#include "openvino/encryption.h"
#include "runtime/runtime.h"

namespace larder::internal::openvino {

// The origin of the model: exactly one member is set.
struct ModelInput {
    std::string path;
    std::shared_ptr<const ov::Model> model;
    std::function<std::shared_ptr<ov::Model>()> build;
};

// The target of a compile: a device, or a context of one.
struct Target {
    Target(std::string name) : device(std::move(name)) {}  // NOLINT(google-explicit-constructor)
    Target(const char* name) : device(name) {}             // NOLINT(google-explicit-constructor)
    Target(const ov::RemoteContext& of_program)            // NOLINT(google-explicit-constructor)
        : device(of_program.get_device_name()), context(of_program) {}

    std::string device;
    std::optional<ov::RemoteContext> context;
};

class Request final : public runtime::Request {
public:
    // `core` must outlive the request.
    Request(ov::Core& core, ModelInput input, const Target& target, ov::AnyMap properties);
    ~Request() override;

    // Returns the compiled or imported model. To be called once, after the request has ended.
    [[nodiscard]] ov::CompiledModel take();

    [[nodiscard]] Result<runtime::Identity> identify() override;
    [[nodiscard]] std::optional<std::string> find_refusal() override;
    [[nodiscard]] Result<Digest> fingerprint_model(runtime::MemoryHasher& hasher) override;
    [[nodiscard]] std::optional<Digest> fingerprint_names() override;
    [[nodiscard]] std::optional<Digest> hash_names() override;
    [[nodiscard]] std::unique_ptr<runtime::Request> with_model_in(const std::string& path) override;
    [[nodiscard]] Result<std::vector<runtime::LoadedCode>> code_of_model() override;
    [[nodiscard]] const runtime::Encryption* encryption() const override {
        return encryption_.get();
    }
    void read_from(std::string path, std::shared_ptr<const void> owner) override;
    void compile_untouched() override;
    void compile() override;
    bool compile_with(const runtime::PrivateCache& cache) override;
    [[nodiscard]] bool may_be_wrapped() override;
    [[nodiscard]] bool is_wrapped() override;
    [[nodiscard]] bool is_stood_in_for() override;
    [[nodiscard]] std::string requirements() override;
    [[nodiscard]] bool copies_blob() override;
    [[nodiscard]] bool exports_without_weights() override;
    [[nodiscard]] bool makes_kernels() override;
    void keep_kernels_in(const std::string& directory) override { kernels_ = directory; }
    [[nodiscard]] std::string input_shapes() override;
    [[nodiscard]] std::string port_names() override;
    [[nodiscard]] std::string port_names_asked_otherwise() override;
    void expect_port_names(const std::string& names) override { port_changes_ = names; }
    [[nodiscard]] bool takes_kernels() override;
    [[nodiscard]] std::string settled_properties() override;
    void expect_settled_properties(const std::string& settled) override { settled_ = settled; }
    [[nodiscard]] Result<void> export_blob(runtime::BlobSink& sink) override;
    void unpack_into(std::shared_ptr<runtime::Scratch> scratch) override;
    [[nodiscard]] std::vector<std::span<const std::byte>> read_weights() override;
    [[nodiscard]] std::vector<std::string_view> unpacking_libraries() const override;
    [[nodiscard]] std::vector<std::string_view> starting_libraries() const override;
    [[nodiscard]] std::string_view making_function() const override;
    [[nodiscard]] runtime::Compatibility check(const std::string& requirements) override;
    [[nodiscard]] Result<void> import_blob(const runtime::Blob& blob,
                                           bool without_weights) override;
    [[nodiscard]] Result<void> warm_up(std::chrono::nanoseconds limit) override;
    void release_model() override;
    [[nodiscard]] bool compiled_holds_model() const override;
    void release_compiled() override;
    [[nodiscard]] const runtime::StageTimes& times() const override { return times_; }

private:
    // Returns the model to compile; the first call reads or builds it.
    const std::shared_ptr<const ov::Model>& model();
    enum class State { own, known };
    void compile_as(const ov::AnyMap& properties, State state);
    [[nodiscard]] Result<ov::CompiledModel> imported(const runtime::Blob& blob,
                                                     bool without_weights);
    [[nodiscard]] ov::CompiledModel import_with(const runtime::Blob& blob,
                                                const ov::AnyMap& properties, bool without_weights);
    // Returns nothing if this fails; the import without kernels then reports the error, if it fails
    // too.
    [[nodiscard]] std::optional<ov::CompiledModel> import_with_kernels(const runtime::Blob& blob,
                                                                       const ov::AnyMap& properties,
                                                                       bool without_weights);
    // The program's properties, without those that would enable the runtime's own cache.
    [[nodiscard]] ov::AnyMap own_properties() const;
    // The device that is asked for facts.
    [[nodiscard]] std::string device_in_use() const;
    [[nodiscard]] std::string weights_path() const;
    [[nodiscard]] bool names_count();
    [[nodiscard]] Result<void> name_ports();

    ov::Core& core_;
    ModelInput input_;
    std::string read_path_;  // the path that is read instead of the model's own; empty otherwise
    std::shared_ptr<const void> read_path_owner_;
    std::shared_ptr<runtime::Scratch> scratch_;  // until the model is read
    DeviceName device_;
    std::optional<ov::RemoteContext> context_;  // of that device
    ov::AnyMap properties_;
    std::optional<bool> names_count_;
    std::string kernels_;       // see keep_kernels_in
    std::string port_changes_;  // see expect_port_names
    std::string settled_;       // see expect_settled_properties
    std::unique_ptr<Encryption> encryption_;
    std::shared_ptr<const ov::Model> model_;
    bool is_known_by_graph_ = false;  // although it was given as a path
    std::optional<ov::CompiledModel> compiled_;
    runtime::StageTimes times_;
};

}  // namespace larder::internal::openvino
