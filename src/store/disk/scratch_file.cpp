#include "store/disk/scratch_file.h"

#include <array>
#include <cstdio>
#include <utility>

namespace larder::internal::store {

Result<ScratchFile> make_scratch_file(const os::System& system, const std::string& directory,
                                      std::string_view suffix) {
    constexpr std::uint32_t k_mode = 0600;
    std::array<char, 17> nonce{};
    std::snprintf(nonce.data(), nonce.size(), "%016llx",
                  static_cast<unsigned long long>(system.entropy.next()));
    const auto path =
        os::join(directory, "larder-" + std::string(nonce.data()) + std::string(suffix));
    // Exclusively: in a directory that others may write to, nobody can put a file of theirs here.
    auto file = system.fs.open(path, os::OpenMode::create_exclusive, k_mode);
    if (!file) return fail(std::move(file.error()));
    return ScratchFile(system.fs, std::move(*file));
}

}  // namespace larder::internal::store
