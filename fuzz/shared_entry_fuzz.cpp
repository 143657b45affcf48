// Entries in a storage that machines share, which anybody may have written: what is accepted is
// written again to the same bytes.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "format/shared_entry.h"
#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace larder::internal;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto entry = format::decode_shared_entry(text);
    if (!entry) return 0;
    if (format::encode_shared_entry(*entry) != text) std::abort();
    return 0;
}

std::vector<std::string> fuzz_seeds() {
    using larder::internal::format::encode_shared_entry;
    const std::string manifest = R"({"format": 1, "key": "3f"})";
    return {encode_shared_entry({}), encode_shared_entry({manifest, {}}),
            encode_shared_entry({manifest, {{"00ff", "11ee"}, {"22dd", "33cc"}}}),
            encode_shared_entry({std::string("\xff\0", 2), {{"", ""}}})};
}
