// The interface of every fuzz target, for libFuzzer and for replay_main.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

// Parses `size` bytes; aborts if the result is impossible. Returns 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// The first bytes of an input, once read, are written again to the same bytes.
inline void require_beginning(std::span<const std::byte> input, std::span<const std::byte> again) {
    if (again.size() > input.size()) std::abort();
    if (std::memcmp(again.data(), input.data(), again.size()) != 0) std::abort();
}

// Well-formed inputs to start from.
std::vector<std::string> fuzz_seeds();
