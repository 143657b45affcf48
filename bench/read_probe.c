// Counts the bytes that a program reads of a cache's files, and those of them that were in the page
// cache when they were asked for. To be preloaded; a read is one of 64 KiB or more, of a file whose
// path contains $READ_PROBE_FOLDER. Adds a line "READ CACHED" to the file $READ_PROBE_FILE at exit.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { k_large_read_bytes = 64 << 10 };

static atomic_ullong read_bytes;
static atomic_ullong cached_bytes;

static int is_of_cache(int descriptor) {
    const char* const folder = getenv("READ_PROBE_FOLDER");
    char link[64];
    char path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (folder == NULL || length <= 0) return 0;
    path[length] = '\0';
    return strstr(path, folder) != NULL;
}

// Reads what is in memory, and does not wait for the rest.
static void count(int descriptor, void* into, size_t bytes, off_t at) {
    if (bytes < k_large_read_bytes || !is_of_cache(descriptor)) return;
    const struct iovec part = {into, bytes};
    const ssize_t found = preadv2(descriptor, &part, 1, at, RWF_NOWAIT);
    read_bytes += bytes;
    if (found > 0) cached_bytes += (unsigned long long)found;
}

ssize_t read(int descriptor, void* into, size_t bytes) {
    ssize_t (*const next)(int, void*, size_t) =
        (ssize_t (*)(int, void*, size_t))dlsym(RTLD_NEXT, "read");
    count(descriptor, into, bytes, lseek(descriptor, 0, SEEK_CUR));
    return next(descriptor, into, bytes);
}

ssize_t pread(int descriptor, void* into, size_t bytes, off_t at) {
    ssize_t (*const next)(int, void*, size_t, off_t) =
        (ssize_t (*)(int, void*, size_t, off_t))dlsym(RTLD_NEXT, "pread");
    count(descriptor, into, bytes, at);
    return next(descriptor, into, bytes, at);
}

ssize_t pread64(int descriptor, void* into, size_t bytes, off_t at) {
    return pread(descriptor, into, bytes, at);
}

__attribute__((destructor)) static void report(void) {
    const char* const path = getenv("READ_PROBE_FILE");
    FILE* const file = path != NULL ? fopen(path, "a") : NULL;
    if (file == NULL) return;
    fprintf(file, "%llu %llu\n", (unsigned long long)read_bytes, (unsigned long long)cached_bytes);
    fclose(file);
}
