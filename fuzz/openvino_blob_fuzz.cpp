// Files of OpenVINO's own cache: any bytes.
#include <cstdlib>
#include <string>
#include <vector>

#include "format/openvino_blob.h"
#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace larder::internal;
    const std::string head(reinterpret_cast<const char*>(data), size);
    const auto whole = format::decode_openvino_blob(head, size);
    if (whole && whole->version.empty()) std::abort();
    // More bytes behind a readable header never make the result worse.
    const auto longer = format::decode_openvino_blob(head, size + 1'000'000);
    if (whole && !longer) std::abort();
    return 0;
}

std::vector<std::string> fuzz_seeds() {
    using namespace std::string_literals;
    const auto header =
        R"(<?xml version="1.0"?><compiled_blob ie_version="2026.4.1-22982" file_info="6142509" )"
        R"(runtime_info="{OV_VERSION:2026.4.1-22982}" header_size_alignment="0"/>)"s +
        "\n";
    const auto cpu = "RR_UPCVO\1\0\0\0\3\0\0\0\0\0\0\0isa"s + "\x30\0\0\0\0\0\0\0"s +
                     "\1\0\0\0\0\0\0\0\x31\0\0\0\0\0\0\0"s + "\1\0\0\0\0\0\0\0\x32\0\0\0\0\0\0\0"s +
                     "\1\0\0\0\0\0\0\0abc"s;
    const auto gpu = "\1\0\0\0QRR_PEVO\1\0\0\0\3\0\0\0\0\0\0\0eus"s;
    return {header + cpu, header + gpu, header + R"(<?xml version="1.0"?><hetero name="m"/>)",
            header.substr(0, 60)};
}
