// Programs that load several models in a row find the later ones in memory.
#include <algorithm>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <openvino/openvino.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "larder/larder.hpp"
#include "small_models/small_models.h"
#include "support/unable.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace {

// How many of a file's pages are in the page cache.
std::size_t resident_pages(const fs::path& path) {
    const auto size = fs::file_size(path);
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    void* const address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
    ::close(file);
    if (address == MAP_FAILED) return 0;
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> pages((size + page - 1) / page);
    ::mincore(address, size, pages.data());
    ::munmap(address, size);
    return static_cast<std::size_t>(
        std::count_if(pages.begin(), pages.end(), [](unsigned char p) { return (p & 1U) != 0; }));
}

std::size_t pages_of(const fs::path& path) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (fs::file_size(path) + page - 1) / page;
}

void drop(const fs::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ::fsync(file);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
}

class InARow : public LarderTest {
protected:
    Result load(Cache& cache, const fs::path& model) {
        auto result = cache.compile_model(core_, model, "CPU");
        EXPECT_NE(result.outcome, Outcome::bypassed) << result.reason;
        return result;
    }
    [[nodiscard]] Cache start() const {
        return Cache({.directory = directory_, .state_directory = state_});
    }

    ov::Core core_;
};

TEST_F(InARow, TheNextModelsAreReadWhileTheFirstIsImported) {
    std::vector<fs::path> models;
    for (const std::uint32_t seed : {1U, 2U, 3U}) {
        models.push_back(save(dense_model({.seed = seed, .width = 512, .layers = 12}),
                              "m" + std::to_string(seed)));
    }
    std::vector<fs::path> objects;
    for (int run = 0; run < 2; ++run) {
        auto cache = start();
        objects.clear();
        for (const auto& model : models) {
            const auto digest = load(cache, model).object_digest;
            objects.push_back(directory_ / "objects" / digest.substr(0, 2) / digest);
        }
    }
    for (const auto& object : objects) drop(object);
    if (resident_pages(objects[1]) != 0) LARDER_UNABLE() << "here nothing leaves the page cache";

    auto cache = start();
    EXPECT_EQ(load(cache, models[0]).outcome, Outcome::loaded);
    const auto are_read = [&] {
        return resident_pages(objects[1]) == pages_of(objects[1]) &&
               resident_pages(objects[2]) == pages_of(objects[2]);
    };
    for (int i = 0; i < 6'000 && !are_read(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_TRUE(are_read());
    EXPECT_EQ(load(cache, models[1]).outcome, Outcome::loaded);
    EXPECT_EQ(load(cache, models[2]).outcome, Outcome::loaded);
}

}  // namespace
}  // namespace larder::testing
