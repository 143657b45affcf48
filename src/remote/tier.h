// A storage that several machines share, as the exchange of entries sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace larder::internal::remote {

// The content that is stored under a name.
struct Stored {
    std::string name;
    std::uint64_t bytes = 0;
    std::int64_t written_at_ns = 0;  // since the epoch, by the storage's clock
};

// Of a write to a name that is taken: `keep` fails with Errc::already_exists.
enum class IfThere { replace, keep };

// Names are "entries/3f/3f2a…", "objects/9c/9c01…" (see entry_name and object_name) and
// "leases/3f/3f2a….1". A content is
// whole or absent, whoever else reads or writes. Not thread-safe.
class Tier {
public:
    // Takes the content in order, in pieces. An error ends the reading and is passed on.
    using Take = std::function<Result<void>(std::span<const std::byte>)>;
    // Fills `buffer` with the content from `offset` on. An error ends the writing and is passed on.
    using Give = std::function<Result<void>(std::uint64_t offset, std::span<std::byte> buffer)>;

    Tier() = default;
    Tier(const Tier&) = delete;
    Tier& operator=(const Tier&) = delete;
    virtual ~Tier() = default;

    // Errc::not_found where nothing was ever written: the URL is wrong, or a share is not mounted.
    [[nodiscard]] virtual Result<void> check_exists() = 0;
    // Call it before the first write: refuses a place that is not meant for a storage.
    [[nodiscard]] virtual Result<void> prepare() = 0;
    // Errc::not_found where there is nothing under the name.
    [[nodiscard]] virtual Result<Stored> find(const std::string& name) = 0;
    // Errc::not_found as find(), whose answer it gives, too. Errc::damaged if the content is longer
    // than `bytes_max`.
    [[nodiscard]] virtual Result<Stored> read(const std::string& name, std::uint64_t bytes_max,
                                              const Take& take) = 0;
    // Returns once the content survives a crash of the storage. A storage may ignore `if_there`
    // and replace: its servers do not all know conditions.
    [[nodiscard]] virtual Result<void> write(const std::string& name, std::uint64_t bytes,
                                             const Give& give, IfThere if_there) = 0;
    [[nodiscard]] Result<void> write(const std::string& name, std::uint64_t bytes,
                                     const Give& give) {
        return write(name, bytes, give, IfThere::replace);
    }
    // As if it had been written just now: Stored::written_at_ns is later afterwards, or so late
    // that no prune takes an object that an entry is about to name. Errc::unsupported if the
    // storage cannot do that: write it again.
    [[nodiscard]] virtual Result<void> refresh(const std::string& name) = 0;
    // Everything whose name begins with `directory` and "/", in no particular order. An error where
    // anything of it cannot be seen. Errc::unsupported if the storage lists nothing.
    [[nodiscard]] virtual Result<void> list(const std::string& directory,
                                            const std::function<void(const Stored&)>& visit) = 0;
    // No error if the name is absent.
    [[nodiscard]] virtual Result<void> remove(const std::string& name) = 0;
    // For messages.
    [[nodiscard]] virtual std::string url() const = 0;
};

inline constexpr std::string_view k_entries = "entries";
inline constexpr std::string_view k_objects = "objects";
inline constexpr std::string_view k_leases = "leases";

[[nodiscard]] inline std::string stored_name(std::string_view directory, const Digest& digest) {
    const auto hex = digest.hex();
    return std::string(directory) + "/" + hex.substr(0, 2) + "/" + hex;
}

struct StoredText {
    Stored stored;
    std::string text;
};
// A content that is at most `bytes_max` long; Errc::damaged if it is longer.
[[nodiscard]] Result<StoredText> read_stored_text(Tier& tier, const std::string& name,
                                                  std::uint64_t bytes_max);
// Its text alone.
[[nodiscard]] Result<std::string> read_text(Tier& tier, const std::string& name,
                                            std::uint64_t bytes_max);

}  // namespace larder::internal::remote
