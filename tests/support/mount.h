// Real mounts that only the test sees. Needs root.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace larder::internal::support {

// Unmounted by the destructor, and by the kernel when the test dies.
class Mount {
public:
    // Absent if it is not permitted.
    [[nodiscard]] static std::optional<Mount> memory(const std::filesystem::path& where,
                                                     std::uint64_t size_bytes);
    // The files at `where` can be read, and not written.
    [[nodiscard]] static std::optional<Mount> read_only(const std::filesystem::path& where);
    // The files in `lower` can be read and written at `where`; writes go to `upper`. `work` is an
    // empty directory beside `upper`.
    [[nodiscard]] static std::optional<Mount> overlay(const std::filesystem::path& where,
                                                      const std::filesystem::path& lower,
                                                      const std::filesystem::path& upper,
                                                      const std::filesystem::path& work);

    Mount(Mount&& other) noexcept;
    Mount& operator=(Mount&&) = delete;
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;
    ~Mount();

private:
    explicit Mount(std::filesystem::path where) : where_(std::move(where)) {}

    std::filesystem::path where_;
};

}  // namespace larder::internal::support
