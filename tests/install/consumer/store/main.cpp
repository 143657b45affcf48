// A program that administers a larder, without OpenVINO.
#include <cstdio>

#include <larder/store.hpp>

int main(int, char** argv) {
    larder::Options options;
    options.directory = argv[1];
    options.state_directory = options.directory / "state";
    try {
        const larder::Store store(options);
        return store.entries().empty() && store.total_bytes() == 0 ? 0 : 1;
    } catch (const larder::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
