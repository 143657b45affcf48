// A directory that several machines mount: a network file system, a volume, a disk that is carried.
#pragma once

#include <string>

#include "os/system.h"
#include "remote/tier.h"

namespace larder::internal::remote {

class DirectoryTier final : public Tier {
public:
    // `system` must outlive it. `prepare` makes the directory, but not the one above it, and
    // refuses one that holds other things than a storage's.
    DirectoryTier(const os::System& system, std::string path)
        : system_(system), path_(std::move(path)) {}

    Result<void> check_exists() override;
    Result<void> prepare() override;
    Result<Stored> find(const std::string& name) override;
    using Tier::write;
    Result<Stored> read(const std::string& name, std::uint64_t bytes_max,
                        const Take& take) override;
    Result<void> write(const std::string& name, std::uint64_t bytes, const Give& give,
                       IfThere if_there) override;
    Result<void> refresh(const std::string& name) override {
        return system_.fs.touch(path_of(name));
    }
    Result<void> list(const std::string& directory,
                      const std::function<void(const Stored&)>& visit) override;
    Result<void> remove(const std::string& name) override;
    std::string url() const override { return "file://" + path_; }

private:
    [[nodiscard]] std::string path_of(std::string_view name) const { return os::join(path_, name); }
    // Takes away what writers that died have left. Best effort.
    void sweep(const std::string& directory);

    os::System system_;
    std::string path_;
    bool is_swept_ = false;
};

}  // namespace larder::internal::remote
