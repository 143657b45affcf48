// A runtime whose models are texts: compiling "x" gives "compiled x", and its blob is that text.
// It counts what it does, and can stall, refuse, fail and crash.
#pragma once

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/digest.h"
#include "runtime/runtime.h"

namespace larder::internal::support {

struct FakeDevice {
    runtime::Caching caching = runtime::Caching::blob;
    std::map<std::string, std::string> inputs{{"device.name", "FAKE"}};
    bool needs_more = false;              // than the inputs tell:
    bool maps_files = true;               // of a model that it reads
    std::string requirements = "fake 1";  // of its blobs
    std::vector<runtime::LoadedCode> code;
    std::map<std::string, std::string> files;  // that properties name
    runtime::ModelContent model_content = runtime::ModelContent::files;
    std::vector<runtime::LoadedCode> code_of_model;
    bool accepts = true;  // imports
    bool exports = true;
    bool compiles = true;
    std::function<void()> on_compile;                      // to stall or to crash
    std::optional<std::chrono::nanoseconds> compile_time;  // that it tells of
    std::function<void()> on_check;                        // once it was found, before it is opened
    std::function<void()> on_export;
    std::function<void()> on_import;
    std::function<void(const std::string& path)> on_read;  // of the replacement of the model
    std::function<void(runtime::Scratch&)> on_unpack;
    std::function<void()> on_warm_up;
    bool warms_up = true;
    bool is_stood_in_for = false;
    std::string private_directory;  // of the last compile with one
    bool may_be_wrapped = false;    // and then keeps files there
    bool is_wrapped = false;
    std::string settled;           // by what was compiled
    std::string expected_settled;  // of what came from a directory last
    std::vector<std::string_view> unpacking_libraries;
    bool holds_model = true;
    bool makes_kernels = false;
    std::string kernels;          // the directory for them that the model imported last got
    std::optional<Digest> names;  // of the model, where they decide a blob
    std::string port_names;       // of what was compiled
    std::mutex mutex_of_names;
    std::mutex mutex_of_imports;
    std::string expected_port_names;                  // of what was imported last
    std::size_t blob_padding = 0;                     // makes the blob this much larger
    std::string weights_in_blob;                      // of every model, behind all else
    std::string imported_weights;                     // those of what was imported last
    bool copies_blob = false;                         // what it imports
    std::vector<std::span<const std::byte>> weights;  // count as a part of every model
    std::atomic<int> compiles_done{0};
    std::atomic<int> exports_done{0};
    std::atomic<int> imports_done{0};
    std::atomic<int> warm_ups_done{0};
};

class FakeRequest final : public runtime::Request {
public:
    FakeRequest(FakeDevice& device, std::string model)
        : device_(device), model_(std::move(model)) {}

    // The result of the request; empty before its end.
    [[nodiscard]] const std::string& result() const { return result_; }

    Result<runtime::Identity> identify() override {
        runtime::Identity identity;
        identity.caching = device_.caching;
        identity.inputs = device_.inputs;
        identity.code = device_.code;
        identity.files = device_.files;
        identity.model_content = device_.model_content;
        identity.needs_more = device_.needs_more;
        identity.maps_files = device_.maps_files;
        if (device_.caching == runtime::Caching::none) identity.reason = "the device is fake";
        return identity;
    }
    Result<Digest> fingerprint_model(runtime::MemoryHasher& hasher) override {
        const auto digests = hasher.hash(device_.weights);
        if (!digests) return fail(digests.error());
        Hasher all;
        all.update_field(model_).update(std::as_bytes(std::span(*digests)));
        return all.finish();
    }
    Result<std::vector<runtime::LoadedCode>> code_of_model() override {
        return device_.code_of_model;
    }
    std::optional<Digest> fingerprint_names() override { return device_.names; }
    std::string port_names() override { return device_.port_names; }
    void expect_port_names(const std::string& names) override {
        const std::lock_guard lock(device_.mutex_of_names);
        device_.expected_port_names = names;
    }
    bool makes_kernels() override { return device_.makes_kernels; }
    void keep_kernels_in(const std::string& directory) override { kernels_ = directory; }
    void read_from(std::string path, std::shared_ptr<const void> owner) override {
        read_from_ = std::move(path);
        owner_ = std::move(owner);
    }
    void compile_untouched() override { compile(); }
    void compile() override {
        if (device_.on_compile) device_.on_compile();
        if (!device_.compiles) throw std::runtime_error("the fake device does not compile this");
        if (device_.on_read && !read_from_.empty()) device_.on_read(read_from_);
        owner_.reset();
        ++device_.compiles_done;
        times_.compile = device_.compile_time;
        result_ = "compiled " + model_;
    }
    bool compile_with(const runtime::PrivateCache& cache) override {
        device_.private_directory = cache.directory;
        const auto file = cache.directory + "/1.blob";
        if (device_.is_wrapped && std::filesystem::exists(file)) {
            std::ifstream stream(file);
            std::getline(stream, result_);
            device_.expected_settled = settled_;
            return true;
        }
        compile();
        if (device_.is_wrapped) std::ofstream(file) << result_;
        return false;
    }
    bool may_be_wrapped() override { return device_.may_be_wrapped; }
    bool is_wrapped() override { return device_.is_wrapped; }
    std::string settled_properties() override { return device_.settled; }
    void expect_settled_properties(const std::string& settled) override { settled_ = settled; }
    bool is_stood_in_for() override { return device_.is_stood_in_for; }
    std::string requirements() override { return device_.requirements; }
    bool copies_blob() override { return device_.copies_blob; }
    bool holds_blob() override { return !device_.copies_blob; }
    bool exports_without_weights() override { return false; }
    Result<void> export_blob(runtime::BlobSink& sink) override {
        if (!device_.exports) return fail(Errc::unsupported, "the fake device does not export");
        ++device_.exports_done;
        if (device_.on_export) device_.on_export();
        auto text = result_ + std::string(device_.blob_padding, '.') + device_.weights_in_blob;
        // The body first, the header afterwards, like real exporters.
        const auto bytes = std::as_bytes(std::span(text));
        if (auto body = sink.write_at(1, bytes.subspan(1)); !body) return body;
        return sink.write_at(0, bytes.first(1));
    }
    runtime::Compatibility check(const std::string& requirements) override {
        if (device_.on_check) device_.on_check();
        return requirements == device_.requirements ? runtime::Compatibility::accepted
                                                    : runtime::Compatibility::refused;
    }
    Result<void> import_blob(const runtime::Blob& blob, bool /*without_weights*/) override {
        if (device_.on_import) device_.on_import();
        if (!device_.accepts) return fail(Errc::incompatible, "the fake device refuses the blob");
        ++device_.imports_done;
        const auto* const text = reinterpret_cast<const char*>(blob.bytes.data());
        const auto weights = blob.bytes.size() - device_.weights_in_blob.size();
        result_.assign(text, weights - device_.blob_padding);
        blob_ = blob;
        // Requests of several threads may end here.
        const std::lock_guard lock(device_.mutex_of_imports);
        device_.kernels = kernels_;
        device_.imported_weights.assign(text + weights, device_.weights_in_blob.size());
        return {};
    }
    void unpack_into(std::shared_ptr<runtime::Scratch> scratch) override {
        scratch_ = std::move(scratch);
    }
    std::vector<std::span<const std::byte>> read_weights() override {
        if (device_.on_unpack && scratch_) device_.on_unpack(*scratch_);
        scratch_.reset();
        return {};
    }
    std::vector<std::string_view> unpacking_libraries() const override {
        return device_.unpacking_libraries;
    }
    Result<void> warm_up(std::chrono::nanoseconds /*limit*/) override {
        ++device_.warm_ups_done;
        if (device_.on_warm_up) device_.on_warm_up();
        if (!device_.warms_up) return fail(Errc::unsupported, "the fake model does not run");
        return {};
    }
    void release_model() override {}
    bool compiled_holds_model() const override { return device_.holds_model; }
    void release_compiled() override { result_.clear(); }
    const runtime::StageTimes& times() const override { return times_; }

private:
    FakeDevice& device_;
    std::string model_;
    std::string result_;
    std::string kernels_;
    std::string settled_;
    runtime::Blob blob_;
    std::string read_from_;
    std::shared_ptr<const void> owner_;
    std::shared_ptr<runtime::Scratch> scratch_;
    runtime::StageTimes times_;
};

}  // namespace larder::internal::support
