// A preloaded library that simulates a stalled disk: as soon as the file STALL_FILE exists, each
// change of a name takes 30 s, like on an unreachable network.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { k_seconds = 30 };

static void stall(void) {
    const char* const file = getenv("STALL_FILE");
    if (file != NULL && access(file, F_OK) == 0) sleep(k_seconds);
}

int unlink(const char* path) {
    stall();
    return ((int (*)(const char*))dlsym(RTLD_NEXT, "unlink"))(path);
}

int rename(const char* from, const char* to) {
    stall();
    return ((int (*)(const char*, const char*))dlsym(RTLD_NEXT, "rename"))(from, to);
}

int fsync(int descriptor) {
    stall();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(descriptor);
}
