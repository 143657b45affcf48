// openvino/core_extensions.h on the real OpenVINO: it finds exactly the extensions that were added
// to a core.
#include "openvino/core_extensions.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <openvino/openvino.hpp>

#include "openvino/foreign_code.h"

namespace larder::internal::openvino {
namespace {

class MyExtension final : public ov::Extension {};

TEST(CoreExtensions, PlainCoreHasNone) {
    const ov::Core core;
    EXPECT_EQ(extensions_of(core), CoreExtensions::none);
}

// The CPU device has extensions of its own.
TEST(CoreExtensions, CoreWithDevicesHasNoObjects) {
    ov::Core core;
    static_cast<void>(core.get_property("CPU", ov::device::full_name));
    EXPECT_NE(extensions_of(core), CoreExtensions::objects);
    EXPECT_TRUE(extension_libraries().empty()) << "they are OpenVINO's own";
}

TEST(CoreExtensions, ObjectIsSeen) {
    ov::Core core;
    core.add_extension(std::make_shared<MyExtension>());
    EXPECT_EQ(extensions_of(core), CoreExtensions::objects);
    EXPECT_EQ(extensions_of(ov::Core()), CoreExtensions::none) << "that is another core";
}

TEST(CoreExtensions, LibraryIsSeenAndNamed) {
    ov::Core core;
    core.add_extension(std::string(EXTENSION_LIBRARY));
    EXPECT_EQ(extensions_of(core), CoreExtensions::libraries);
    const auto libraries = extension_libraries();
    ASSERT_EQ(libraries.size(), 1U);
    EXPECT_EQ(libraries.front().name, "libscale_extension.so");
    core.add_extension(std::make_shared<MyExtension>());
    EXPECT_EQ(extensions_of(core), CoreExtensions::objects) << "both";
}

// The storage of a core's extensions moves while they are added: a reader may see the old one after
// it was freed.
TEST(CoreExtensions, AreCountedWhileTheyAreAdded) {
    constexpr int k_cores = 20;
    for (int count = 0; count < k_cores; ++count) {
        ov::Core core;
        core.add_extension(std::make_shared<MyExtension>());
        std::atomic<bool> done{false};
        std::thread adds([&] {
            for (int i = 0; i < 2000; ++i) core.add_extension(std::make_shared<MyExtension>());
            done = true;
        });
        int asked = 0;
        for (; !done || asked < 100; ++asked) {
            EXPECT_EQ(extensions_of(core), CoreExtensions::objects);
        }
        adds.join();
    }
}

}  // namespace
}  // namespace larder::internal::openvino
