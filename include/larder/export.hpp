#pragma once

// What the shared libraries export; everything else is hidden.
#define LARDER_EXPORT __attribute__((visibility("default")))
