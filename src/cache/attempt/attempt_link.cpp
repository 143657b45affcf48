// An entry that was compiled for one key of a model is linked to the other, so that both share one
// blob (cache/identify/link.h).
#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "cache/attempt/attempt.h"
#include "cache/blob/refer_to_files.h"
#include "cache/entries/kept_form.h"
#include "cache/identify/link.h"

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
