#include "model/companions.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "model/file_names.h"
#include "model/ir_outline.h"

namespace larder::internal::model {
namespace {

Result<void> add(Result<ModelFile> file, ModelSource& source) {
    if (!file) return fail(std::move(file.error()));
    source.files.push_back(std::move(*file));
    return {};
}

// Returns the names of a directory's regular files, sorted; none if it does not exist.
Result<std::vector<std::string>> list_files(os::FileSystem& fs, const std::string& directory) {
    std::vector<std::string> names;
    const auto entries = fs.list(directory);
    if (!entries) {
        if (entries.error().code == Errc::not_found) return names;
        return fail(entries.error());
    }
    for (const auto& entry : *entries) {
        auto kind = entry.kind;
        if (kind == os::FileKind::symlink) {
            const auto info = fs.info(os::join(directory, entry.name));
            if (!info) return fail(info.error());
            kind = info->kind;
        }
        if (kind == os::FileKind::regular) names.push_back(entry.name);
    }
    std::ranges::sort(names);
    return names;
}

// A file "<stem>.data-00000-of-00002".
struct DataShard {
    std::string name;
    ShardNumber number;
};

Result<void> check_complete(const std::vector<DataShard>& shards, const std::string& stem) {
    // A directory may contain shards of an earlier save: one complete set is enough.
    std::string missing = stem + ".data-00000-of-00001";
    for (const auto& candidate : shards) {
        const auto count = candidate.number.count;
        const auto have = std::ranges::count_if(
            shards, [&](const DataShard& shard) { return shard.number.count == count; });
        if (static_cast<std::uint64_t>(have) >= count) return {};
        std::uint32_t number = 0;
        while (std::ranges::any_of(shards, [&](const DataShard& shard) {
            return shard.number.count == count && shard.number.number == number;
        })) {
            ++number;
        }
        missing = stem + ".data-" + shard_text({number, count});
    }
    return fail(missing_file(missing));
}

// Resolves a location as OpenVINO does: absolute ones too, as long as the file is inside the
// model's directory after resolving links. Empty if it is not.
std::string external_path(const Search& search, const std::string& directory,
                          const std::string& location) {
    if (location.find('\0') != std::string::npos) return {};
    const auto path = location.starts_with('/') ? location : os::join(directory, location);
    const auto normal = normal_location(location);
    if (!normal.empty()) {
        // "a/../x" means x, even if there is no directory a.
        return search.exists(path) ? path : os::join(directory, normal);
    }
    const auto resolved = search.fs().canonical(path);
    const auto inside = search.fs().canonical(directory);
    return resolved && inside && resolved->starts_with(os::join(*inside, "")) ? path
                                                                              : std::string{};
}

}  // namespace

Result<void> add_ir_weights(const Search& search, ModelSource& source) {
    const auto path = with_extension(source.path, ".bin");
    auto weights = search.find_needed("bin", path);
    if (weights || weights.error().code != Errc::not_found) return add(std::move(weights), source);
    const auto opened = open_regular(search.fs(), source.path);
    if (!opened) return fail(opened.error());
    FileSource bytes(*opened->file, opened->stamp.size_bytes);
    const auto needed = has_constants(bytes);
    if (!needed) return fail(at_path(needed.error(), source.path));
    if (*needed) return add(std::move(weights), source);
    return {};
}

Result<void> add_external_files(const Search& search, const OnnxOutline& outline,
                                ModelSource& source) {
    const auto directory = os::parent_directory(source.path);
    for (const auto& external : outline.external_files) {
        const auto path = external_path(search, directory, external.location);
        if (path.empty()) {
            return fail(Errc::invalid_argument,
                        "its external data '" + printable(external.location) +
                            "' is outside the directory of",
                        source.path);
        }
        auto file = search.find_needed("external:" + external.location, path);
        if (file && file->stamp.size_bytes < external.size_bytes_min) {
            return fail(Errc::damaged,
                        "truncated: the model's tensors end at byte " +
                            std::to_string(external.size_bytes_min) + ", the file has " +
                            std::to_string(file->stamp.size_bytes) + ":",
                        file->path);
        }
        if (auto added = add(std::move(file), source); !added) return added;
    }
    return {};
}

Result<void> add_shards(const Search& search, const GgufOutline& outline, ModelSource& source) {
    if (outline.shard_count == 1) return {};
    const auto name = parse_shard_name(source.path);
    if (!name || name->number.count != outline.shard_count) {
        const auto wanted = shard_text({outline.shard + 1, outline.shard_count});
        return fail(Errc::not_found, "the other shards of the model cannot be found:", source.path,
                    "its name must end in -" + wanted + ".gguf");
    }
    std::vector<ModelFile> files;
    for (std::uint32_t i = 0; i < outline.shard_count; ++i) {
        const auto path =
            name->stem + "-" + shard_text({i + 1, outline.shard_count}) + name->extension;
        auto seen = search.look("shard:" + std::to_string(i + 1), path, OnnxDoubt::other);
        if (!seen && seen.error().code == Errc::not_found) return fail(missing_file(path));
        if (!seen) return fail(std::move(seen.error()));
        if (seen->content.kind != ContentKind::gguf ||
            seen->content.gguf != GgufOutline{i, outline.shard_count}) {
            return fail(Errc::damaged, "not the shard that its name says:", path);
        }
        files.push_back(std::move(seen->file));
    }
    source.files = std::move(files);
    return {};
}

Result<void> add_paddle_parameters(const Search& search, ModelSource& source) {
    const auto path = with_extension(source.path, ".pdiparams");
    auto file = search.find_file("pdiparams", path);
    if (!file && file.error().code == Errc::not_found) return {};
    return add(std::move(file), source);
}

Result<void> add_checkpoint_files(const Search& search, ModelSource& source) {
    const auto stem = with_extension(source.path, "");
    if (auto added = add(search.find_needed("index", stem + ".index"), source); !added) {
        return added;
    }
    const auto directory = os::parent_directory(source.path);
    const auto names = list_files(search.fs(), directory);
    if (!names) return fail(names.error());
    const auto prefix = os::file_name(stem) + ".data-";
    std::vector<DataShard> shards;
    for (const auto& name : *names) {
        if (!name.starts_with(prefix)) continue;
        const auto number = parse_shard_text(std::string_view(name).substr(prefix.size()));
        if (number) shards.push_back({name, *number});
    }
    if (auto complete = check_complete(shards, stem); !complete) return complete;
    for (const auto& shard : shards) {
        auto file =
            search.find_needed("data-" + shard_text(shard.number), os::join(directory, shard.name));
        if (auto added = add(std::move(file), source); !added) return added;
    }
    return {};
}

Result<void> add_saved_model(const Search& search, ModelSource& source) {
    constexpr std::string_view k_graph = "saved_model.pb";
    auto graph = search.find_file(std::string(k_graph), os::join(source.path, k_graph));
    if (!graph && graph.error().code == Errc::not_found) {
        return fail(Errc::unsupported,
                    "not the directory of a model that larder knows:", source.path);
    }
    if (auto added = add(std::move(graph), source); !added) return added;
    for (const std::string_view part : {"variables", "assets"}) {
        const auto directory = os::join(source.path, part);
        const auto names = list_files(search.fs(), directory);
        if (!names) return fail(names.error());
        for (const auto& name : *names) {
            auto file =
                search.find_needed(std::string(part) + "/" + name, os::join(directory, name));
            if (auto added = add(std::move(file), source); !added) return added;
        }
    }
    return {};
}

}  // namespace larder::internal::model
