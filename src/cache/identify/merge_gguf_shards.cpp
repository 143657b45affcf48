#include "cache/identify/merge_gguf_shards.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/units.h"
#include "model/file_names.h"
#include "model/gguf_join.h"
#include "model/source.h"

namespace larder::internal::cache {
namespace {

// Runtimes recognise a GGUF file by this suffix.
constexpr std::string_view k_suffix = ".gguf";

// Without this, the runtime would report a missing tensor.
Error cannot_join(Error error) {
    error.what = "cannot join the shards of the model: " + error.what;
    if (error.code == Errc::no_space && error.remedy.empty()) {
        error.remedy =
            "free space there, or let TMPDIR name a directory with room for the whole model";
    }
    return error;
}

Result<void> check_room(os::FileSystem& fs, const store::ScratchFile& file, std::uint64_t needed) {
    const auto directory = os::parent_directory(file.path());
    const auto space = fs.space(directory);
    // If the free space is unknown, the write itself reports a lack of it.
    if (!space || space->available_bytes >= needed) return {};
    return fail(Errc::no_space,
                format_size(needed) + " are needed, and " + format_size(space->available_bytes) +
                    " are free in",
                directory);
}

Result<store::ScratchFile> join_in(Session& session, const model::ModelSource& source,
                                   Result<store::ScratchFile> file) {
    if (!file) return file;
    auto& fs = session.system().fs;
    if (auto room = check_room(fs, *file, source.total_bytes()); !room) {
        return fail(std::move(room.error()));
    }
    if (auto joined = model::join_gguf(fs, source, file->file()); !joined) {
        return fail(std::move(joined.error()));
    }
    return file;
}

// Tells whether another place may do better: faults of the model itself are the same everywhere.
bool is_about_the_place(const Error& error) {
    switch (error.code) {
        case Errc::no_space:
        case Errc::permission_denied:
        case Errc::read_only:
        case Errc::io: return true;
        case Errc::not_found:
        case Errc::already_exists:
        case Errc::too_many_files:
        case Errc::damaged:
        case Errc::unsupported:
        case Errc::incompatible:
        case Errc::timed_out:
        case Errc::busy:
        case Errc::invalid_argument: return false;
    }
    return false;
}

Result<store::ScratchFile> join(Session& session, store::Store* store,
                                const model::ModelSource& source) {
    const auto& temporary = session.config().temporary_directory;
    std::optional<Error> first;
    if (store != nullptr) {
        auto joined = join_in(session, source, store->scratch_file(k_suffix));
        if (joined || temporary.empty() || !is_about_the_place(joined.error())) return joined;
        first = std::move(joined.error());
    }
    auto joined =
        join_in(session, source, store::make_scratch_file(session.system(), temporary, k_suffix));
    if (!joined && first && is_about_the_place(joined.error())) return fail(std::move(*first));
    return joined;
}

}  // namespace

Result<void> merge_gguf_shards(Session& session, store::Store* store, runtime::Request& request,
                               const ModelReference& model) {
    // The name alone tells a shard; no other model's file is read.
    if (model.origin != ModelOrigin::path || !model::parse_shard_name(model.path)) return {};
    const auto source = model::find_model_source(session.system().fs, model.path);
    if (!source) {
        if (model::extension_of(model.path) != k_suffix) return {};
        return fail(source.error());
    }
    if (!model::is_split_gguf(*source)) return {};
    auto joined = join(session, store, *source);
    if (!joined) return fail(cannot_join(std::move(joined.error())));
    auto owner = std::make_shared<store::ScratchFile>(std::move(*joined));
    auto path = owner->path();
    request.read_from(std::move(path), std::move(owner));
    return {};
}

}  // namespace larder::internal::cache
