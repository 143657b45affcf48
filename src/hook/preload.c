// This library is mapped into every program that `larder run` starts: trampolines under the names
// of ov::Core::compile_model and read_model, and the way from there to the hook. A program that
// calls neither never runs a line of this file.
//
// It needs no library of any version: the program's own C library is enough. Functions that it
// calls are bound on first use. It holds no lock, so that a process may fork at any time.
#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hook/table.h"

// The names one after the other, each ended by a zero, and empty if there is no such overload; see
// trampolines.S. The old names are those of an OpenVINO that was built with the older std::string.
extern const char larder_preload_names[] __attribute__((visibility("hidden")));
extern const char larder_preload_old_names[] __attribute__((visibility("hidden")));

__attribute__((visibility("hidden"))) void* larder_preload_target(unsigned number,
                                                                  const void* core);

// For a process that preloads itself, as python/larder does: from now on models are compiled with
// the present settings of the environment, or as if larder were not there. Returns the former
// value. No other thread may change the environment meanwhile.
__attribute__((visibility("default"))) bool larder_preload_renew(bool serves);

// Tells whether it serves, and has not had to refuse an OpenVINO of this process.
__attribute__((visibility("default"))) bool larder_preload_serves(void);

// Tells whether a library called liblarder_preload.so is in memory and was loaded before any
// OpenVINO: then OpenVINO's callers find its trampolines. Copies as much of its path as fits into
// `path`, which has `room` bytes.
__attribute__((visibility("default"))) bool larder_preload_is_in_time(char* path, size_t room);

enum { k_targets = larder_entry_point_count };

// The targets of the trampolines for every ov::Core of one OpenVINO. A process may have two
// OpenVINOs.
struct Route {
    uintptr_t begin;  // of that OpenVINO in memory
    uintptr_t end;
    void* openvino[k_targets];
    void* replacements[k_targets];      // OpenVINO's own functions if there is no replacement
    larder_hook_renew_function* renew;  // null if no hook serves this OpenVINO
    bool has_old_strings;
};

enum { k_routes_max = 4 };
static struct Route routes[k_routes_max];
static atomic_bool route_is_ready[k_routes_max];
static atomic_uint routes_begun;
static atomic_bool has_refused;
static atomic_bool has_warned;
static atomic_bool was_called;
static atomic_bool is_serving = true;

// The loaded object that contains an address.
struct Object {
    uintptr_t address;
    uintptr_t begin;
    uintptr_t end;
    const char* name;
    char build_id[65];  // hexadecimal; empty if it has none, or a longer one
};

// Copies the build id of a loaded object.
static void copy_build_id(const struct dl_phdr_info* info, char* text, size_t room) {
    static const char digits[] = "0123456789abcdef";
    const size_t head = sizeof(ElfW(Nhdr));
    text[0] = '\0';
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        if (info->dlpi_phdr[i].p_type != PT_NOTE) continue;
        const uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        const size_t size = info->dlpi_phdr[i].p_memsz;
        for (size_t at = 0; at + head <= size;) {
            const char* const note = (const char*)begin + at;  // NOLINT(performance-no-int-to-ptr)
            ElfW(Nhdr) header;
            memcpy(&header, note, head);
            const size_t name = (header.n_namesz + (size_t)3) / 4 * 4;
            const size_t id = header.n_descsz;
            if (name > size || id > size || at + head + name + id > size) break;
            const bool is_it = header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 &&
                               memcmp(note + head, "GNU", 4) == 0;
            if (is_it && 2 * id < room) {
                for (size_t byte = 0; byte < id; ++byte) {
                    const unsigned value = (unsigned char)note[head + name + byte];
                    text[2 * byte] = digits[value >> 4];
                    text[2 * byte + 1] = digits[value & 15];
                }
                text[2 * id] = '\0';
                return;
            }
            at += head + name + (id + 3) / 4 * 4;
        }
    }
}

static int holds_address(struct dl_phdr_info* info, size_t size, void* data) {
    struct Object* object = data;
    uintptr_t begin = UINTPTR_MAX;
    uintptr_t end = 0;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
        const uintptr_t from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        const uintptr_t to = from + info->dlpi_phdr[i].p_memsz;
        if (from < begin) begin = from;
        if (to > end) end = to;
    }
    if (object->address < begin || object->address >= end) return 0;
    object->begin = begin;
    object->end = end;
    object->name = info->dlpi_name;
    copy_build_id(info, object->build_id, sizeof object->build_id);
    return 1;
}

static bool find_object(uintptr_t address, struct Object* object) {
    object->address = address;
    return dl_iterate_phdr(holds_address, object) != 0 && *object->name != '\0';
}

// Joins as many of `parts` as fit; a null pointer ends the list.
static size_t join(char* text, size_t room, const char* const* parts) {
    size_t length = 0;
    for (; *parts != NULL; ++parts) {
        for (const char* from = *parts; *from != '\0' && length + 1 < room; ++from) {
            text[length++] = *from;
        }
    }
    text[length] = '\0';
    return length;
}

// Tells whether a file may not grow so far (ulimit -f): writing would end the program.
static bool exceeds_limit(size_t length) {
    struct rlimit limit;
    struct stat status;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return false;
    if (fstat(STDERR_FILENO, &status) != 0 || !S_ISREG(status.st_mode)) return false;
    const off_t position = lseek(STDERR_FILENO, 0, SEEK_CUR);
    const off_t end = position > status.st_size ? position : status.st_size;
    return (rlim_t)end + length > limit.rlim_cur;
}

static void say(const char* const* parts) {
    char line[2048];
    const size_t length = join(line, sizeof line, parts);
    if (exceeds_limit(length)) return;
    // If standard error is closed, there is nowhere to report that.
    const ssize_t written = write(STDERR_FILENO, line, length);
    (void)written;
}

// Compiles the models of some OpenVINO without larder from now on, and says so once.
static void refuse(const char* why, const char* more, const char* detail) {
    atomic_store(&has_refused, true);
    const char* const level = getenv("LARDER_LOG");
    if (level != NULL && strcmp(level, "error") == 0) return;
    if (atomic_exchange(&has_warned, true)) return;
    const char* const parts[] = {
        "larder: warning: models are compiled without larder: ", why, more, detail, "\n", NULL};
    say(parts);
}

// Returns "2026.3.1, " for a name that ends in ".so.2631"; empty if the name shows no version.
// `text` has 16 bytes.
static const char* version_of(const char* path, char* text) {
    const char* const dot = strrchr(path, '.');
    if (dot == NULL || strlen(dot) != 5) return "";
    for (const char* digit = dot + 1; *digit != '\0'; ++digit) {
        if (*digit < '0' || *digit > '9') return "";
    }
    const char minor[] = {dot[3], '\0'};
    const char patch[] = {dot[4], '\0'};
    const char year[] = {dot[1], dot[2], '\0'};
    const char* const parts[] = {"20", year, ".", minor, ".", patch, ", ", NULL};
    join(text, 16, parts);
    return text;
}

static const char* name_of(unsigned number, bool of_old_strings) {
    const char* name = of_old_strings ? larder_preload_old_names : larder_preload_names;
    while (number-- > 0) name += strlen(name) + 1;
    return name;
}

// Searches the objects in the order in which they were loaded.
struct Search {
    char* path;
    size_t room;
    bool is_found;
};

static bool begins_with(const char* text, const char* begin) {
    return strncmp(text, begin, strlen(begin)) == 0;
}

static bool is_called(const struct dl_phdr_info* info, const char* begin) {
    const char* const slash = strrchr(info->dlpi_name, '/');
    return begins_with(slash == NULL ? info->dlpi_name : slash + 1, begin);
}

static int is_openvino(struct dl_phdr_info* info, size_t size, void* data) {
    (void)size;
    (void)data;
    return is_called(info, "libopenvino.so");
}

static int is_preload_or_openvino(struct dl_phdr_info* info, size_t size, void* data) {
    struct Search* search = data;
    search->is_found = is_called(info, "liblarder_preload.so");
    if (search->is_found) {
        const char* const parts[] = {info->dlpi_name, NULL};
        join(search->path, search->room, parts);
    }
    return search->is_found || is_openvino(info, size, NULL);
}

bool larder_preload_is_in_time(char* path, size_t room) {
    struct Search search = {path, room, false};
    dl_iterate_phdr(is_preload_or_openvino, &search);
    return search.is_found;
}

static bool is_switched_off(void) {
    const char* const mode = getenv("LARDER_MODE");
    return mode != NULL && strcmp(mode, "off") == 0;
}

// Returns the name by which other libraries ask for a library; null if it has none.
static const char* soname_of(void* library) {
    const struct link_map* map = NULL;
    const ElfW(Dyn)* name = NULL;
    uintptr_t strings = 0;
    if (dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) return NULL;
    for (const ElfW(Dyn)* entry = map->l_ld; entry->d_tag != DT_NULL; ++entry) {
        if (entry->d_tag == DT_SONAME) name = entry;
        if (entry->d_tag == DT_STRTAB) strings = entry->d_un.d_ptr;
    }
    if (name == NULL || strings == 0) return NULL;
    // Some loaders leave it as it is in the file.
    if (strings < map->l_addr) strings += map->l_addr;
    return (const char*)strings + name->d_un.d_val;  // NOLINT(performance-no-int-to-ptr)
}

// Writes the path of a file in the folder of this preload.
static bool find_beside(const char* const* parts, char* path, size_t room) {
    struct Object self;
    if (!find_object((uintptr_t)&larder_preload_target, &self)) return false;
    const char* const slash = strrchr(self.name, '/');
    const size_t folder = slash == NULL ? 0 : (size_t)(slash - self.name) + 1;
    if (folder >= room) return false;
    memcpy(path, self.name, folder);
    join(path + folder, room - folder, parts);
    return true;
}

// Writes the path of the hook that is linked to an OpenVINO of this name; false if that cannot be
// told. The hook for the release that larder was built with is beside this preload, those for other
// releases are in folders such as "adapters/2541-old".
static bool find_hook(const char* soname, bool has_old_strings, char* path, size_t room) {
    const char* const beside[] = {"liblarder_hook.so", NULL};
    const char* const number = strrchr(soname, '.');
    const char* const other[] = {"adapters/", number == NULL ? "" : number + 1,
                                 has_old_strings ? "-old/" : "/", "liblarder_hook.so", NULL};
    const bool is_beside =
        strcmp(soname, LARDER_OPENVINO_SONAME) == 0 && has_old_strings == LARDER_OLD_STRINGS;
    return find_beside(is_beside ? beside : other, path, room) &&
           (is_beside || access(path, R_OK) == 0);
}

// Copies what the program `larder` found out about an OpenVINO that no hook was built for
// (src/cli/trial.h): the path of a hook that serves it, or, after a '!', why none does. The
// variable holds lines "BUILD-ID=TEXT".
static bool find_verdict(const char* build_id, char* text, size_t room) {
    const char* line = getenv("LARDER_TRIED_OPENVINO");
    const size_t length = strlen(build_id);
    if (length == 0) return false;
    while (line != NULL && *line != '\0') {
        const char* const end = strchr(line, '\n');
        const size_t whole = end == NULL ? strlen(line) : (size_t)(end - line);
        if (whole > length + 1 && whole - length - 1 < room &&
            strncmp(line, build_id, length) == 0 && line[length] == '=') {
            text[0] = '\0';
            strncat(text, line + length + 1, whole - length - 1);
            return true;
        }
        line = end == NULL ? NULL : end + 1;
    }
    return false;
}

static void* open_hook(const char* path, const struct Route* route, bool was_tried) {
    // Such a hook is not in a folder from which it would find the core.
    const char* const core[] = {
        route->has_old_strings ? "liblarder_store_old.so.0" : "liblarder_store.so.0", NULL};
    char core_path[4096];
    if (was_tried && (!find_beside(core, core_path, sizeof core_path) ||
                      dlopen(core_path, RTLD_NOW | RTLD_LOCAL) == NULL)) {
        return NULL;
    }
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

// Fills in the hook's replacements, if there is a hook for this OpenVINO.
static void open_replacements(void* openvino, const struct Object* object, struct Route* route) {
    char path[4096];
    const char* const soname = soname_of(openvino);
    bool was_tried = false;
    if (soname == NULL || !find_hook(soname, route->has_old_strings, path, sizeof path)) {
        char version[16];
        was_tried = soname != NULL && find_verdict(object->build_id, path, sizeof path);
        if (was_tried && *path == '!') {
            refuse(path + 1, "", "");
            return;
        }
        if (!was_tried) {
            refuse("larder is built for OpenVINO " LARDER_OPENVINO_VERSION
                   " and the releases in its folder 'adapters', and this program has ",
                   version_of(soname == NULL ? object->name : soname, version), object->name);
            return;
        }
    }
    // The hook is linked to this name. If it found another OpenVINO than the program's, or none, it
    // would load one of its own.
    void* const expected = dlopen(soname, RTLD_LAZY | RTLD_NOLOAD);
    if (expected != openvino) {
        if (expected != NULL) dlclose(expected);
        refuse("this process has more than one OpenVINO of the same version: ", "", object->name);
        return;
    }
    void* const hook = open_hook(path, route, was_tried);
    if (hook == NULL) {
        const char* const error = dlerror();
        refuse("", "", error == NULL ? path : error);
        return;
    }
    larder_hook_open_function* open = NULL;
    larder_hook_renew_function* renew = NULL;
    void* const open_symbol = dlsym(hook, "larder_hook_open");
    void* const renew_symbol = dlsym(hook, "larder_hook_renew");
    memcpy(&open, &open_symbol, sizeof open);
    memcpy(&renew, &renew_symbol, sizeof renew);
    if (open == NULL || renew == NULL) {
        refuse("", "", "liblarder_hook.so is of another version");
        return;
    }
    struct LarderRuntime runtime;
    void* replacements[k_targets];
    memcpy(runtime.functions, route->openvino, sizeof runtime.functions);
    runtime.get_openvino_version = dlsym(openvino, "get_openvino_version");
    runtime.was_tried = was_tried;
    const char* const refusal = open(&runtime, replacements);
    if (refusal != NULL) {
        refuse("", "", refusal);
        return;
    }
    memcpy(route->replacements, replacements, sizeof replacements);
    route->renew = renew;
}

// Returns the table of virtual functions of an ov::Core's implementation, which is in the library
// that made it. Python loads OpenVINO in such a way that no search by name finds it, and programs
// may have several.
static uintptr_t maker_of(const void* core) {
    const void* implementation = NULL;
    uintptr_t table = 0;
    memcpy(&implementation, core, sizeof implementation);
    if (implementation != NULL) memcpy(&table, implementation, sizeof table);
    return table;
}

static void find_route(const void* core, struct Route* route, bool with_larder) {
    struct Object object;
    void* openvino = NULL;
    memset(route, 0, sizeof *route);
    if (find_object(maker_of(core), &object)) {
        // Never closed: from now on there are pointers into it.
        openvino = dlopen(object.name, RTLD_LAZY | RTLD_NOLOAD);
        route->begin = object.begin;
        route->end = object.end;
    } else {
        openvino = dlopen(LARDER_OPENVINO_SONAME, RTLD_LAZY | RTLD_NOLOAD);
        object.name = LARDER_OPENVINO_SONAME;
        object.build_id[0] = '\0';
    }
    if (openvino == NULL) return;
    route->has_old_strings = dlsym(openvino, name_of(0, true)) != NULL;
    for (unsigned i = 0; i < k_targets; ++i) {
        const char* const name = name_of(i, route->has_old_strings);
        if (*name != '\0') route->openvino[i] = dlsym(openvino, name);
    }
    memcpy(route->replacements, route->openvino, sizeof route->replacements);
    if (with_larder) open_replacements(openvino, &object, route);
}

static void keep_route(const struct Route* route) {
    if (route->begin == route->end) return;
    const unsigned place = atomic_fetch_add(&routes_begun, 1);
    if (place >= k_routes_max) return;
    routes[place] = *route;
    atomic_store(&route_is_ready[place], true);
}

static void* target_of(const struct Route* route, unsigned number) {
    return atomic_load(&is_serving) ? route->replacements[number] : route->openvino[number];
}

void* larder_preload_target(unsigned number, const void* core) {
    struct Route found;
    const uintptr_t maker = maker_of(core);
    if (number < larder_read_path) atomic_store(&was_called, true);
    for (unsigned i = 0; i < k_routes_max; ++i) {
        if (!atomic_load(&route_is_ready[i])) continue;
        if (maker >= routes[i].begin && maker < routes[i].end) return target_of(&routes[i], number);
    }
    const bool with_larder = atomic_load(&is_serving) && !is_switched_off();
    find_route(core, &found, with_larder);
    if (found.openvino[number] == NULL) {
        // Ends the program as the loader would if its library lacked a function that it calls.
        const char* const parts[] = {"larder: no library of this program has ",
                                     name_of(number, found.has_old_strings), "\n", NULL};
        say(parts);
        abort();
    }
    // A route without larder is not stored, because larder may be wanted later.
    if (with_larder) keep_route(&found);
    return target_of(&found, number);
}

// Tells whether `larder run --report` started this process, and not one of its parents.
static bool is_to_report(void) {
    const char* digit = getenv("LARDER_REPORT_PROCESS");
    long process = 0;
    if (digit == NULL || *digit == '\0') return false;
    for (; *digit >= '0' && *digit <= '9'; ++digit) process = process * 10 + (*digit - '0');
    return *digit == '\0' && process == (long)getpid();
}

// Reports if larder itself has nothing to report, because it was never called.
__attribute__((destructor)) static void report_no_model(void) {
    const char* why = NULL;
    if (!is_to_report() || atomic_load(&has_warned)) return;
    if (!atomic_load(&was_called)) {
        const bool has_openvino = dl_iterate_phdr(is_openvino, NULL) != 0;
        why = has_openvino ? "no model was compiled in this process"
                           : "no model was compiled in this process, which has no OpenVINO; "
                             "'larder stats' counts its children, too";
    } else if (is_switched_off()) {
        why = "models were compiled without larder: LARDER_MODE is off";
    }
    if (why == NULL) return;
    const char* const parts[] = {"larder: ", why, "\n", NULL};
    say(parts);
}

bool larder_preload_renew(bool serves) {
    // Before a hook is loaded, nothing has read the environment.
    for (unsigned i = 0; serves && i < k_routes_max; ++i) {
        if (atomic_load(&route_is_ready[i]) && routes[i].renew != NULL) routes[i].renew();
    }
    return atomic_exchange(&is_serving, serves);
}

bool larder_preload_serves(void) { return atomic_load(&is_serving) && !atomic_load(&has_refused); }
