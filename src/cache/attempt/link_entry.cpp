#include "cache/attempt/link_entry.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "cache/blob/refer_to_files.h"
#include "cache/entries/notes.h"
#include "cache/identify/link.h"

namespace larder::internal::cache {
namespace {

constexpr const char* k_other_ports_note = "port names asked otherwise";

void set_note(format::Manifest& manifest, const char* name, std::string text) {
    if (text.empty()) {
        manifest.notes.erase(name);
    } else {
        manifest.notes[name] = std::move(text);
    }
}

// `weights` are those in memory, if the other key is that of a graph.
bool link(Attempt& attempt, const format::Key& other,
          const model::MemoryContent* weights = nullptr) {
    auto found = attempt.store->find(other);
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
        const auto kept = attempt.store->open_object(other, part, attempt.config().verify);
        auto changed = kept ? refer_to_files(kept->bytes(), *weights, *attempt.identified.files)
                            : fail(kept.error());
        if (!changed) {
            attempt.log().debug("an entry is not linked: " + changed.error().message());
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
    publication.durability = store::Durability::soon;
    publication.manifest.key_inputs = attempt.identified.inputs;
    publication.manifest.model = attempt.identified.model;
    auto ports = note_in(publication.manifest, k_other_ports_note);
    set_note(publication.manifest, k_other_ports_note, note_in(publication.manifest, k_ports_note));
    set_note(publication.manifest, k_ports_note, std::move(ports));
    const auto published = attempt.publish(publication);
    if (!published) {
        attempt.log().debug("an entry is not linked: " + published.error().message());
    }
    return published.has_value();
}

}  // namespace

bool link_entry_of_file(Attempt& attempt) {
    if (attempt.model.origin != ModelOrigin::memory) return false;
    const auto found =
        entry_of_file(attempt.session, *attempt.store, attempt.request, attempt.identified);
    return found && link(attempt, found->manifest.key);
}

bool link_entry_of_graph(Attempt& attempt) {
    const auto found =
        entry_of_graph(attempt.session, *attempt.store, attempt.request, attempt.identified);
    if (!found || !attempt.confirm_model()) return false;
    return link(attempt, found->manifest.key, &found->weights);
}

void note_names(const Attempt& attempt, format::Manifest& manifest) {
    if (attempt.request.encryption() != nullptr) return;
    set_note(manifest, k_shapes_note, attempt.request.input_shapes());
    if (attempt.model.origin == ModelOrigin::caller) return;
    set_note(manifest, k_ports_note, attempt.request.port_names());
    if (!may_be_linked(attempt.session, attempt.request, attempt.identified)) return;
    const auto names = attempt.request.hash_names();
    if (!names) return;
    manifest.notes[k_names_note] = names->hex();
    set_note(manifest, k_other_ports_note, attempt.request.port_names_asked_otherwise());
}

}  // namespace larder::internal::cache
