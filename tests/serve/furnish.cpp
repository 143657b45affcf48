// Fills a larder and the state of this machine with the entries and events that a test describes.
// usage: furnish DIRECTORY STATE_DIRECTORY <LINES Each line is a JSON object. An entry: {"model",
// "device", "bytes", "compile_ms", "days_ago", "kind", "inputs": {…}, "shares": NAME}; entries that
// share a NAME have the same bytes. An event: {"model", "device", "outcome", "reason", "total_ms",
// "saved_ms", "bytes", "minutes_ago"}. The use of a storage: {"storage", "hits", "misses",
// "fetched_bytes", "fetch_ms", "sent", "sent_bytes", "failures", "fault"}. Prints the keys of the
// entries.
#include <iostream>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "os/system.h"
#include "state/state.h"
#include "store/store.h"

namespace {

using Json = nlohmann::json;
namespace store = larder::internal::store;
namespace state = larder::internal::state;
namespace format = larder::internal::format;

constexpr std::int64_t k_minute_ns = 60'000'000'000;

// Incompressible bytes, the same for the same name.
std::string content_of(const std::string& name, std::size_t size_bytes) {
    std::string content;
    content.reserve(size_bytes + sizeof(std::uint64_t));
    for (std::uint64_t i = 0; content.size() < size_bytes; ++i) {
        std::uint64_t word = std::hash<std::string>{}(name) + i * 0x9e3779b97f4a7c15U;
        word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
        word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
        word ^= word >> 31U;
        content.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    content.resize(size_bytes);
    return content;
}

format::KeyInputs inputs_of(const Json& line) {
    format::KeyInputs inputs{{"device.name", line["device"]},
                             {"model.fingerprint", line["model"]},
                             {"runtime.openvino", "2026.4.1"}};
    const auto given = line.value("inputs", Json::object());
    for (const auto& [name, value] : given.items()) inputs[name] = value;
    return inputs;
}

store::Key key_of(const Json& line) { return format::key_of(inputs_of(line)); }

store::Publication publication_of(const Json& line, std::int64_t now_ns) {
    store::Publication publication;
    auto& manifest = publication.manifest;
    manifest.key_inputs = inputs_of(line);
    manifest.key = format::key_of(manifest.key_inputs);
    manifest.model.path = line["model"];
    manifest.model.kind = line.value("kind", "onnx");
    manifest.device = line["device"];
    manifest.compile_ms = line.value("compile_ms", std::uint64_t{1000});
    manifest.created_at_ns =
        now_ns - static_cast<std::int64_t>(line.value("days_ago", 1.0) * 24 * 60) * k_minute_ns;
    const auto name = line.value("shares", manifest.key.hex());
    const auto content = content_of(name, line.value("bytes", std::size_t{1000}));
    store::PartSource source;
    source.write = [content](store::StagedFile& file) {
        return file.write_at(0, std::as_bytes(std::span(content)));
    };
    publication.sources.push_back(std::move(source));
    return publication;
}

state::Event event_of(const Json& line, const std::string& larder_id, std::int64_t now_ns) {
    state::Event event;
    event.larder_id = larder_id;
    if (line.value("outcome", "") != "bypassed") event.key = key_of(line);
    event.model = line["model"];
    event.device = line["device"];
    event.outcome = line["outcome"];
    event.reason = line.value("reason", "");
    event.total_ms = line.value("total_ms", std::uint64_t{100});
    event.saved_ms = line.value("saved_ms", std::int64_t{0});
    event.written_bytes = line.value("bytes", std::uint64_t{0});
    event.at_ns = now_ns - static_cast<std::int64_t>(line.value("minutes_ago", 0.0) * k_minute_ns);
    return event;
}

void note_storage(state::State& memory, const Json& line, std::int64_t now_ns) {
    state::RemoteUse use;
    use.url = line["storage"];
    use.hits = line.value("hits", std::uint64_t{0});
    use.misses = line.value("misses", std::uint64_t{0});
    use.fetched_bytes = line.value("fetched_bytes", std::uint64_t{0});
    use.fetch_ms = line.value("fetch_ms", std::uint64_t{0});
    use.sent = line.value("sent", std::uint64_t{0});
    use.sent_bytes = line.value("sent_bytes", std::uint64_t{0});
    memory.note_remote(use);
    for (int i = 0; i < line.value("failures", 0); ++i) {
        memory.note_remote_failure(use.url, line.value("fault", ""), now_ns);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const larder::internal::os::RealSystem real;
    const auto system = real.system();
    larder::internal::Log log(larder::internal::LogLevel::warn);
    state::State memory(system, log, argv[2]);
    store::OpenOptions options;
    options.directory = argv[1];
    options.state_directory = argv[2];
    auto opened = store::Store::open(system, log, memory, options);
    if (!opened) {
        std::cerr << "furnish: " << opened.error().message() << '\n';
        return 1;
    }
    const auto now_ns = system.clock.wall().count();
    for (std::string text; std::getline(std::cin, text);) {
        const auto line = Json::parse(text);
        if (line.contains("outcome")) {
            memory.record(event_of(line, (*opened)->id(), now_ns));
            continue;
        }
        if (line.contains("storage")) {
            note_storage(memory, line, now_ns);
            continue;
        }
        const auto published = (*opened)->publish(publication_of(line, now_ns));
        if (!published) {
            std::cerr << "furnish: " << published.error().message() << '\n';
            return 1;
        }
        std::cout << published->key.hex() << '\n';
    }
    return 0;
}
