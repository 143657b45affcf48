// What two_openvinos.cpp asks of its plugins, each of which brings an OpenVINO of its own.
#pragma once

#include <cstddef>

// Compiles the model and writes how it went, in words.
using AskFunction = void(const char* model, char* answer, std::size_t room);

extern "C" __attribute__((visibility("default"))) AskFunction ask;
