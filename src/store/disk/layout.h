// The paths in a larder. No I/O. Private to store/.
#pragma once

#include <string>
#include <string_view>

#include "base/digest.h"
#include "format/key.h"
#include "os/file_system.h"

namespace larder::internal::store {

class Layout {
public:
    explicit Layout(std::string root) : root_(std::move(root)) {}

    [[nodiscard]] const std::string& root() const { return root_; }
    [[nodiscard]] std::string info() const { return at("larder.json"); }
    [[nodiscard]] std::string tag() const { return at("CACHEDIR.TAG"); }
    [[nodiscard]] std::string objects() const { return at("objects"); }
    [[nodiscard]] std::string entries() const { return at("entries"); }
    [[nodiscard]] std::string locks() const { return at("locks"); }
    [[nodiscard]] std::string tmp() const { return at("tmp"); }
    [[nodiscard]] std::string quarantine() const { return at("quarantine"); }
    // The manifest of an entry whose object was quarantined.
    [[nodiscard]] std::string entry_set_aside(const format::Key& key) const {
        return os::join(quarantine(), key.hex().append(k_set_aside_suffix));
    }
    [[nodiscard]] std::string families() const { return at("families"); }
    [[nodiscard]] std::string trials() const { return at("trials"); }
    [[nodiscard]] std::string pins() const { return at("pins"); }
    [[nodiscard]] std::string account() const { return at("account"); }
    [[nodiscard]] std::string gate() const { return at("locks/gate"); }

    [[nodiscard]] std::string object(const Digest& digest) const {
        return fan_out("objects", digest.hex(), {});
    }
    [[nodiscard]] std::string chunks(const Digest& digest) const {
        return fan_out("objects", digest.hex(), k_chunks_suffix);
    }
    [[nodiscard]] std::string entry(const format::Key& key) const {
        return fan_out("entries", key.hex(), k_entry_suffix);
    }
    [[nodiscard]] std::string lock(const format::Key& key) const {
        return fan_out("locks", key.hex(), {});
    }
    [[nodiscard]] std::string pin(const format::Key& key) const {
        return fan_out("pins", key.hex(), {});
    }
    [[nodiscard]] std::string family(const Digest& family) const {
        return fan_out("families", family.hex(), {});
    }
    // The directory of an object's trial markers.
    [[nodiscard]] std::string trials_of(const Digest& digest) const {
        return fan_out("trials", digest.hex(), {});
    }
    // Only in the state directory: marks an object, in a larder that this machine cannot write, as
    // not to be used.
    [[nodiscard]] std::string distrusted(const Digest& digest) const {
        return fan_out("distrusted", digest.hex(), {});
    }

    static constexpr std::string_view k_chunks_suffix = ".chunks";
    static constexpr std::string_view k_entry_suffix = ".json";
    static constexpr std::string_view k_set_aside_suffix = ".entry";

private:
    [[nodiscard]] std::string at(std::string_view name) const { return os::join(root_, name); }
    // Spreads names over 256 directories, so that none gets long.
    [[nodiscard]] std::string fan_out(std::string_view folder, const std::string& name,
                                      std::string_view suffix) const {
        std::string path = at(folder);
        path.append("/").append(name, 0, 2).append("/").append(name).append(suffix);
        return path;
    }

    std::string root_;
};

}  // namespace larder::internal::store
