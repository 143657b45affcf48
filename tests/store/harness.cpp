#include "harness.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <set>

#include "format/compressed.h"
#include "format/larder_info.h"
#include "store/compression/frame_codec.h"

namespace larder::internal::store {

namespace stdfs = std::filesystem;
using support::read_file;

// Counted in place and copied: tests need tens of megabytes, and sanitizers watch every append.
std::string content_of(const std::string& name, int version, std::size_t size_bytes) {
    std::string line = name + "/" + std::to_string(version) + "/0\n";
    const auto first_digit = line.size() - 2;
    std::string content(size_bytes, '\0');
    std::size_t done = 0;
    while (done < size_bytes) {
        const auto count = std::min(line.size(), size_bytes - done);
        std::memcpy(&content[done], line.data(), count);
        done += count;
        auto digit = line.size() - 2;
        while (digit > first_digit && line[digit] == '9') line[digit--] = '0';
        if (line[digit] != '9') {
            ++line[digit];
        } else {
            line[digit] = '0';
            line.insert(first_digit, 1, '1');
        }
    }
    return content;
}

std::string halves_as_floats(std::size_t size_bytes, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::string text(size_bytes + 8, '\0');
    for (std::size_t i = 0; i < size_bytes; i += 8) {
        // Sign, an exponent of few, and of the 23 bits of the mantissa the 10 that are left.
        const auto word = (random() & 0x81FFE000'81FFE000U) | 0x3A000000'3A000000U;
        std::memcpy(text.data() + i, &word, 8);
    }
    text.resize(size_bytes);
    return text;
}

PartSource source_of(const std::string& name, const std::string& content) {
    return {name, [content](StagedFile& file) {
                return file.write_at(0, std::as_bytes(std::span(content)));
            }};
}

Key key_of(const std::string& name) { return format::key_of({{"name", name}}); }

Publication blob_of(const std::string& name, const std::string& content) {
    Publication publication;
    publication.manifest.key_inputs = {{"name", name}};
    publication.sources.push_back(source_of("", content));
    return publication;
}

Publication blob(const std::string& name, int version, std::size_t size_bytes) {
    auto publication = blob_of(name, content_of(name, version, size_bytes));
    publication.manifest.notes = {{"version", std::to_string(version)},
                                  {"bytes", std::to_string(size_bytes)}};
    return publication;
}

namespace {

constexpr std::size_t k_begin_bytes = 4096 + 70;

// The blob as pieces of an object that has `common` at `offset`, and what is left of it.
Result<void> write_referring(StagedFile& file, const std::string& blob, const std::string& common,
                             const MappedObject& object, std::uint64_t offset) {
    constexpr std::uint64_t k_own_begin = 4096;
    const auto end_begin = k_begin_bytes + common.size();
    format::Referring table;
    table.blob_bytes = blob.size();
    table.referred = {{format::ReferredKind::object, object.digest, object.bytes().size()}};
    table.pieces = {{0, k_own_begin, k_begin_bytes},
                    {1, offset, common.size()},
                    {0, k_own_begin + k_begin_bytes, blob.size() - end_begin}};
    auto done = file.write_at(0, format::encode_referring(table));
    const auto own = blob.substr(0, k_begin_bytes) + blob.substr(end_begin);
    if (done) done = file.write_at(k_own_begin, std::as_bytes(std::span(own)));
    file.set_form({Encoding::referring,
                   std::string(format::k_made_part),
                   blob.size(),
                   {{"shared 1", object.digest, object.bytes().size()}},
                   common.size()});
    return done;
}

}  // namespace

std::string blob_of_family(const std::string& common, std::uint64_t seed) {
    return random_text(k_begin_bytes, 1'000 + seed) + common + random_text(5'000, 2'000 + seed);
}

Publication member_of_family(Store& store, const std::string& name, const std::string& common,
                             std::uint64_t seed) {
    const auto blob = blob_of_family(common, seed);
    auto publication = blob_of(name, blob);
    const auto family = hash_bytes(std::as_bytes(std::span(common)));
    publication.families = {family};
    publication.sources.front().write = [&store, blob, common, family](StagedFile& file) {
        for (const auto& object : store.shareable({&family, 1})) {
            const auto offset = text_of(object).find(common);
            if (offset == std::string::npos) continue;
            return write_referring(file, blob, common, object, offset);
        }
        return file.write_at(0, std::as_bytes(std::span(blob)));
    };
    return publication;
}

Publication files(const std::string& name, const std::map<std::string, std::string>& contents) {
    Publication publication;
    publication.manifest.key_inputs = {{"name", name}};
    publication.manifest.encoding = Encoding::files;
    for (const auto& [file, content] : contents) {
        publication.sources.push_back(source_of(file, content));
    }
    return publication;
}

bool MapMemory::contains(const os::FileStamp& stamp, const Digest& object) {
    const std::lock_guard lock(mutex_);
    return std::find(known_.begin(), known_.end(), std::pair(stamp, object)) != known_.end();
}

void MapMemory::remember(const os::FileStamp& stamp, const Digest& object) {
    const std::lock_guard lock(mutex_);
    known_.emplace_back(stamp, object);
}

void MapMemory::clear() {
    const std::lock_guard lock(mutex_);
    known_.clear();
}

Machine::Machine(os::FileSystem& fs, os::Clock* clock)
    : fs_(fs), clock_(clock), log_(LogLevel::debug, [this](LogLevel, std::string_view message) {
          const std::lock_guard lock(mutex_);
          logged_.append(message).append("\n");
      }) {}

os::System Machine::system() {
    const auto real = real_.system();
    return {fs_, clock_ == nullptr ? real.clock : *clock_, real.entropy, real.process};
}

Result<std::unique_ptr<Store>> Machine::open(OpenOptions options) {
    return Store::open(system(), log_, memory_, std::move(options));
}

std::unique_ptr<Store> Machine::must_open(const std::string& directory) {
    auto store = open({.directory = directory});
    EXPECT_TRUE(store) << store.error().message();
    return store ? std::move(*store) : nullptr;
}

std::string Machine::logged() const {
    const std::lock_guard lock(mutex_);
    return logged_;
}

namespace {

// The blob of a compressed entry; empty for other entries.
std::string undone(const std::string& object) {
    const auto bytes = std::as_bytes(std::span(object));
    const auto table = format::decode_compressed(bytes, bytes.size());
    if (!table) return {};
    std::string blob(table->blob_bytes, '\0');
    FrameUnpacker unpacker;
    for (std::uint64_t i = 0; i < table->frames.size(); ++i) {
        const auto& frame = table->frames[i];
        const auto target =
            std::as_writable_bytes(std::span(blob))
                .subspan(i * format::k_frame_bytes, format::frame_bytes(blob.size(), i));
        const PackedFrame packed{frame.method, bytes.subspan(frame.offset, frame.bytes)};
        if (!unpacker.unpack(packed, target)) return {};
    }
    return blob;
}

class Reader {
public:
    explicit Reader(const stdfs::path& directory) : directory_(directory) {}

    Contents read() {
        const auto info = format::decode_larder_info(read_file(directory_ / "larder.json"));
        if (!info) add("larder.json: " + info.error().message());
        for_each_file("entries", [&](const stdfs::path& path) { read_entry(path); });
        for_each_file("objects", [&](const stdfs::path& path) {
            const auto name = path.filename().string();
            if (path.extension() != ".chunks" && !used_.contains(name)) {
                contents_.unused.push_back(name);
            }
        });
        return std::move(contents_);
    }

private:
    void add(const std::string& what) { contents_.damage += what + "\n"; }

    template <typename Visit>
    void for_each_file(const char* folder, const Visit& visit) {
        if (!stdfs::exists(directory_ / folder)) return;
        for (const auto& fan : stdfs::directory_iterator(directory_ / folder)) {
            if (!fan.is_directory()) continue;
            for (const auto& file : stdfs::directory_iterator(fan.path())) visit(file.path());
        }
    }

    void read_entry(const stdfs::path& path) {
        const auto key = Key::from_hex(path.stem().string());
        if (!key || path.extension() != ".json") return add("stranger: " + path.string());
        const auto manifest = format::decode_manifest(read_file(path), *key);
        if (!manifest) return add(path.string() + ": " + manifest.error().message());
        const auto name = manifest->key_inputs.at("name");
        bool whole = true;
        for (const auto& part : manifest->parts) {
            const auto hex = part.object.hex();
            const auto object = directory_ / "objects" / hex.substr(0, 2) / hex;
            used_.insert(hex);
            if (!stdfs::exists(object)) {
                contents_.missing.push_back(name);
                whole = false;
                continue;
            }
            check_object(*manifest, name, part, read_file(object));
        }
        if (whole) {
            contents_.compressed += manifest->encoding == Encoding::compressed ? 1 : 0;
            const auto note = manifest->notes.find("version");
            contents_.versions[name] = note == manifest->notes.end() ? 0 : std::stoi(note->second);
        }
    }

    void check_object(const Manifest& manifest, const std::string& name, const Part& part,
                      const std::string& content) {
        if (hash_chunked(std::as_bytes(std::span(content))) != part.object ||
            content.size() != part.bytes) {
            add("damaged object of " + name);
        }
        if (!manifest.notes.contains("version")) return;
        const bool is_compressed = manifest.encoding == Encoding::compressed;
        const auto blob = is_compressed ? undone(content) : content;
        const auto expected = content_of(name, std::stoi(manifest.notes.at("version")),
                                         std::stoul(manifest.notes.at("bytes")));
        if (blob != expected) add("another object than was published for " + name);
    }

    stdfs::path directory_;
    Contents contents_;
    std::set<std::string> used_;
};

}  // namespace

Contents read_larder(const stdfs::path& directory) { return Reader(directory).read(); }

LarderTest::LarderTest() : store_(machine_.must_open(larder())) {}

std::string LarderTest::path_of(const Key& key) const {
    const auto hex = key.hex();
    return larder() + "/entries/" + hex.substr(0, 2) + "/" + hex + ".json";
}

std::string LarderTest::path_of(const Digest& object) const {
    const auto hex = object.hex();
    return larder() + "/objects/" + hex.substr(0, 2) + "/" + hex;
}

std::string text_of(const MappedObject& object) {
    const auto bytes = object.bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace larder::internal::store
