#include "os/instruction_sets.h"

#include <array>
#include <cstdint>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace larder::internal::os {

#if defined(__x86_64__)
namespace {

struct Registers {
    std::uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers ask(std::uint32_t leaf, std::uint32_t part = 0) {
    Registers r;
    // All values stay zero if the processor has no such leaf.
    if (__get_cpuid_count(leaf, part, &r.a, &r.b, &r.c, &r.d) == 0) return {};
    return r;
}

// The state that the system saves when it switches between threads, as bits of XCR0.
constexpr std::uint64_t k_avx_state = 0x6;
constexpr std::uint64_t k_avx512_state = 0xe6;
constexpr std::uint64_t k_amx_state = 0x60000;

std::uint64_t saved_state(const Registers& basic) {
    constexpr std::uint32_t k_osxsave = 1U << 27U;
    if ((basic.c & k_osxsave) == 0) return 0;
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (std::uint64_t{high} << 32U) | low;
}

struct Feature {
    std::string_view name;
    std::uint32_t bits;
    unsigned bit;
    std::uint64_t state;  // the state that it needs
};

}  // namespace

std::string instruction_sets() {
    constexpr std::uint32_t k_basic_leaf = 1;
    constexpr std::uint32_t k_extended_leaf = 7;
    constexpr std::uint32_t k_avx10_leaf = 0x24;
    constexpr std::uint32_t k_avx10_version_mask = 0xff;
    const auto basic = ask(k_basic_leaf);
    const auto extended = ask(k_extended_leaf);
    const auto more = ask(k_extended_leaf, 1);
    const auto state = saved_state(basic);
    // In the order of the processor's manual; the names are those of the kernel.
    const std::array features{
        Feature{"sse3", basic.c, 0, 0},
        Feature{"ssse3", basic.c, 9, 0},
        Feature{"sse4.1", basic.c, 19, 0},
        Feature{"sse4.2", basic.c, 20, 0},
        Feature{"popcnt", basic.c, 23, 0},
        Feature{"avx", basic.c, 28, k_avx_state},
        Feature{"f16c", basic.c, 29, k_avx_state},
        Feature{"fma", basic.c, 12, k_avx_state},
        Feature{"bmi1", extended.b, 3, 0},
        Feature{"avx2", extended.b, 5, k_avx_state},
        Feature{"bmi2", extended.b, 8, 0},
        Feature{"avx512f", extended.b, 16, k_avx512_state},
        Feature{"avx512dq", extended.b, 17, k_avx512_state},
        Feature{"avx512ifma", extended.b, 21, k_avx512_state},
        Feature{"avx512cd", extended.b, 28, k_avx512_state},
        Feature{"avx512bw", extended.b, 30, k_avx512_state},
        Feature{"avx512vl", extended.b, 31, k_avx512_state},
        Feature{"avx512vbmi", extended.c, 1, k_avx512_state},
        Feature{"avx512vbmi2", extended.c, 6, k_avx512_state},
        Feature{"gfni", extended.c, 8, 0},
        Feature{"avx512vnni", extended.c, 11, k_avx512_state},
        Feature{"avx512bitalg", extended.c, 12, k_avx512_state},
        Feature{"avx512vpopcntdq", extended.c, 14, k_avx512_state},
        Feature{"avx512vp2intersect", extended.d, 8, k_avx512_state},
        Feature{"amx_bf16", extended.d, 22, k_amx_state},
        Feature{"avx512fp16", extended.d, 23, k_avx512_state},
        Feature{"amx_tile", extended.d, 24, k_amx_state},
        Feature{"amx_int8", extended.d, 25, k_amx_state},
        Feature{"avx_vnni", more.a, 4, k_avx_state},
        Feature{"avx512bf16", more.a, 5, k_avx512_state},
        Feature{"amx_fp16", more.a, 21, k_amx_state},
        Feature{"avx_ifma", more.a, 23, k_avx_state},
        Feature{"avx_vnni_int8", more.d, 4, k_avx_state},
        Feature{"avx_ne_convert", more.d, 5, k_avx_state},
        Feature{"amx_complex", more.d, 8, k_amx_state},
        Feature{"avx_vnni_int16", more.d, 10, k_avx_state},
        Feature{"avx10", more.d, 19, k_avx512_state},
        Feature{"apx", more.d, 21, 0},
    };
    std::string text;
    for (const auto& feature : features) {
        const bool has = ((feature.bits >> feature.bit) & 1U) != 0;
        if (!has || (state & feature.state) != feature.state) continue;
        text.append(text.empty() ? "" : " ").append(feature.name);
        if (feature.name == "avx10") {
            text += "." + std::to_string(ask(k_avx10_leaf).b & k_avx10_version_mask);
        }
    }
    return text;
}
#else
std::string instruction_sets() { return {}; }
#endif

}  // namespace larder::internal::os
