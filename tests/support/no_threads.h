// A process that can start no thread, as under a limit of processes.
#pragma once

#include <cstddef>

#include <pthread.h>

namespace larder::internal::support {

// While it exists, every start of a thread fails, because there is no memory for its stack.
class NoThreads {
public:
    NoThreads() {
        pthread_attr_init(&saved_);
        pthread_getattr_default_np(&saved_);
        pthread_attr_t beyond_memory;
        pthread_attr_init(&beyond_memory);
        pthread_attr_setstacksize(&beyond_memory, std::size_t{1} << 50);
        pthread_setattr_default_np(&beyond_memory);
        pthread_attr_destroy(&beyond_memory);
    }
    NoThreads(const NoThreads&) = delete;
    NoThreads& operator=(const NoThreads&) = delete;
    ~NoThreads() {
        pthread_setattr_default_np(&saved_);
        pthread_attr_destroy(&saved_);
    }

private:
    pthread_attr_t saved_{};
};

}  // namespace larder::internal::support
