// The interface of every fuzz target, for libFuzzer and for replay_main.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Parses `size` bytes; aborts if the result is impossible. Returns 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// Well-formed inputs to start from.
std::vector<std::string> fuzz_seeds();
