#include "support/crash_file_system.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <stdexcept>

#include <sys/stat.h>

#include "support/temporary_directory.h"

namespace larder::internal::support {

namespace stdfs = std::filesystem;

CrashFileSystem::CrashFileSystem(os::FileSystem& inner, const stdfs::path& root)
    : InterceptedFileSystem(inner), root_(root) {
    tree_ = load(root);
}

CrashFileSystem::~CrashFileSystem() = default;

std::shared_ptr<CrashFileSystem::Node> CrashFileSystem::load(const stdfs::path& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0)
        throw std::runtime_error("cannot examine " + path.string());
    if (const auto known = by_inode_.find(status.st_ino); known != by_inode_.end()) {
        return known->second;
    }
    auto node = std::make_shared<Node>();
    node->mode = status.st_mode & 07777;
    node->is_directory = S_ISDIR(status.st_mode);
    if (node->is_directory) {
        for (const auto& entry : stdfs::directory_iterator(path)) {
            node->names[entry.path().filename()] = load(entry.path());
        }
        node->durable_names = node->names;
    } else {
        const auto text = read_file(path);
        const auto bytes = std::as_bytes(std::span(text));
        node->bytes.assign(bytes.begin(), bytes.end());
        node->durable_bytes = node->bytes;
        by_inode_[status.st_ino] = node;
    }
    return node;
}

std::optional<stdfs::path> CrashFileSystem::relative(const std::string& path) const {
    const auto below = stdfs::path(path).lexically_normal().lexically_relative(root_);
    if (below.empty() || *below.begin() == "..") return {};
    return below;
}

std::shared_ptr<CrashFileSystem::Node> CrashFileSystem::find(const std::string& path) const {
    const auto below = relative(path);
    if (!below) return {};
    auto node = tree_;
    for (const auto& name : *below) {
        if (name == "." || name.empty()) continue;
        const auto found = node->names.find(name);
        if (found == node->names.end()) return {};
        node = found->second;
    }
    return node;
}

CrashFileSystem::Names* CrashFileSystem::names_above(const std::string& path) const {
    const auto parent = find(os::parent_directory(path));
    return parent ? &parent->names : nullptr;
}

void CrashFileSystem::cut_power_after(std::uint64_t calls_before) {
    const std::lock_guard lock(mutex_);
    calls_ = 0;
    cut_after_ = calls_before;
    cut_at_.clear();
}

bool CrashFileSystem::is_cut() const {
    const std::lock_guard lock(mutex_);
    return !cut_at_.empty();
}

std::uint64_t CrashFileSystem::calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

std::string CrashFileSystem::cut_at() const {
    const std::lock_guard lock(mutex_);
    return cut_at_;
}

std::optional<Error> CrashFileSystem::before(const Call& call) {
    const std::lock_guard lock(mutex_);
    ++calls_;
    if (!cut_after_ || calls_ <= *cut_after_) return {};
    if (cut_at_.empty()) {
        cut_at_ = std::string(to_string(call.operation)) + " " + call.path;
        if (!call.target.empty()) cut_at_ += " -> " + call.target;
    }
    return Error::from_errno("the power is cut:", call.path, EIO);
}

void CrashFileSystem::after(const Call& call) {
    const std::lock_guard lock(mutex_);
    if (cut_at_.empty()) note(call);
}

void CrashFileSystem::note(const Call& call) {
    switch (call.operation) {
        case Operation::create:
            if (auto* names = names_above(call.path)) {
                auto node = std::make_shared<Node>();
                by_inode_[call.inode] = node;
                (*names)[os::file_name(call.path)] = node;
            }
            return;
        case Operation::write: {
            const auto& node = by_inode_.at(call.inode);
            const auto end = call.offset + call.bytes.size();
            if (node->bytes.size() < end) node->bytes.resize(end);
            std::copy(call.bytes.begin(), call.bytes.end(),
                      node->bytes.begin() + static_cast<std::ptrdiff_t>(call.offset));
            return;
        }
        case Operation::sync: {
            const auto& node = by_inode_.at(call.inode);
            node->durable_bytes = node->bytes;
            return;
        }
        case Operation::set_mode: by_inode_.at(call.inode)->mode = call.mode; return;
        case Operation::make_directory:
            if (auto* names = names_above(call.path)) {
                auto node = std::make_shared<Node>();
                node->is_directory = true;
                (*names)[os::file_name(call.path)] = node;
            }
            return;
        case Operation::sync_directory:
            if (const auto node = find(call.path)) node->durable_names = node->names;
            return;
        case Operation::rename:
        case Operation::link: {
            const auto node = find(call.path);
            auto* to = names_above(call.target);
            if (!node || to == nullptr) return;
            (*to)[os::file_name(call.target)] = node;
            if (call.operation == Operation::rename) {
                names_above(call.path)->erase(os::file_name(call.path));
            }
            return;
        }
        case Operation::remove:
        case Operation::remove_directory:
            if (auto* names = names_above(call.path)) names->erase(os::file_name(call.path));
            return;
        case Operation::symlink: throw std::logic_error("no symbolic links in here");
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
        case Operation::touch:
        case Operation::check_writable: return;
    }
}

void CrashFileSystem::write(const Node& node, const stdfs::path& target, const Survival& survival,
                            std::mt19937& random) {
    const auto survives = [&] {
        return std::uniform_real_distribution<>(0, 1)(random) < survival.chance;
    };
    if (node.is_directory) {
        stdfs::create_directory(target);
        std::set<std::string> all;
        for (const auto& [name, child] : node.names) all.insert(name);
        for (const auto& [name, child] : node.durable_names) all.insert(name);
        for (const auto& name : all) {
            const auto now = node.names.find(name);
            const auto durable = node.durable_names.find(name);
            const auto in_now = now == node.names.end() ? nullptr : now->second;
            const auto in_durable = durable == node.durable_names.end() ? nullptr : durable->second;
            const auto& child = in_now == in_durable || survives() ? in_now : in_durable;
            if (child) write(*child, target / name, survival, random);
        }
        return;
    }
    std::vector<std::byte> bytes;
    if (node.durable_bytes) bytes = *node.durable_bytes;
    if (!node.durable_bytes || bytes != node.bytes) {
        if (survives()) {
            bytes = node.bytes;
        } else if (survives()) {
            // Its length was written, its bytes were not.
            bytes.resize(node.bytes.size());
        }
    }
    std::ofstream stream(target, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
    if (!stream.flush()) throw std::runtime_error("cannot write " + target.string());
    stdfs::permissions(target, static_cast<stdfs::perms>(node.mode));
}

void CrashFileSystem::materialise(const stdfs::path& target, const Survival& survival) const {
    const std::lock_guard lock(mutex_);
    std::mt19937 random(survival.seed);
    write(*tree_, target, survival, random);
}

}  // namespace larder::internal::support
