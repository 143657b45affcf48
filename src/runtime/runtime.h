// What larder needs to know of a model runtime. `openvino` implements it; the tests' fake runtime
// does too, and can stall, fail and crash.
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

// How a device lets its compiled models be kept.
enum class Caching {
    blob,       // it exports a blob and imports it again
    directory,  // it only caches through a directory that the runtime itself reads and writes
    none,
};

// Code that is loaded from a file which the runtime did not bring. The file's content decides a
// blob.
struct LoadedCode {
    std::string name;            // of the file
    std::uintptr_t address = 0;  // of something that is loaded from it
};

// What tells of a model that was given as a path.
enum class ModelContent {
    files,
    graph,  // the program changes what the runtime makes of the files: only the graph tells
};

// A part of a model because of which a device may refuse the blob that it exported itself.
struct Doubt {
    std::string library;  // the file whose code decides it
    Digest part;          // tells it from other parts
};

// Everything besides the model that decides a blob.
struct Identity {
    // Names are "device.…", "runtime.…", "process.…" and "property.…"; values are canonical.
    std::map<std::string, std::string> inputs;
    std::vector<LoadedCode> code;
    // Files that properties name, by the input that their content becomes. A path that names no
    // file adds nothing.
    std::map<std::string, std::string> files;
    ModelContent model_content = ModelContent::files;
    std::optional<Doubt> doubt;
    // Blobs may need what no input tells, such as a driver: only their requirements do.
    bool needs_more = false;
    Caching caching = Caching::none;
    std::string reason;  // why nothing can be kept; empty otherwise
};

// A verified blob. `owner` keeps the bytes alive: the runtime holds it for as long as it may look
// at them.
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
    // To be asked first, with all that will be written: an Error where it is better not done.
    [[nodiscard]] virtual Result<void> reserve(std::uint64_t size_bytes) = 0;
    // What was written, mapped read-only and shared.
    [[nodiscard]] virtual Result<Blob> map(std::uint64_t size_bytes) = 0;
};

// A program's own encryption of what is kept for it. Callbacks that throw are Errc::unsupported.
class Encryption {
public:
    Encryption() = default;
    Encryption(const Encryption&) = delete;
    Encryption& operator=(const Encryption&) = delete;
    virtual ~Encryption() = default;

    [[nodiscard]] virtual Result<std::string> encrypt(const std::string& text) const = 0;
    [[nodiscard]] virtual Result<std::string> decrypt(const std::string& text) const = 0;
};

// Hashes what a model holds in memory. Who implements it may know some of it without reading it.
class MemoryHasher {
public:
    MemoryHasher() = default;
    MemoryHasher(const MemoryHasher&) = delete;
    MemoryHasher& operator=(const MemoryHasher&) = delete;
    virtual ~MemoryHasher() = default;

    // hash_chunked of each range, in their order. They follow from the bytes alone.
    [[nodiscard]] virtual Result<std::vector<Digest>> hash(
        std::span<const std::span<const std::byte>> ranges) = 0;
};

// Whether this machine's device accepts a blob with given requirements.
enum class Compatibility { accepted, refused, unknown };

// A directory that belongs to one key alone, for devices that cache only through one.
struct PrivateCache {
    std::string directory;
    std::string name;  // stands for the model in the runtime's own cache key; the same for one key
};

// A compiled model, apart from the request that it was made by and from what the program does with
// it. Used by one thread at a time, whichever that is.
class CompiledApart {
public:
    CompiledApart() = default;
    CompiledApart(const CompiledApart&) = delete;
    CompiledApart& operator=(const CompiledApart&) = delete;
    // Lets go of the model, and with it of the memory that it was compiled from.
    virtual ~CompiledApart() = default;

    // As Request::export_blob, while the model is used.
    [[nodiscard]] virtual Result<void> export_blob(BlobSink& sink) = 0;
};

// Wall time of each stage; absent if it did not run.
struct StageTimes {
    std::optional<std::chrono::nanoseconds> read_model;
    std::optional<std::chrono::nanoseconds> compile;
    std::optional<std::chrono::nanoseconds> import;
};

// One request of the program: a model, a device and properties. The compiled model it ends with is
// kept inside and taken out by whoever made the request. Used by one thread at a time.
//
// Methods that return Result throw nothing of the runtime's. `compile…` throw what the runtime
// throws, unchanged.
class Request {
public:
    Request() = default;
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    virtual ~Request() = default;

    // An unknown device is not an error here: Caching::none, with the reason.
    [[nodiscard]] virtual Result<Identity> identify() = 0;

    // Of an identity with a doubt: why the device refuses blobs of the model; empty if it does not,
    // and nothing where that was not found out. Compiles and imports the part in doubt.
    [[nodiscard]] virtual std::optional<std::string> find_refusal() { return std::nullopt; }

    // The digest of a model in memory: its graph, weights and everything that reaches the blob.
    // Errc::unsupported where a part of it has no known meaning; the hasher's own errors are passed
    // on. Only for models in memory, and for those that were given as a path where the identity
    // says ModelContent::graph: they are read for it.
    [[nodiscard]] virtual Result<Digest> fingerprint_model(MemoryHasher& hasher) = 0;
    // The names in a model in memory, hashed, where they decide a blob too; nothing elsewhere.
    [[nodiscard]] virtual std::optional<Digest> fingerprint_names() { return std::nullopt; }
    // The names in a model, hashed, whether they decide a blob or not; reads it. Nothing where the
    // runtime knows no names.
    [[nodiscard]] virtual std::optional<Digest> hash_names() { return std::nullopt; }
    // The same request with the model in a file; null where it cannot be made, or names or anything
    // else would tell the two apart. Must not outlive what this one was made of.
    [[nodiscard]] virtual std::unique_ptr<Request> with_model_in(const std::string& /*path*/) {
        return nullptr;
    }
    // The code that such a model's operations bring with them. Errc::unsupported where it is in no
    // file.
    [[nodiscard]] virtual Result<std::vector<LoadedCode>> code_of_model() {
        return std::vector<LoadedCode>{};
    }

    // Null where what is kept may be kept in clear. Lives as long as the request.
    [[nodiscard]] virtual const Encryption* encryption() const { return nullptr; }

    // Reads the model from `path` instead of where the caller named it. `owner` keeps the file
    // there, and is let go of once the model is read; what is still mapped then needs no name.
    virtual void read_from(std::string path, std::shared_ptr<const void> owner) = 0;

    // Where reading a model unpacks its weights into memory, they move to `scratch` once it is
    // read.
    virtual void unpack_into(std::shared_ptr<Scratch> scratch) = 0;
    // Reads the model that is to be compiled, if that was not done; throws what the runtime throws.
    // Where its weights lie, until `release_model`; nothing where they are the caller's own.
    [[nodiscard]] virtual std::vector<std::span<const std::byte>> read_weights() = 0;

    // Compiles with the caller's own properties, exactly as if larder were not there.
    virtual void compile_untouched() = 0;
    // Compiles with no cache of the runtime's own underneath.
    virtual void compile() = 0;
    // Compiles with the runtime's own cache in `cache`. True if it came from there.
    virtual bool compile_with(const PrivateCache& cache) = 0;
    // Whether the model just compiled is run by a stand-in, while the device that it is for is
    // still compiling it.
    [[nodiscard]] virtual bool is_stood_in_for() { return false; }

    // What a machine needs to import the blob of the model just compiled; empty where the device
    // does not tell.
    [[nodiscard]] virtual std::string requirements() = 0;
    // Whether the device has a copy of its own of all that it imports.
    [[nodiscard]] virtual bool copies_blob() { return false; }
    // Whether an imported model holds its blob for as long as it lives, needed or not.
    [[nodiscard]] virtual bool holds_blob() { return true; }
    // True if the exported blob holds no weights, and importing it needs the model's files.
    [[nodiscard]] virtual bool exports_without_weights() = 0;
    // Whether the device may go on making kernels while the model that was just compiled runs.
    [[nodiscard]] virtual bool makes_kernels() { return false; }
    // Whether an import for what is asked can be given a directory of them.
    [[nodiscard]] virtual bool takes_kernels() { return true; }
    // A model that is imported from now on reads kernels from this directory, and writes there what
    // it makes; nowhere if it is empty. It may be gone before the model is.
    virtual void keep_kernels_in(const std::string& /*directory*/) {}
    // Writes the compiled model's blob. Errc::unsupported where the device cannot; the sink's own
    // errors are passed on. May be called again after a failure.
    [[nodiscard]] virtual Result<void> export_blob(BlobSink& sink) = 0;
    // The model just compiled, to be exported behind the program. Until it is gone the memory of
    // what was compiled stays where it is, also that of a model of the program's: who may write to
    // it, may do so meanwhile. Null where exporting is not known to leave the model, and all else
    // that the program does, undisturbed.
    [[nodiscard]] virtual std::unique_ptr<CompiledApart> compiled_apart() { return nullptr; }

    // The inputs of the model just compiled, for people: "images[1,3,224,224]". Empty where that
    // cannot be told.
    [[nodiscard]] virtual std::string input_shapes() { return {}; }
    // How the inputs and outputs of the model just compiled are named, as far as neither the model
    // nor its blob tells. Empty mostly; to be given to `expect_port_names` before an import.
    [[nodiscard]] virtual std::string port_names() { return {}; }
    // The same for a request that asks for the model in the other way: by the path of its file, or
    // by what the runtime reads of it.
    [[nodiscard]] virtual std::string port_names_asked_otherwise() { return {}; }
    virtual void expect_port_names(const std::string& /*names*/) {}

    // What the device made of the properties of the model just compiled, and an import would not;
    // empty mostly. To be given to `expect_settled_properties` before an import.
    [[nodiscard]] virtual std::string settled_properties() { return {}; }
    virtual void expect_settled_properties(const std::string& /*settled*/) {}

    [[nodiscard]] virtual Compatibility check(const std::string& requirements) = 0;
    // The libraries, by file name, that allocate what a blob is unpacked into. Loaded by the time
    // a blob is imported, if the device has answered anything.
    // Empty where it is not the memory of this process, or shared by several anyway.
    [[nodiscard]] virtual std::vector<std::string_view> unpacking_libraries() const { return {}; }
    // What tells an import from what else the process does meanwhile: the libraries that start
    // threads for it, and a function that they import, and call on the thread that asks before a
    // compiled model gets its threads; empty where there is none.
    [[nodiscard]] virtual std::vector<std::string_view> starting_libraries() const {
        return unpacking_libraries();
    }
    [[nodiscard]] virtual std::string_view making_function() const { return {}; }
    // Inputs and outputs get the names that compiling would give them. Errc::incompatible if the
    // runtime refuses the blob; any other error is one of the moment.
    [[nodiscard]] virtual Result<void> import_blob(const Blob& blob, bool without_weights) = 0;

    // Imports and lets go of it again: the compiled model stays. As `import_blob`; success where
    // the runtime need not be asked.
    [[nodiscard]] virtual Result<void> try_import(const Blob& blob, bool without_weights) = 0;

    // Runs the compiled model once, on zeros, where a part of its blob may be unpacked only then.
    // Nothing that the program could notice is left of it. Errc::unsupported where zeros may be
    // more than it can take, where it failed, or has not ended by `limit`.
    [[nodiscard]] virtual Result<void> warm_up(std::chrono::nanoseconds limit) = 0;

    // Lets go of the model that was read or built for compiling; the compiled one stays.
    virtual void release_model() = 0;
    // Whether a compiled model holds what it was compiled from in memory for as long as it lives,
    // and an imported one only its blob.
    [[nodiscard]] virtual bool compiled_holds_model() const = 0;
    // Lets go of the compiled model. Another is compiled or imported in its place.
    virtual void release_compiled() = 0;

    [[nodiscard]] virtual const StageTimes& times() const = 0;
};

}  // namespace larder::internal::runtime
