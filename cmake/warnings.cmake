# One target that our own code links, and that dependencies do not.
add_library(larder_warnings INTERFACE)
target_compile_options(larder_warnings INTERFACE
    -Wall -Wextra -Wpedantic
    -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion -Wold-style-cast -Wcast-qual
    -Wnon-virtual-dtor -Woverloaded-virtual -Wmissing-declarations
    -Wformat=2 -Wundef -Wimplicit-fallthrough -Wextra-semi -Wvla
    # g++ 12 finds overlap in std::string's own operator+ (GCC bug 105651).
    $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wno-restrict>)
if(LARDER_DEVELOPER)
    # The second gives false alarms for std::optional and tl::expected: it is a warning, not an
    # error.
    target_compile_options(larder_warnings INTERFACE -Werror
        $<$<CXX_COMPILER_ID:GNU>:-Wno-error=maybe-uninitialized>)
endif()
if(LARDER_SANITIZER)
    # Instrumented code confuses the flow analysis.
    target_compile_options(larder_warnings INTERFACE
        $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
