// usage: large_entry LARDER BYTES SEED
// Publishes an entry whose blob has that many bytes without repetitions. Prints its key.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "harness.h"
#include "os/system.h"

int main(int argc, char** argv) {
    using namespace larder::internal;
    if (argc != 4) return 2;
    const os::RealSystem real;
    store::Machine machine(real.system().fs);
    const auto larder = machine.must_open(argv[1]);
    const auto bytes = std::strtoull(argv[2], nullptr, 10);
    const auto seed = std::strtoull(argv[3], nullptr, 10);
    const auto name = "large " + std::to_string(seed);
    if (!larder->publish(store::blob_of(name, store::random_text(bytes, seed)))) return 1;
    std::puts(store::key_of(name).hex().c_str());
    return 0;
}
