#include "model/search.h"

#include <utility>

#include "model/settling.h"

namespace larder::internal::model {
namespace {

// Reading a longer text again is faster than remembering it.
constexpr std::size_t k_remembered_bytes_max = std::size_t{256} << 10;

}  // namespace

Result<OpenedFile> open_regular(os::FileSystem& fs, const std::string& path) {
    const auto before = fs.info(path);
    if (!before) return fail(before.error());
    if (before->kind != os::FileKind::regular) {
        return fail(Errc::unsupported, "not a regular file:", path);
    }
    auto file = fs.open(path, os::OpenMode::read);
    if (!file) return fail(std::move(file.error()));
    const auto info = (*file)->info();
    if (!info) return fail(info.error());
    if (info->kind != os::FileKind::regular) {
        return fail(Errc::unsupported, "not a regular file:", path);
    }
    return OpenedFile{std::move(*file), info->stamp};
}

Error at_path(Error error, const std::string& path) {
    if (error.path.empty()) error.path = path;
    return error;
}

Error missing_file(const std::string& path) {
    return {Errc::not_found, 0, "the model needs a file that is missing:", path, {}};
}

Result<ModelFile> Search::find_file(std::string role, const std::string& path) const {
    const auto opened = open_regular(fs_, path);
    if (!opened) return fail(opened.error());
    return ModelFile{std::move(role), path, opened->stamp};
}

Result<ModelFile> Search::find_needed(std::string role, const std::string& path) const {
    auto file = find_file(std::move(role), path);
    if (!file && file.error().code == Errc::not_found) return fail(missing_file(path));
    return file;
}

Result<SeenFile> Search::look(std::string role, const std::string& path, OnnxDoubt doubt) const {
    const auto opened = open_regular(fs_, path);
    if (!opened) return fail(opened.error());
    SeenFile seen{{std::move(role), path, opened->stamp}, {}};
    if (const auto text = memory_.find_derived(opened->stamp, k_content_text_kind)) {
        auto content = content_from_text(*text);
        // "Other" may have been recorded when the file had another name.
        const bool doubted =
            doubt == OnnxDoubt::damaged && content && content->kind == ContentKind::other;
        if (content && !doubted) {
            seen.content = std::move(*content);
            return seen;
        }
    }
    auto content = read_content(*opened, doubt);
    if (!content) return fail(at_path(std::move(content.error()), path));
    seen.content = std::move(*content);
    return seen;
}

Result<Content> Search::read_content(const OpenedFile& opened, OnnxDoubt doubt) const {
    const auto start = clock_ == nullptr ? std::chrono::nanoseconds{0} : clock_->wall();
    const bool rememberable = clock_ != nullptr && os::is_settled(opened.stamp, start.count()) &&
                              stores_can_show(fs_, opened.file->path()) &&
                              make_stores_show(*opened.file);
    FileSource source(*opened.file, opened.stamp.size_bytes);
    auto content = recognise_content(source, doubt);
    if (!content || !rememberable) return content;
    const auto after = opened.file->info();
    const auto text = to_text(*content);
    if (after && after->stamp == opened.stamp && text.size() <= k_remembered_bytes_max) {
        memory_.remember_derived(opened.stamp, k_content_text_kind, text);
    }
    return content;
}

}  // namespace larder::internal::model
