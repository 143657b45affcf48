// The interface of the plugins of two_openvinos.cpp, each of which has its own OpenVINO.
#pragma once

#include <cstddef>

// Compiles the model and writes the result, in words.
using AskFunction = void(const char* model, char* answer, std::size_t room);

extern "C" __attribute__((visibility("default"))) AskFunction ask;
