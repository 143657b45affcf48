#include "store/read_ahead.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/disk/manifest_file.h"
#include "store/references/referring.h"

namespace larder::internal::store {
namespace {

// Enough to keep a disk busy, and little enough that other readers hardly wait.
constexpr std::uint64_t k_step_bytes = std::uint64_t{4} << 20;

Result<std::uint64_t> read_file(const Context& context, os::File& file, std::uint64_t bytes,
                                std::uint64_t bytes_max, const std::function<Continue()>& step) {
    // The pages of this mapping are never touched: it only shows which are in memory already.
    const auto mapping = context.fs().map(file, bytes);
    if (!mapping) return fail(mapping.error());
    const auto size = std::min(bytes, bytes_max);
    std::uint64_t read = 0;
    while (read < size && step() == Continue::yes) {
        const auto count = std::min(k_step_bytes, size - read);
        if (!(*mapping)->is_cached(read, count)) file.read_ahead(read, count);
        // Reading ahead does not report read errors, but reading the last byte does.
        std::byte last{};
        if (auto done = file.read_at(read + count - 1, std::span(&last, 1)); !done) {
            return fail(done.error());
        }
        read += count;
    }
    return read;
}

// Guesses the file with most of a model's weights from its name; a load verifies it.
std::vector<std::string> paths_of(const format::ModelInfo& model) {
    constexpr std::string_view k_ir = ".xml";
    if (!model.path.ends_with(k_ir)) return {model.path};
    return {model.path.substr(0, model.path.size() - k_ir.size()) + ".bin"};
}

}  // namespace

Result<std::uint64_t> read_ahead(const Context& context, const Digest& object,
                                 std::uint64_t bytes_max, const std::function<Continue()>& step) {
    const auto file = context.fs().open(context.layout.object(object), os::OpenMode::read);
    if (!file) return fail(file.error());
    const auto info = (*file)->info();
    if (!info) return fail(info.error());
    const auto bytes = info->stamp.size_bytes;
    auto read = read_file(context, **file, bytes, bytes_max, step);
    if (!read || *read < bytes || bytes_max == bytes || step() == Continue::no) return read;
    const auto referring = read_referring(**file, bytes);
    if (!referring) return read;
    for (const auto& referred : referring->referred) {
        if (referred.kind != format::ReferredKind::object) continue;
        const auto path = context.layout.object(referred.digest);
        const auto shared = context.fs().open(path, os::OpenMode::read);
        if (!shared) return fail(shared.error());
        const auto more = read_file(context, **shared, referred.bytes, bytes_max - *read, step);
        if (!more) return fail(more.error());
        *read += *more;
    }
    return read;
}

Result<std::uint64_t> read_model_ahead(const Context& context, const Key& key,
                                       std::uint64_t bytes_max,
                                       const std::function<Continue()>& step) {
    const auto manifest = read_manifest(context, key);
    if (!manifest) return fail(manifest.error());
    if (manifest->encoding != Encoding::referring) return 0;
    std::uint64_t read = 0;
    for (const auto& path : paths_of(manifest->model)) {
        const auto file = context.fs().open(path, os::OpenMode::read);
        if (!file) continue;
        const auto info = (*file)->info();
        const auto is_it = [&](const format::SourceFile& source) {
            return info && source.bytes == info->stamp.size_bytes;
        };
        if (std::ranges::none_of(manifest->model.files, is_it)) continue;
        const auto bytes = info->stamp.size_bytes;
        const auto more = read_file(context, **file, bytes, bytes_max - read, step);
        if (!more) return fail(more.error());
        read += *more;
    }
    return read;
}

}  // namespace larder::internal::store
