// larder: compile each OpenVINO model once, for every process that asks for it.
//
//     larder::Cache cache({.directory = "models.larder"});
//     larder::Result result = cache.compile_model(core, "model.xml", "CPU");
//     result.model;    // an ov::CompiledModel, compiled or loaded
//     result.outcome;  // which of the two
#pragma once

#include <array>
#include <chrono>
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
#include "larder/export.hpp"
#include "larder/options.hpp"
#include "larder/require_cxx20.hpp"
#include "larder/staleness.hpp"
#include "larder/store.hpp"

namespace larder {

enum class Outcome {
    compiled,  // by this request, and kept, or being kept: Result::is_being_kept
    loaded,    // it was kept
    waited,    // another process or thread compiled it meanwhile; loaded
    bypassed,  // compiled and not kept; `reason` says why
};

[[nodiscard]] LARDER_EXPORT const char* to_string(Outcome outcome) noexcept;
inline std::ostream& operator<<(std::ostream& out, Outcome outcome) {
    return out << to_string(outcome);
}

// Names a model by content where only the caller can: 32 bytes that differ whenever the model that
// `build` would make differs.
class LARDER_EXPORT Fingerprint {
public:
    explicit Fingerprint(const std::array<std::uint8_t, 32>& bytes) : bytes_(bytes) {}
    // Of any bytes that identify the model: weights, a configuration, a version. BLAKE3.
    [[nodiscard]] static Fingerprint of(std::span<const std::byte> content);
    [[nodiscard]] const std::array<std::uint8_t, 32>& bytes() const { return bytes_; }

private:
    std::array<std::uint8_t, 32> bytes_;
};

// Wall time of each stage; absent if it did not run.
struct Timing {
    using Duration = std::chrono::nanoseconds;
    std::optional<Duration> fingerprint;  // of the model's content
    std::optional<Duration> lookup;       // device, key and manifest
    std::optional<Duration> wait;         // for another process's compile
    std::optional<Duration> read_model;
    std::optional<Duration> compile;
    std::optional<Duration> export_blob;
    std::optional<Duration> publish;  // hashing, syncing and naming what was exported
    std::optional<Duration> verify;   // reading and checking the kept bytes
    std::optional<Duration> import;
    // Weights with other processes, including the first inference, where larder ran one for that.
    std::optional<Duration> share;
    Duration total{0};  // from the call to a ready model
};

// How much of what the runtime unpacked a model into, its blocks of 1 MiB and more, this process
// shares with others that loaded the same weights.
struct Sharing {
    std::uint64_t shared_bytes = 0;
    std::uint64_t private_bytes = 0;
    std::string reason;  // why nothing, or not all, is shared; may be empty
};

struct Result {
    ov::CompiledModel model;
    Outcome outcome = Outcome::bypassed;
    std::string reason;         // why it was compiled or bypassed; empty for a plain hit
    std::string key;            // 64 hexadecimal characters; empty where none could be made
    std::string object_digest;  // of the kept blob; empty where nothing is kept
    std::uint64_t object_bytes = 0;
    // Of these, what takes room in the larder: the model's own files may have most of them.
    std::uint64_t kept_bytes = 0;
    // It was handed out before it is kept (Publish::behind): nothing can be said of the kept blob.
    // Cache::flush waits for it; should it fail, a warning says why.
    bool is_being_kept = false;
    Timing timing;
    std::optional<Sharing> sharing;  // absent where nothing kept was loaded
};

// What OpenVINO says of this machine, for Store::find_stale. `core` must outlive it.
[[nodiscard]] LARDER_EXPORT std::unique_ptr<Machine> ask_machine(ov::Core& core);

// Why a process like this one cannot share what models are unpacked into, whatever the setting;
// empty if it can. Asks the CPU device, which is the only one that unpacks into the process's own
// memory.
[[nodiscard]] LARDER_EXPORT std::string obstacle_to_sharing(ov::Core& core);

// A model in memory, and the file that it was read from: what people know it by.
struct ReadModel {
    std::shared_ptr<const ov::Model> model;
    std::filesystem::path file;
};

// What a request would do now.
struct Explanation {
    bool would_hit = false;
    std::string reason;  // of a miss or bypass, in words
    std::string key;
    struct Difference {
        std::string input;                 // "property.INFERENCE_PRECISION_HINT"
        std::optional<std::string> kept;   // absent: the kept entry has no such input
        std::optional<std::string> asked;  // absent: the request has none
    };
    // The kept entry that comes nearest to the request, and every input in which they differ.
    std::string nearest_key;
    std::vector<Difference> differences;
};

// What became of an entry that was found damaged.
struct Repair {
    enum class Outcome {
        recompiled,  // it is kept again
        removed,     // whoever asks for it compiles it anew
    };
    std::string key;
    std::string model;
    std::string device;
    Outcome outcome = Outcome::removed;
    std::string reason;  // why it could not be recompiled
};

struct RepairReport {
    VerifyReport verified;
    std::vector<Repair> repairs;
};

// A handle on a larder. Thread-safe; keep one for as long as models are requested.
//
// No fault of the cache reaches the caller's model: with a full disk, a damaged or unreadable
// larder or a device that cannot be cached, the model is compiled, the outcome is `bypassed` or
// `compiled`, and one warning says why. Exceptions are OpenVINO's own, unchanged, where reading or
// compiling fails; larder::Error `miss` in Mode::cache_only, and `invalid_argument` for a model
// file that larder itself has to read (GGUF) and that is not whole.
class LARDER_EXPORT Cache {
public:
    // What `options` leave out comes from the environment and the configuration files. Opens
    // nothing that could fail: a larder, or a setting, that cannot be used shows in the outcomes,
    // and one warning names it. Reads the environment: not while another thread changes it.
    explicit Cache(Options options = {});
    // The same as Cache(), but throws Error (invalid_argument) where a setting cannot be read.
    [[nodiscard]] static Cache from_environment();
    Cache(Cache&&) noexcept;
    Cache& operator=(Cache&&) noexcept;
    Cache(const Cache&) = delete;
    Cache& operator=(const Cache&) = delete;
    ~Cache();

    // From a file: IR, ONNX, GGUF, TFLite, Paddle, TensorFlow. A hit neither reads nor parses it;
    // whether its content is unchanged is known from a `stat`, or by hashing it.
    [[nodiscard]] Result compile_model(ov::Core& core, const std::filesystem::path& model,
                                       const std::string& device,
                                       const ov::AnyMap& properties = {});

    // From a model in memory: its graph and weights are hashed in place. Not modified.
    [[nodiscard]] Result compile_model(ov::Core& core,
                                       const std::shared_ptr<const ov::Model>& model,
                                       const std::string& device,
                                       const ov::AnyMap& properties = {});

    [[nodiscard]] Result compile_model(ov::Core& core, const ReadModel& model,
                                       const std::string& device,
                                       const ov::AnyMap& properties = {});

    // For a remote context, such as an OpenCL context of the program's own: the model is compiled
    // for it, or loaded into it, and takes its tensors. What is kept is the same as for the
    // context's device. Contexts of other kinds than OpenCL are bypassed.
    [[nodiscard]] Result compile_model(ov::Core& core,
                                       const std::shared_ptr<const ov::Model>& model,
                                       const ov::RemoteContext& context,
                                       const ov::AnyMap& properties = {});

    // From a caller's fingerprint: `build` runs on a miss only, on the calling thread. What it
    // throws reaches the caller.
    [[nodiscard]] Result compile_model(ov::Core& core, const Fingerprint& identity,
                                       const std::function<std::shared_ptr<ov::Model>()>& build,
                                       const std::string& device,
                                       const ov::AnyMap& properties = {});

    // What compile_model from this file would do, and why. Writes nothing to the larder.
    [[nodiscard]] Explanation explain(ov::Core& core, const std::filesystem::path& model,
                                      const std::string& device, const ov::AnyMap& properties = {});

    [[nodiscard]] Explanation explain(ov::Core& core, const ReadModel& model,
                                      const std::string& device, const ov::AnyMap& properties = {});

    // Waits until what was compiled is kept, and keeps what a device went on writing after its
    // model was ready, such as AUTO's second device, or the kernels that a GPU makes while a model
    // runs. To be called once such models are done with; takes as long as it takes. The destructor
    // does the same: as far as it gets in 100 ms, and where a model is being kept, in the time that
    // the model took to compile.
    void flush();

    // Throws Error with what is wrong with a model's files and what to do; returns if nothing is.
    void check_model(const std::filesystem::path& model) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Whether the calling thread is inside Cache::compile_model: what OpenVINO is asked for there is
// larder's own business. For whatever stands between programs and OpenVINO.
[[nodiscard]] LARDER_EXPORT bool is_serving() noexcept;

// Verifies as Store::verify does, and compiles what is damaged anew from its model, where that is
// still there and unchanged. `store` and `cache` must be handles on the same larder. What OpenVINO
// throws meanwhile is the reason why an entry is removed. Throws Error where `store` cannot be
// written.
[[nodiscard]] LARDER_EXPORT RepairReport repair(
    Store& store, Cache& cache, ov::Core& core, const std::vector<std::string>& prefixes = {},
    const std::function<bool(std::uint64_t bytes_done, std::uint64_t bytes_total)>& progress = {},
    const VerifyOptions& options = {});

}  // namespace larder
