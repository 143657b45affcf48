// The interface of a model runtime, as larder needs it. `openvino` implements it, and so does the
// tests' fake runtime, which can stall, fail and crash.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace larder::internal::runtime {

// How compiled models of a device can be cached.
enum class Caching {
    blob,       // it exports a blob and imports it again
    directory,  // it caches only through a directory that the runtime itself reads and writes
    none,
};

// Code loaded from a file that is not part of the runtime. The file's content decides a blob.
struct LoadedCode {
    std::string name;            // of the file
    std::uintptr_t address = 0;  // any address in the loaded code
};

// Says which content identifies a model that was given as a path.
enum class ModelContent {
    files,
    graph,  // the program changes how files are read: only the graph identifies the model
};

// A part of a model because of which a device may refuse the blob that it exported itself.
struct Doubt {
    std::string library;  // the file whose code decides that
    Digest part;          // identifies the part
};

// Everything besides the model that decides a blob.
struct Identity {
    // Names are "device.…", "runtime.…", "process.…" and "property.…"; values are canonical.
    std::map<std::string, std::string> inputs;
    std::vector<LoadedCode> code;
    // Files that properties name, by the name of the input for their content. A path without a file
    // adds nothing.
    std::map<std::string, std::string> files;
    ModelContent model_content = ModelContent::files;
    std::optional<Doubt> doubt;
    // Blobs may need something that no input shows, such as a driver: only their requirements show
    // it.
    bool needs_more = false;
    // Whether the runtime maps the files of a model that it reads, where it can.
    bool maps_files = true;
    Caching caching = Caching::none;
    std::string reason;  // why nothing can be published; empty otherwise
};

// A verified blob. `owner` keeps the bytes alive: the runtime holds it for as long as it may read
// them.
struct Blob {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
};

// Receives an exported blob. Positions may go back: exporters patch their headers.
class BlobSink {
public:
    BlobSink() = default;
    BlobSink(const BlobSink&) = delete;
    BlobSink& operator=(const BlobSink&) = delete;
    virtual ~BlobSink() = default;

    [[nodiscard]] virtual Result<void> write_at(std::uint64_t offset,
                                                std::span<const std::byte> bytes) = 0;
};

// A file for bytes that would otherwise fill memory.
class Scratch : public BlobSink {
public:
    // To be called first, with the total size of the writes: an Error if they should not be made.
    [[nodiscard]] virtual Result<void> reserve(std::uint64_t size_bytes) = 0;
    // Maps what was written, read-only and shared.
    [[nodiscard]] virtual Result<Blob> map(std::uint64_t size_bytes) = 0;
};

// A program's own encryption of its blobs. Callbacks that throw give Errc::unsupported.
class Encryption {
public:
    Encryption() = default;
    Encryption(const Encryption&) = delete;
    Encryption& operator=(const Encryption&) = delete;
    virtual ~Encryption() = default;

    [[nodiscard]] virtual Result<std::string> encrypt(const std::string& text) const = 0;
    [[nodiscard]] virtual Result<std::string> decrypt(const std::string& text) const = 0;
};

// Hashes the data that a model holds in memory. An implementation may know some digests without
// reading.
class MemoryHasher {
public:
    MemoryHasher() = default;
    MemoryHasher(const MemoryHasher&) = delete;
    MemoryHasher& operator=(const MemoryHasher&) = delete;
    virtual ~MemoryHasher() = default;

    // Returns hash_chunked of each range, in their order. The digests depend on the bytes alone.
    [[nodiscard]] virtual Result<std::vector<Digest>> hash(
        std::span<const std::span<const std::byte>> ranges) = 0;
};

// Says whether this machine's device accepts a blob with given requirements.
enum class Compatibility { accepted, refused, unknown };

// A directory that belongs to one key alone, for devices that cache only through a directory.
struct PrivateCache {
    std::string directory;
    std::string name;  // identifies the model in the runtime's own cache key; the same for one key
};

// Wall time of each stage; absent if it did not run.
struct StageTimes {
    std::optional<std::chrono::nanoseconds> read_model;
    std::optional<std::chrono::nanoseconds> compile;
    std::optional<std::chrono::nanoseconds> import;
};

// One request of the program: a model, a device and properties. The request holds the compiled
// model, which its creator takes out. Used by one thread at a time.
//
// Methods that return Result throw no exception of the runtime. `compile…` throw the runtime's
// exceptions unchanged.
class Request {
public:
    Request() = default;
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    virtual ~Request() = default;

    // An unknown device is not an error here: Caching::none, with the reason.
    [[nodiscard]] virtual Result<Identity> identify() = 0;

    // For an identity with a doubt: returns why the device refuses blobs of the model; empty if it
    // does not, and nothing if that is unknown. Compiles and imports the part in doubt.
    [[nodiscard]] virtual std::optional<std::string> find_refusal() { return std::nullopt; }

    // Returns the digest of a model in memory: its graph, weights and everything that reaches the
    // blob. Errc::unsupported if a part of it has no known meaning; the hasher's own errors are
    // passed on. Only for models in memory, and for models given as a path whose identity says
    // ModelContent::graph: these are read for it.
    [[nodiscard]] virtual Result<Digest> fingerprint_model(MemoryHasher& hasher) = 0;
    // Hashes the names in a model in memory if they decide a blob too; returns nothing otherwise.
    [[nodiscard]] virtual std::optional<Digest> fingerprint_names() { return std::nullopt; }
    // Hashes the names in a model, whether they decide a blob or not; reads the model. Returns
    // nothing if the runtime has no names.
    [[nodiscard]] virtual std::optional<Digest> hash_names() { return std::nullopt; }
    // Returns the same request for the model in a file; null if that is impossible, or if names or
    // anything else would make the two differ. The result must not outlive the objects that this
    // request was made from.
    [[nodiscard]] virtual std::unique_ptr<Request> with_model_in(const std::string& /*path*/) {
        return nullptr;
    }
    // Returns the code that the operations of such a model bring with them. Errc::unsupported if it
    // is in no file.
    [[nodiscard]] virtual Result<std::vector<LoadedCode>> code_of_model() {
        return std::vector<LoadedCode>{};
    }

    // Null if blobs are stored in clear. Lives as long as the request.
    [[nodiscard]] virtual const Encryption* encryption() const { return nullptr; }

    // Reads the model from `path` instead of the caller's path. `owner` keeps that file alive, and
    // is released once the model is read; parts that are still mapped need no name.
    virtual void read_from(std::string path, std::shared_ptr<const void> owner) = 0;

    // If reading a model unpacks its weights into memory, moves them to `scratch` afterwards.
    virtual void unpack_into(std::shared_ptr<Scratch> scratch) = 0;
    // Reads the model that is to be compiled, if that was not done; throws the runtime's
    // exceptions. Returns where its weights are, valid until `release_model`; nothing if the caller
    // owns them.
    [[nodiscard]] virtual std::vector<std::span<const std::byte>> read_weights() = 0;

    // Compiles with the caller's own properties, exactly as if larder were not there.
    virtual void compile_untouched() = 0;
    // Compiles without the runtime's own cache.
    virtual void compile() = 0;
    // Compiles with the runtime's own cache in `cache`. True if the model came from there.
    virtual bool compile_with(const PrivateCache& cache) = 0;
    // Of a device that exports blobs: whether the runtime may put another around it, which does
    // not, and leaves files in its own cache alone. Reads the model. `is_wrapped`: whether it has.
    [[nodiscard]] virtual bool may_be_wrapped() { return false; }
    [[nodiscard]] virtual bool is_wrapped() { return false; }
    // Whether the model just compiled is run by a stand-in, while the device that it is for is
    // still compiling it.
    [[nodiscard]] virtual bool is_stood_in_for() { return false; }

    // Returns what a machine needs to import the blob of the model just compiled; empty if the
    // device does not report that.
    [[nodiscard]] virtual std::string requirements() = 0;
    // Tells whether the device copies everything that it imports.
    [[nodiscard]] virtual bool copies_blob() { return false; }
    // Tells whether an imported model holds its blob for as long as it lives, needed or not.
    [[nodiscard]] virtual bool holds_blob() { return true; }
    // True if the exported blob holds no weights, and importing it needs the model's files.
    [[nodiscard]] virtual bool exports_without_weights() = 0;
    // Tells whether the device may build more kernels while the model that was just compiled runs.
    [[nodiscard]] virtual bool makes_kernels() { return false; }
    // Tells whether an import for this request can be given a directory of kernels.
    [[nodiscard]] virtual bool takes_kernels() { return true; }
    // A model that is imported from now on reads kernels from this directory, and writes new ones
    // there; none if it is empty. The directory may be removed before the model.
    virtual void keep_kernels_in(const std::string& /*directory*/) {}
    // Writes the compiled model's blob. Errc::unsupported if the device cannot; the sink's own
    // errors are passed on. May be called again after a failure.
    [[nodiscard]] virtual Result<void> export_blob(BlobSink& sink) = 0;

    // Returns the inputs of the model just compiled, for people: "images[1,3,224,224]". Empty if
    // unknown.
    [[nodiscard]] virtual std::string input_shapes() { return {}; }
    // Returns the names of inputs and outputs of the model just compiled that neither the model nor
    // its blob shows. Usually empty; to be given to `expect_port_names` before an import.
    [[nodiscard]] virtual std::string port_names() { return {}; }
    // The same for the other kind of request for the model: by the path of its file, or by the
    // graph that the runtime reads from it.
    [[nodiscard]] virtual std::string port_names_asked_otherwise() { return {}; }
    virtual void expect_port_names(const std::string& /*names*/) {}

    // Property values that the device settled on for the model just compiled, and that an import
    // would not settle on; usually empty. Pass it to `expect_settled_properties` before an import,
    // and before a `compile_with` that is to be answered from the cache.
    [[nodiscard]] virtual std::string settled_properties() { return {}; }
    virtual void expect_settled_properties(const std::string& /*settled*/) {}

    [[nodiscard]] virtual Compatibility check(const std::string& requirements) = 0;
    // Returns the file names of the libraries that allocate the memory a blob is unpacked into.
    // They are loaded before a blob is imported, once the device has answered any question. Empty
    // if that is not memory of this process, or is shared by several processes anyway.
    [[nodiscard]] virtual std::vector<std::string_view> unpacking_libraries() const { return {}; }
    // These two identify the work of an import among other work of the process: the libraries that
    // start threads for it; and a function that those import, and call on the requesting thread
    // before a compiled model gets its threads (empty if there is none).
    [[nodiscard]] virtual std::vector<std::string_view> starting_libraries() const {
        return unpacking_libraries();
    }
    [[nodiscard]] virtual std::string_view making_function() const { return {}; }
    // Inputs and outputs get the names that compiling would give them. Errc::incompatible if the
    // runtime refuses the blob; any other error is temporary.
    [[nodiscard]] virtual Result<void> import_blob(const Blob& blob, bool without_weights) = 0;

    // Runs the compiled model once, on zeros, if a part of its blob may be unpacked only then. The
    // program cannot notice it. Errc::unsupported if zeros may be invalid input, if the inference
    // failed, or if it has not ended by `limit`.
    [[nodiscard]] virtual Result<void> warm_up(std::chrono::nanoseconds limit) = 0;

    // Releases the model that was read or built for compiling; the compiled one stays.
    virtual void release_model() = 0;
    // Tells whether a compiled model keeps what it was compiled from in memory for as long as it
    // lives, while an imported one keeps only its blob.
    [[nodiscard]] virtual bool compiled_holds_model() const = 0;
    // Releases the compiled model. Another is then compiled or imported in its place.
    virtual void release_compiled() = 0;

    [[nodiscard]] virtual const StageTimes& times() const = 0;
};

}  // namespace larder::internal::runtime
