#include "cache/identify/link.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "cache/entries/blame.h"
#include "cache/entries/notes.h"

namespace larder::internal::cache {

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
    session.wait_for_published(graph->key);
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
    session.wait_for_published(by_path->key);
    auto found = store.find(by_path->key).manifest;
    if (!found || is_withheld(*found) || !can_be_linked(*found)) return std::nullopt;
    // The file may have changed since.
    const auto graph = key_of_graph(session, *in_file, by_path->inputs);
    if (!graph || graph->key != identified.key) return std::nullopt;
    if (!confirm_unchanged(session, *in_file, *by_path)) return std::nullopt;
    return LinkedEntry{std::move(*found), {}};
}

}  // namespace larder::internal::cache
