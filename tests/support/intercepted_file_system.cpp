#include "support/intercepted_file_system.h"

#include <utility>

namespace larder::internal::support {

std::string_view to_string(Operation operation) {
    switch (operation) {
        case Operation::open: return "open";
        case Operation::create: return "create";
        case Operation::read: return "read";
        case Operation::write: return "write";
        case Operation::sync: return "sync";
        case Operation::set_mode: return "set_mode";
        case Operation::file_info: return "file_info";
        case Operation::lock: return "lock";
        case Operation::is_locked: return "is_locked";
        case Operation::reopen: return "reopen";
        case Operation::info: return "info";
        case Operation::link_info: return "link_info";
        case Operation::canonical: return "canonical";
        case Operation::map: return "map";
        case Operation::make_directory: return "make_directory";
        case Operation::list: return "list";
        case Operation::sync_directory: return "sync_directory";
        case Operation::rename: return "rename";
        case Operation::link: return "link";
        case Operation::symlink: return "symlink";
        case Operation::remove: return "remove";
        case Operation::remove_directory: return "remove_directory";
        case Operation::space: return "space";
        case Operation::check_writable: return "check_writable";
        case Operation::touch: return "touch";
    }
    return "?";
}

bool changes_something(Operation operation) {
    switch (operation) {
        case Operation::create:
        case Operation::write:
        case Operation::sync:
        case Operation::set_mode:
        case Operation::touch:
        case Operation::make_directory:
        case Operation::sync_directory:
        case Operation::rename:
        case Operation::link:
        case Operation::symlink:
        case Operation::remove:
        case Operation::remove_directory: return true;
        case Operation::open:
        case Operation::read:
        case Operation::file_info:
        case Operation::lock:
        case Operation::is_locked:
        case Operation::reopen:
        case Operation::info:
        case Operation::link_info:
        case Operation::canonical:
        case Operation::map:
        case Operation::list:
        case Operation::space:
        case Operation::check_writable: break;
    }
    return false;
}

template <typename Action>
auto InterceptedFileSystem::intercept(const Call& call, const Action& action)
    -> decltype(action()) {
    if (auto refusal = before(call)) return fail(std::move(*refusal));
    auto result = action();
    if (result) after(call);
    return result;
}

class InterceptedFileSystem::InterceptedFile final : public os::File {
public:
    InterceptedFile(InterceptedFileSystem& fs, std::unique_ptr<os::File> file)
        : fs_(fs), file_(std::move(file)) {
        if (const auto info = file_->info()) inode_ = info->stamp.inode;
    }

    Result<void> read_at(std::uint64_t offset, std::span<std::byte> buffer) override {
        auto call = this->call(Operation::read);
        call.offset = offset;
        return fs_.intercept(call, [&] { return file_->read_at(offset, buffer); });
    }
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
        auto call = this->call(Operation::write);
        call.offset = offset;
        call.bytes = bytes;
        if (auto refusal = fs_.before(call)) {
            // Like a disk that becomes full: a part is written.
            if (refusal->code == Errc::no_space && bytes.size() > 1) {
                call.bytes = bytes.first(bytes.size() / 2);
                if (file_->write_at(offset, call.bytes)) fs_.after(call);
            }
            return fail(std::move(*refusal));
        }
        auto written = file_->write_at(offset, bytes);
        if (written) fs_.after(call);
        return written;
    }
    void begin_sync() noexcept override {
        ++fs_.begun_syncs_;
        file_->begin_sync();
    }
    Result<void> sync() override {
        return fs_.intercept(call(Operation::sync), [&] { return file_->sync(); });
    }
    Result<void> set_mode(std::uint32_t mode) override {
        auto call = this->call(Operation::set_mode);
        call.mode = mode;
        return fs_.intercept(call, [&] { return file_->set_mode(mode); });
    }
    Result<void> set_owner(std::uint32_t owner) override { return file_->set_owner(owner); }
    void mark_on_crash(os::Crashes crashes) override { file_->mark_on_crash(crashes); }
    Result<os::FileInfo> info() override {
        return fs_.intercept(call(Operation::file_info), [&] { return file_->info(); });
    }
    Result<void> try_lock(os::LockMode mode) override {
        return fs_.intercept(call(Operation::lock), [&] { return file_->try_lock(mode); });
    }
    Result<bool> is_locked() override {
        return fs_.intercept(call(Operation::is_locked), [&] { return file_->is_locked(); });
    }
    Result<std::unique_ptr<os::File>> reopen() override {
        return fs_.intercept(call(Operation::reopen), [&]() -> Result<std::unique_ptr<os::File>> {
            auto file = file_->reopen();
            if (!file) return fail(std::move(file.error()));
            return std::make_unique<InterceptedFile>(fs_, std::move(*file));
        });
    }
    void read_ahead(std::uint64_t offset, std::uint64_t size_bytes) noexcept override {
        file_->read_ahead(offset, size_bytes);
    }
    const std::string& path() const override { return file_->path(); }

    [[nodiscard]] os::File& inner() { return *file_; }
    [[nodiscard]] Call call(Operation operation) const {
        return Call{.operation = operation, .path = file_->path(), .inode = inode_};
    }

private:
    InterceptedFileSystem& fs_;
    std::unique_ptr<os::File> file_;
    std::uint64_t inode_ = 0;
};

Result<std::unique_ptr<os::File>> InterceptedFileSystem::open(const std::string& path,
                                                              os::OpenMode how,
                                                              std::uint32_t mode) {
    using enum os::OpenMode;
    const bool may_create = how == create_exclusive || how == create_or_open;
    const bool creates = may_create && !inner_.link_info(path);
    Call call{.operation = creates ? Operation::create : Operation::open, .path = path};
    if (auto refusal = before(call)) return fail(std::move(*refusal));
    auto file = inner_.open(path, how, mode);
    if (!file) return file;
    auto intercepted = std::make_unique<InterceptedFile>(*this, std::move(*file));
    call.inode = intercepted->call(call.operation).inode;
    call.mode = mode;
    after(call);
    return intercepted;
}

Result<os::FileInfo> InterceptedFileSystem::info(const std::string& path) {
    return intercept({.operation = Operation::info, .path = path},
                     [&] { return inner_.info(path); });
}

Result<os::FileInfo> InterceptedFileSystem::link_info(const std::string& path) {
    return intercept({.operation = Operation::link_info, .path = path},
                     [&] { return inner_.link_info(path); });
}

Result<std::string> InterceptedFileSystem::canonical(const std::string& path) {
    return intercept({.operation = Operation::canonical, .path = path},
                     [&] { return inner_.canonical(path); });
}

Result<std::shared_ptr<os::Mapping>> InterceptedFileSystem::map(os::File& file,
                                                                std::uint64_t size_bytes) {
    auto& intercepted = dynamic_cast<InterceptedFile&>(file);
    return intercept(intercepted.call(Operation::map),
                     [&] { return inner_.map(intercepted.inner(), size_bytes); });
}

Result<std::shared_ptr<os::Mapping>> InterceptedFileSystem::map_pieces(
    std::span<const os::MapPiece> pieces, std::uint64_t start_in_page) {
    std::vector<os::MapPiece> inner_pieces;
    inner_pieces.reserve(pieces.size());
    for (const auto& piece : pieces) {
        auto& intercepted = dynamic_cast<InterceptedFile&>(*piece.file);
        // Each is mapped or read: both can fail.
        for (const auto operation : {Operation::map, Operation::read}) {
            auto call = intercepted.call(operation);
            call.offset = piece.file_offset;
            if (auto refusal = before(call)) return fail(std::move(*refusal));
        }
        inner_pieces.push_back({&intercepted.inner(), piece.file_offset, piece.size_bytes});
    }
    return inner_.map_pieces(inner_pieces, start_in_page);
}

Result<bool> InterceptedFileSystem::replace_memory(os::File& file, std::span<std::byte> memory) {
    auto& intercepted = dynamic_cast<InterceptedFile&>(file);
    return intercept(intercepted.call(Operation::map),
                     [&] { return inner_.replace_memory(intercepted.inner(), memory); });
}

Result<void> InterceptedFileSystem::make_private(os::File& file, std::span<std::byte> memory) {
    auto& intercepted = dynamic_cast<InterceptedFile&>(file);
    return intercept(intercepted.call(Operation::map),
                     [&] { return inner_.make_private(intercepted.inner(), memory); });
}

Result<void> InterceptedFileSystem::make_directory(const std::string& path) {
    return intercept({.operation = Operation::make_directory, .path = path},
                     [&] { return inner_.make_directory(path); });
}

Result<std::vector<os::DirectoryEntry>> InterceptedFileSystem::list(const std::string& path) {
    return intercept({.operation = Operation::list, .path = path},
                     [&] { return inner_.list(path); });
}

Result<void> InterceptedFileSystem::sync_directory(const std::string& path) {
    return intercept({.operation = Operation::sync_directory, .path = path},
                     [&] { return inner_.sync_directory(path); });
}

Result<void> InterceptedFileSystem::rename(const std::string& from, const std::string& to) {
    return intercept({.operation = Operation::rename, .path = from, .target = to},
                     [&] { return inner_.rename(from, to); });
}

Result<void> InterceptedFileSystem::link(const std::string& from, const std::string& to) {
    return intercept({.operation = Operation::link, .path = from, .target = to},
                     [&] { return inner_.link(from, to); });
}

Result<void> InterceptedFileSystem::symlink(const std::string& target, const std::string& path) {
    return intercept({.operation = Operation::symlink, .path = path, .target = target},
                     [&] { return inner_.symlink(target, path); });
}

Result<void> InterceptedFileSystem::remove(const std::string& path) {
    return intercept({.operation = Operation::remove, .path = path},
                     [&] { return inner_.remove(path); });
}

Result<void> InterceptedFileSystem::remove_directory(const std::string& path) {
    return intercept({.operation = Operation::remove_directory, .path = path},
                     [&] { return inner_.remove_directory(path); });
}

Result<os::SpaceInfo> InterceptedFileSystem::space(const std::string& path) {
    return intercept({.operation = Operation::space, .path = path},
                     [&] { return inner_.space(path); });
}

Result<void> InterceptedFileSystem::touch(const std::string& path) {
    return intercept({.operation = Operation::touch, .path = path},
                     [&] { return inner_.touch(path); });
}

Result<void> InterceptedFileSystem::set_mtime(const std::string& path, std::int64_t mtime_ns) {
    return intercept({.operation = Operation::touch, .path = path},
                     [&] { return inner_.set_mtime(path, mtime_ns); });
}

Result<void> InterceptedFileSystem::check_writable(const std::string& path) {
    return intercept({.operation = Operation::check_writable, .path = path},
                     [&] { return inner_.check_writable(path); });
}

}  // namespace larder::internal::support
