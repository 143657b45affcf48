// The place of the weights of an entry: in the model's own files, or in the larder, and why.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "larder/store.hpp"

namespace larder::cli {

// Of one entry: "212 MB in the model's own files", "kept: they are few".
[[nodiscard]] std::string weights_text(const EntryInfo& entry);

struct WeightsSum {
    std::uint64_t referred_bytes = 0;  // in the models' own files
    struct Kept {
        std::uint64_t entries = 0;
        std::uint64_t bytes = 0;
    };
    std::map<std::string, Kept> kept;  // by why
};
[[nodiscard]] WeightsSum sum_weights(const std::vector<EntryInfo>& entries);

// "1.20 GB in the models' own files; kept: 430 MB of 2 entries, for LARDER_WEIGHTS=keep"; empty
// where there are none. Few weights are not worth a word.
[[nodiscard]] std::string weights_text(const WeightsSum& sum);

}  // namespace larder::cli
