// process/loaded_code.h on this very process.
#include "process/loaded_code.h"

#include <algorithm>
#include <array>
#include <span>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace larder::internal::process {
namespace {

// A sanitizer replaces other functions of the C library, too.
constexpr const char* k_of_c_library = "gnu_get_libc_version";

std::uintptr_t address_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

const LoadedObject* holder(const std::vector<LoadedObject>& objects, std::uintptr_t address) {
    const auto found =
        std::ranges::find_if(objects, [&](const auto& object) { return object.holds(address); });
    return found == objects.end() ? nullptr : &*found;
}

TEST(LoadedCode, AddressIsHeldByItsLibrary) {
    const auto objects = loaded_objects();
    static const int in_the_program = 1;
    const auto* const program = holder(objects, address_of(&in_the_program));
    ASSERT_NE(program, nullptr);
    EXPECT_TRUE(program->path.empty());
    const auto* const library = holder(objects, address_of(::dlsym(RTLD_DEFAULT, k_of_c_library)));
    ASSERT_NE(library, nullptr);
    EXPECT_NE(library->path.find("libc"), std::string::npos);
    int on_the_stack = 0;
    EXPECT_EQ(holder(objects, address_of(&on_the_stack)), nullptr);
}

TEST(LoadedCode, ExportIsFoundInTheLibraryThatDefinesIt) {
    const auto found = loaded_objects_that_export(k_of_c_library);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NE(found.front().path.find("lib"), std::string::npos);
    EXPECT_TRUE(loaded_objects_that_export("no_function_of_this_name").empty());
    EXPECT_TRUE(loaded_objects_that_export("").empty());
}

TEST(LoadedCode, ImportIsNoExport) {
    // This program calls it, and the C library defines it.
    for (const auto& object : loaded_objects_that_export("dlsym"))
        EXPECT_FALSE(object.path.empty());
}

TEST(LoadedCode, BuildIdIsHex) {
    for (const auto& object : loaded_objects()) {
        EXPECT_EQ(object.build_id.find_first_not_of("0123456789abcdef"), std::string::npos);
        EXPECT_EQ(object.build_id.size() % 2, 0U);
    }
}

TEST(LoadedCode, ReadableMemoryIsTold) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const memory =
        ::mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    auto* const bytes = static_cast<char*>(memory);
    ASSERT_EQ(::mprotect(bytes + page, page, PROT_NONE), 0);
    ASSERT_EQ(::munmap(bytes + 2 * page, page), 0);
    EXPECT_TRUE(is_readable(bytes, page));
    EXPECT_TRUE(is_readable(bytes + page - 1, 1));
    EXPECT_TRUE(is_readable(nullptr, 0));
    EXPECT_FALSE(is_readable(bytes + page - 1, 2));
    EXPECT_FALSE(is_readable(bytes + page, 1));
    EXPECT_FALSE(is_readable(bytes + 2 * page, 1));
    EXPECT_FALSE(is_readable(nullptr, 1));
    // Small numbers that are used as pointers.
    for (const std::uintptr_t address : {0x1U, 0x20U, 0x60U}) {
        const auto* const small = reinterpret_cast<const void*>(address);  // NOLINT
        EXPECT_FALSE(is_readable(small, 1));
    }
    EXPECT_FALSE(is_readable(bytes, SIZE_MAX));
    ::munmap(memory, 2 * page);
}

TEST(LoadedCode, MemoryIsCopiedWhereItCanBeRead) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const memory =
        ::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    auto* const bytes = static_cast<char*>(memory);
    std::ranges::copy("larder", bytes + page - 7);
    ASSERT_EQ(::munmap(bytes + page, page), 0);
    std::array<char, 7> text{};
    EXPECT_TRUE(copy_if_readable(bytes + page - 7, std::as_writable_bytes(std::span(text))));
    EXPECT_STREQ(text.data(), "larder");
    EXPECT_FALSE(copy_if_readable(bytes + page - 6, std::as_writable_bytes(std::span(text))));
    EXPECT_FALSE(copy_if_readable(nullptr, std::as_writable_bytes(std::span(text))));
    EXPECT_TRUE(copy_if_readable(nullptr, {}));
    ::munmap(memory, page);
}

}  // namespace
}  // namespace larder::internal::process
