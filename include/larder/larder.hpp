/// \file
/// larder: compile each OpenVINO model once, for every process that asks for it.
///
///     larder::Cache cache({.directory = "models.larder"});
///     larder::Result result = cache.compile_model(core, "model.xml", "CPU");
///     result.model;    // an ov::CompiledModel, compiled or loaded
///     result.outcome;  // which of the two
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/core.hpp>
#include <openvino/runtime/remote_context.hpp>

#include "larder/error.hpp"
#include "larder/explanation.hpp"
#include "larder/export.hpp"
#include "larder/options.hpp"
#include "larder/require_cxx20.hpp"
#include "larder/staleness.hpp"
#include "larder/store.hpp"
#include "larder/timing.hpp"

namespace larder {

/// Identifies a model that only the caller can identify: 32 bytes that differ whenever the model
/// that `build` would make differs.
class LARDER_EXPORT Fingerprint {
public:
    /// Takes 32 bytes, such as a digest that the caller has computed.
    explicit Fingerprint(const std::array<std::uint8_t, 32>& bytes) : bytes_(bytes) {}
    /// Hashes (BLAKE3) any bytes that identify the model: weights, a configuration, a version.
    [[nodiscard]] static Fingerprint of(std::span<const std::byte> content);
    /// Returns the 32 bytes.
    [[nodiscard]] const std::array<std::uint8_t, 32>& bytes() const { return bytes_; }

private:
    std::array<std::uint8_t, 32> bytes_;
};

/// The answer to Cache::compile_model.
struct Result {
    ov::CompiledModel model;              ///< ready to use
    Outcome outcome = Outcome::bypassed;  ///< how the request was served
    std::string reason;              ///< why it was compiled or bypassed; empty for a plain hit
    std::string key;                 ///< 64 hexadecimal characters; empty if none could be computed
    std::string object_digest;       ///< of the stored blob; empty if none is stored
    std::uint64_t object_bytes = 0;  ///< of what the device exported; 0 if no blob is stored
    /// The part of `object_bytes` that takes room in the larder: the model's own files may hold the
    /// rest.
    std::uint64_t kept_bytes = 0;
    /// The model was returned before it is published (Publish::behind): object_digest, object_bytes
    /// and kept_bytes are not known yet. Cache::flush waits for it; a failure is logged as a
    /// warning.
    bool is_being_kept = false;
    Timing timing;                   ///< of each stage
    std::optional<Sharing> sharing;  ///< absent if no blob was loaded
};

/// Answers Store::find_stale for the OpenVINO of this machine. `core` must outlive the result.
[[nodiscard]] LARDER_EXPORT std::unique_ptr<Machine> ask_machine(ov::Core& core);

/// Says why a process like this one cannot share the memory that models are unpacked into, whatever
/// the setting; empty if it can. Asks the CPU device: only that one unpacks into the process's own
/// memory.
[[nodiscard]] LARDER_EXPORT std::string obstacle_to_sharing(ov::Core& core);

/// A model in memory, and the file that it was read from, by which people know it.
struct ReadModel {
    std::shared_ptr<const ov::Model> model;  ///< never null
    std::filesystem::path file;              ///< need not exist any more
};

/// How an entry that was found damaged was repaired.
struct Repair {
    /// How a repair ended.
    enum class Outcome {
        recompiled,  ///< compiled anew and published
        removed,     ///< the next request compiles it anew
    };
    std::string key;                     ///< of the entry
    std::string model;                   ///< as in EntryInfo::model
    std::string device;                  ///< as in EntryInfo::device
    Outcome outcome = Outcome::removed;  ///< what was done
    std::string reason;                  ///< why it could not be recompiled
};

/// The result of larder::repair.
struct RepairReport {
    VerifyReport verified;        ///< what Store::verify found
    std::vector<Repair> repairs;  ///< one for each damaged entry
};

/// A handle on a larder. Thread-safe; hold one for as long as models are requested.
///
/// No fault of the cache reaches the caller's model: with a full disk, a damaged or unreadable
/// larder or a device that cannot be cached, the model is compiled, the outcome is `bypassed` or
/// `compiled`, and one warning says why. These exceptions are thrown: OpenVINO's own, unchanged, if
/// reading or compiling fails; larder::Error `miss` in Mode::cache_only; larder::Error
/// `invalid_argument` for an incomplete model file of a format that larder itself has to read
/// (GGUF).
class LARDER_EXPORT Cache {
public:
    /// Settings that `options` leaves out come from the environment and the configuration files.
    /// Opens nothing that could fail: if a larder or a setting cannot be used, the outcomes show it
    /// and one warning names it. Reads the environment: do not call while another thread changes
    /// it.
    explicit Cache(Options options = {});
    /// The same as Cache(), but throws Error (invalid_argument) if a setting cannot be read.
    [[nodiscard]] static Cache from_environment();
    /// Moves the handle; the other one can only be destroyed, or assigned to.
    Cache(Cache&&) noexcept;
    /// Moves the handle likewise.
    Cache& operator=(Cache&&) noexcept;
    Cache(const Cache&) = delete;
    Cache& operator=(const Cache&) = delete;
    ~Cache();

    /// Compiles or loads from a file: IR, ONNX, GGUF, TFLite, Paddle, TensorFlow. A hit neither
    /// reads nor parses the file; a `stat`, or hashing the file, tells whether its content is
    /// unchanged.
    [[nodiscard]] Result compile_model(ov::Core& core, const std::filesystem::path& model,
                                       const std::string& device,
                                       const ov::AnyMap& properties = {});

    /// Compiles or loads a model in memory. Hashes its graph and weights in place; does not modify
    /// it.
    [[nodiscard]] Result compile_model(ov::Core& core,
                                       const std::shared_ptr<const ov::Model>& model,
                                       const std::string& device,
                                       const ov::AnyMap& properties = {});

    /// The same for a model that was read from a file: `larder ls` shows that file's path.
    [[nodiscard]] Result compile_model(ov::Core& core, const ReadModel& model,
                                       const std::string& device,
                                       const ov::AnyMap& properties = {});

    /// Compiles or loads for a remote context, such as an OpenCL context of the program's own; the
    /// model takes that context's tensors. Uses the same entry as the context's device. Contexts of
    /// other kinds than OpenCL are bypassed.
    [[nodiscard]] Result compile_model(ov::Core& core,
                                       const std::shared_ptr<const ov::Model>& model,
                                       const ov::RemoteContext& context,
                                       const ov::AnyMap& properties = {});

    /// Compiles or loads by a caller's fingerprint. `build` runs on a miss only, on the calling
    /// thread; its exceptions reach the caller.
    [[nodiscard]] Result compile_model(ov::Core& core, const Fingerprint& identity,
                                       const std::function<std::shared_ptr<ov::Model>()>& build,
                                       const std::string& device,
                                       const ov::AnyMap& properties = {});

    /// Says what compile_model would do with this file, and why. Writes nothing to the larder.
    [[nodiscard]] Explanation explain(ov::Core& core, const std::filesystem::path& model,
                                      const std::string& device, const ov::AnyMap& properties = {});

    /// The same for a model that was read from a file.
    [[nodiscard]] Explanation explain(ov::Core& core, const ReadModel& model,
                                      const std::string& device, const ov::AnyMap& properties = {});

    /// The same for the request that compiled `entry`. Throws Error (invalid_argument) if that was
    /// not a request for a file.
    [[nodiscard]] Explanation explain(ov::Core& core, const EntryInfo& entry);

    /// Waits until compiled models are published and survive a power cut, and publishes what a
    /// device wrote after its model was ready, such as the model for AUTO's second device, or the
    /// kernels that a GPU plugin builds while a model runs. Call it once such models are no longer
    /// used; it has no time limit. The destructor does the same for up to 100 ms; if a compiled
    /// model is being published, for as long as that model took to compile, at least 2 s and at
    /// most 10 s.
    void flush();

    /// Throws Error if something is wrong with the model's files: says what, and what to do.
    void check_model(const std::filesystem::path& model) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Tells whether the calling thread is inside Cache::compile_model: OpenVINO calls made there are
/// larder's own. For code that stands between programs and OpenVINO.
[[nodiscard]] LARDER_EXPORT bool is_serving() noexcept;

/// Verifies as Store::verify does. Compiles each damaged entry anew from its model if the model is
/// still there and unchanged, and removes the entry otherwise; if OpenVINO throws, its message is
/// the reason. `store` and `cache` must be handles on the same larder. Throws Error if `store`
/// cannot be written.
[[nodiscard]] LARDER_EXPORT RepairReport repair(
    Store& store, Cache& cache, ov::Core& core, const std::vector<std::string>& prefixes = {},
    const std::function<bool(std::uint64_t bytes_done, std::uint64_t bytes_total)>& progress = {},
    const VerifyOptions& options = {});

}  // namespace larder
