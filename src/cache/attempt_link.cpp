// A model has two keys: it can be requested as a file, and as the graph that the runtime reads from
// that file. An entry that was compiled for one key is linked to the other, so that both share one
// blob.
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "cache/attempt.h"
#include "cache/kept_form.h"
#include "cache/link.h"
#include "cache/refer_to_files.h"

namespace larder::internal::cache {
namespace {

constexpr const char* k_ports_note = "port names";
constexpr const char* k_other_ports_note = "port names asked otherwise";

void set_note(format::Manifest& manifest, const char* name, std::string text) {
    if (text.empty()) {
        manifest.notes.erase(name);
    } else {
        manifest.notes[name] = std::move(text);
    }
}

}  // namespace

std::string file_of(const model::MemoryContent& weights) {
    std::vector<std::string> found;
    for (const auto& file : weights.files) {
        auto path = std::filesystem::path(file.path);
        if (path.extension() == ".bin") path.replace_extension(".xml");
        found.push_back(path.string());
    }
    std::ranges::sort(found);
    const auto repeated = std::ranges::unique(found);
    found.erase(repeated.begin(), repeated.end());
    return found.size() == 1 ? found.front() : std::string{};
}

bool can_be_linked(const format::Manifest& manifest) {
    // Entries of earlier larder versions lack the port names for the other kind of request.
    return manifest.notes.contains(k_names_note) && manifest.weights == format::Weights::embedded &&
           !manifest.parts.empty() &&
           (manifest.encoding == format::Encoding::raw ||
            manifest.encoding == format::Encoding::referring ||
            manifest.encoding == format::Encoding::compressed);
}

bool may_be_linked(const Session& session, const runtime::Request& request,
                   const Identified& identified) {
    return identified.caching == runtime::Caching::blob && request.encryption() == nullptr &&
           !identified.inputs.contains("model.names") && session.config().mode != Mode::refresh;
}

std::optional<LinkedEntry> entry_of_graph(Session& session, store::Store& store,
                                          runtime::Request& request, const Identified& identified) {
    if (!may_be_linked(session, request, identified) || !identified.files) return std::nullopt;
    if (request.exports_without_weights()) return std::nullopt;
    auto graph = key_of_graph(session, request, identified.inputs);
    if (!graph) return std::nullopt;
    auto found = store.find(graph->key).manifest;
    if (!found || is_withheld(*found) || !can_be_linked(*found)) return std::nullopt;
    // A hit by path shows the names that are in the blob: they must be those of the file.
    const auto names = request.hash_names();
    if (!names || note_in(*found, k_names_note) != names->hex()) return std::nullopt;
    return LinkedEntry{std::move(*found), std::move(graph->weights)};
}

std::optional<LinkedEntry> entry_of_file(Session& session, store::Store& store,
                                         runtime::Request& request, const Identified& identified) {
    if (!may_be_linked(session, request, identified) || !identified.weights) return std::nullopt;
    const auto path = file_of(*identified.weights);
    if (path.empty()) return std::nullopt;
    const auto in_file = request.with_model_in(path);
    if (!in_file) return std::nullopt;
    const auto by_path = identify_file(session, *in_file, path);
    if (!by_path) return std::nullopt;
    auto found = store.find(by_path->key).manifest;
    if (!found || is_withheld(*found) || !can_be_linked(*found)) return std::nullopt;
    // The file may have changed since.
    const auto graph = key_of_graph(session, *in_file, by_path->inputs);
    if (!graph || graph->key != identified.key) return std::nullopt;
    if (!confirm_unchanged(session, *in_file, *by_path)) return std::nullopt;
    return LinkedEntry{std::move(*found), {}};
}

bool Attempt::link_entry_of_file() {
    if (model_.origin != ModelOrigin::memory) return false;
    const auto found = entry_of_file(session_, *store_, request_, identified_);
    return found && link(found->manifest.key);
}

bool Attempt::link_entry_of_graph() {
    const auto found = entry_of_graph(session_, *store_, request_, identified_);
    if (!found || !confirm_model()) return false;
    return link(found->manifest.key, &found->weights);
}

bool Attempt::link(const format::Key& other, const model::MemoryContent* weights) {
    auto found = store_->find(other);
    if (!found.manifest || is_withheld(*found.manifest) || !can_be_linked(*found.manifest)) {
        return false;
    }
    store::Publication publication;
    publication.manifest = std::move(*found.manifest);
    std::vector<std::byte> object;
    if (weights != nullptr && publication.manifest.encoding == format::Encoding::referring) {
        // The object refers to constants in memory, but this request needs it to refer to the files
        // that hold them.
        const auto& part = publication.manifest.own_part();
        const auto kept = store_->open_object(other, part, session_.config().verify);
        auto changed =
            kept ? refer_to_files(kept->bytes(), *weights, *identified_.files) : fail(kept.error());
        if (!changed) {
            session_.log().debug("an entry is not linked: " + changed.error().message());
            return false;
        }
        object = std::move(*changed);
        publication.sources.push_back(
            {part.name, [&](store::StagedFile& file) { return file.write_at(0, object); }});
        std::ranges::copy_if(publication.manifest.parts, std::back_inserter(publication.kept),
                             [&](const format::Part& each) { return each != part; });
    } else {
        publication.kept = publication.manifest.parts;
    }
    publication.manifest.key_inputs = identified_.inputs;
    publication.manifest.model = identified_.model;
    auto ports = note_in(publication.manifest, k_other_ports_note);
    set_note(publication.manifest, k_other_ports_note, note_in(publication.manifest, k_ports_note));
    set_note(publication.manifest, k_ports_note, std::move(ports));
    const auto published = publish(publication);
    if (!published) {
        session_.log().debug("an entry is not linked: " + published.error().message());
    }
    return published.has_value();
}

void Attempt::note_names(format::Manifest& manifest) const {
    if (request_.encryption() != nullptr) return;
    set_note(manifest, k_shapes_note, request_.input_shapes());
    if (model_.origin == ModelOrigin::caller) return;
    set_note(manifest, k_ports_note, request_.port_names());
    if (!may_be_linked(session_, request_, identified_)) return;
    const auto names = request_.hash_names();
    if (!names) return;
    manifest.notes[k_names_note] = names->hex();
    set_note(manifest, k_other_ports_note, request_.port_names_asked_otherwise());
}

}  // namespace larder::internal::cache
