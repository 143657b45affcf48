// Damages bytes in ways that break parsers: flips, cuts, repeats, and extreme numbers.
#pragma once

#include <random>
#include <string>

namespace larder::internal::model_files {

// A few changes of `bytes`, all from `random`: the same seed gives the same changes.
[[nodiscard]] std::string mutate(std::string bytes, std::mt19937_64& random);

}  // namespace larder::internal::model_files
