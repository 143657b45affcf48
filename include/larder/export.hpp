#pragma once

/// Marks the symbols that the shared libraries export; all others are hidden.
#define LARDER_EXPORT __attribute__((visibility("default")))
