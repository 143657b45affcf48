#include "workshop.h"

#include <chrono>
#include <filesystem>
#include <thread>

#include "model_files/gguf_writer.h"
#include "model_files/onnx_writer.h"

namespace larder::internal::model {
namespace {

std::vector<std::uint64_t> flat(const os::FileStamp& stamp) {
    return {stamp.device, stamp.inode, stamp.size_bytes, static_cast<std::uint64_t>(stamp.mtime_ns),
            static_cast<std::uint64_t>(stamp.ctime_ns)};
}

}  // namespace

std::optional<Digest> MapMemory::find(const os::FileStamp& stamp) {
    const std::lock_guard lock(mutex_);
    const auto found = digests_.find(flat(stamp));
    return found == digests_.end() ? std::nullopt : std::optional(found->second);
}

void MapMemory::remember(const os::FileStamp& stamp, const Digest& digest) {
    const std::lock_guard lock(mutex_);
    digests_[flat(stamp)] = digest;
}

std::optional<std::string> MapMemory::find_derived(const os::FileStamp& stamp,
                                                   std::string_view kind) {
    const std::lock_guard lock(mutex_);
    const auto found = derived_.find({flat(stamp), std::string(kind)});
    return found == derived_.end() ? std::nullopt : std::optional(found->second);
}

void MapMemory::remember_derived(const os::FileStamp& stamp, std::string_view kind,
                                 std::string_view text) {
    const std::lock_guard lock(mutex_);
    derived_[{flat(stamp), std::string(kind)}] = text;
}

void MapMemory::spoil_derived(const std::string& text) {
    const std::lock_guard lock(mutex_);
    for (auto& [stamp, derived] : derived_) derived = text;
}

ModelTest::ModelTest() { settle(); }

std::string ModelTest::write(const std::string& name, const std::string& content) const {
    auto result = path(name);
    std::filesystem::create_directories(std::filesystem::path(result).parent_path());
    support::write_file(result, content);
    return result;
}

os::System ModelTest::system() {
    const auto real = real_.system();
    return {fs_, clock_, real.entropy, real.process};
}

void ModelTest::settle() { clock_.set_wall(real_.system().clock.wall() + std::chrono::hours(1)); }

void ModelTest::unsettle() { clock_.set_wall(real_.system().clock.wall() - std::chrono::hours(1)); }

void ModelTest::wait_for_tick(const std::string& changed) {
    const auto before = fs_.info(changed)->stamp.ctime_ns;
    const auto tick = os::join(os::parent_directory(changed), "tick");
    do {
        support::write_file(tick, "");
        std::this_thread::yield();
    } while (fs_.info(tick)->stamp.ctime_ns == before);
    std::filesystem::remove(tick);
}

Result<ModelSource> ModelTest::find(const std::string& path) {
    return find_model_source(system(), memory_, path);
}

Result<Fingerprinted> ModelTest::print(const std::string& path) {
    return fingerprint(system(), memory_, path);
}

std::string ModelTest::hex(const std::string& path) {
    NoMemory none;
    const auto found = fingerprint(system(), none, path);
    EXPECT_TRUE(found) << found.error().message();
    return found ? found->fingerprint.hex() : "";
}

std::vector<std::string> ModelTest::roles(const Result<ModelSource>& source) {
    std::vector<std::string> roles;
    if (!source) return {source.error().message()};
    for (const auto& file : source->files) roles.push_back(file.role);
    return roles;
}

Errc ModelTest::code(const Result<ModelSource>& source) {
    EXPECT_FALSE(source);
    return source ? Errc::io : source.error().code;
}

std::string ModelTest::message(const Result<ModelSource>& source) {
    EXPECT_FALSE(source);
    return source ? "" : source.error().message();
}

std::string ir_xml() {
    return R"(<?xml version="1.0"?>
<net name="Model" version="11"><layers>
<layer id="0" name="c" type="Const" version="opset1"><data offset="0" size="4"/></layer>
</layers></net>
)";
}

const std::vector<Sample>& samples() {
    namespace files = larder::internal::model_files;
    static const std::vector<Sample> k_samples = {
        {"ir", "m.xml", {{"m.xml", ir_xml()}, {"m.bin", "weights"}}},
        {"onnx", "m.onnx", {{"m.onnx", files::onnx_model(files::graph({}))}}},
        {"onnx",
         "m.onnx",
         {{"m.onnx",
           files::onnx_model(files::graph({files::external_tensor({"w.data", 0, 4}),
                                           files::external_tensor({"deep/v.data", 2, 2})}))},
          {"deep/v.data", "valu"},
          {"w.data", "weig"}}},
        {"gguf", "m.gguf", {{"m.gguf", files::small_gguf().bytes()}}},
        {"gguf",
         "m-00001-of-00002.gguf",
         {{"m-00001-of-00002.gguf", files::gguf_shard(0, 2).bytes()},
          {"m-00002-of-00002.gguf", files::gguf_shard(1, 2).bytes()}}},
        {"tflite", "m.tflite", {{"m.tflite", std::string("\x1c\0\0\0TFL3model", 13)}}},
        {"paddle", "m.pdmodel", {{"m.pdmodel", "\x0a\x02xx"}, {"m.pdiparams", "parameters"}}},
        {"paddle",
         "m.json",
         {{"m.json", "{\n \"base_code\": {\"magic\": \"pir\", \"version\": 1}}"},
          {"m.pdiparams", "parameters"}}},
        {"tensorflow", "m.pb", {{"m.pb", "\x0a\x02xx"}}},
        {"saved_model",
         "saved",
         {{"saved/saved_model.pb", "\x08\x01\x12\x02xx"},
          {"saved/assets/words.txt", "words"},
          {"saved/variables/variables.data-00000-of-00001", "data"},
          {"saved/variables/variables.index", "index"}}},
        {"checkpoint",
         "m.meta",
         {{"m.meta", "\x0a\x02xx"},
          {"m.index", "index"},
          {"m.data-00000-of-00002", "data 0"},
          {"m.data-00001-of-00002", "data 1"}}},
    };
    return k_samples;
}

}  // namespace larder::internal::model
