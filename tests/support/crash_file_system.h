// A file system that knows which data would survive a power cut.
//
// It passes every call to a real one, and keeps a model beside it: for each file the bytes, and the
// bytes as of its last sync; for each directory the names, and the names as of its last
// sync_directory. Nothing else counts as durable: a new name is not durable until its directory was
// synced, and a name may survive without the bytes of its file. From the power cut on, every call
// fails and changes nothing. Then the surviving data is written into a new directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "support/intercepted_file_system.h"

namespace larder::internal::support {

// The fate of unsynced names and bytes. A disk writes in any order.
struct Survival {
    // The probability for each unsynced name, and for each file's unsynced bytes, independently. 0:
    // none survives; 1: all survive.
    double chance = 0;
    std::uint32_t seed = 0;
};

// Thread-safe. Knows only calls that go through it.
class CrashFileSystem final : public InterceptedFileSystem {
public:
    // Everything that is below `root` now counts as durable.
    CrashFileSystem(os::FileSystem& inner, const std::filesystem::path& root);
    ~CrashFileSystem() override;

    // The power cut happens at the call after `calls_before` other calls from now on.
    void cut_power_after(std::uint64_t calls_before);
    [[nodiscard]] bool is_cut() const;
    // Calls since cut_power_after, including those after the power cut.
    [[nodiscard]] std::uint64_t calls() const;
    // The call at which the power cut happened, for messages.
    [[nodiscard]] std::string cut_at() const;

    // Writes the surviving data into the new directory `target`. A file whose bytes were never
    // synced, and do not survive, has its length and zeros, or is empty.
    void materialise(const std::filesystem::path& target, const Survival& survival = {}) const;

protected:
    std::optional<Error> before(const Call& call) override;
    void after(const Call& call) override;

private:
    struct Node;
    using Names = std::map<std::string, std::shared_ptr<Node>>;
    struct Node {
        bool is_directory = false;
        std::vector<std::byte> bytes{};
        std::optional<std::vector<std::byte>> durable_bytes{};
        std::uint32_t mode = 0644;
        Names names{};
        Names durable_names{};
    };

    [[nodiscard]] std::shared_ptr<Node> load(const std::filesystem::path& path);
    [[nodiscard]] std::shared_ptr<Node> find(const std::string& path) const;
    // The directory that holds a path's last name; nullptr outside the root.
    [[nodiscard]] Names* names_above(const std::string& path) const;
    [[nodiscard]] std::optional<std::filesystem::path> relative(const std::string& path) const;
    static void write(const Node& node, const std::filesystem::path& target,
                      const Survival& survival, std::mt19937& random);
    void note(const Call& call);

    std::filesystem::path root_;
    std::shared_ptr<Node> tree_;
    std::map<std::uint64_t, std::shared_ptr<Node>> by_inode_;
    mutable std::mutex mutex_;
    std::uint64_t calls_ = 0;
    std::optional<std::uint64_t> cut_after_;
    std::string cut_at_;
};

}  // namespace larder::internal::support
