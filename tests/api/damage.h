// Damages files: a bit, a page, the end, the header, the order, noise; all from one seed.
#pragma once

#include <filesystem>
#include <random>
#include <string>

#include "larder/larder.hpp"

namespace larder::testing {

[[nodiscard]] std::string bytes_of(const std::filesystem::path& file);
// In place, like real damage: the same inode, with any permissions.
void put(const std::filesystem::path& file, const std::string& bytes);
// Never the same bytes.
[[nodiscard]] std::string damaged(std::string bytes, std::mt19937& random);

// The files of all entries in the larder `directory`.
[[nodiscard]] std::filesystem::path object_of(const std::filesystem::path& directory,
                                              const Result& kept);
[[nodiscard]] std::filesystem::path manifest_of(const std::filesystem::path& directory,
                                                const Result& kept);

}  // namespace larder::testing
