// The child that tries an OpenVINO: it may crash or hang, and nothing but its verdict is lost.
#include <cstdio>
#include <fstream>  // tidy-allow(streams): a file of larder's own installation
#include <sstream>
#include <string>
#include <system_error>

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include "cli/failure.h"
#include "cli/runtime.h"
#include "cli/surroundings.h"
#include "cli/trial.h"

namespace larder::cli {
namespace {

// Compares the names that the hook imports, and the sizes of the tables that it uses, with those of
// the library, which is loaded. Returns what differs; empty if nothing does.
std::string surface_difference(const std::string& library, const std::string& surface) {
    void* const handle = dlopen(library.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    std::ifstream file(surface);
    std::string name;
    std::size_t size = 0;
    std::size_t count = 0;
    while (file >> name >> size) {
        ++count;
        void* const address = dlsym(handle, name.c_str());
        if (address == nullptr) return "symbols: " + name + " is missing";
        Dl_info info{};
        void* symbol = nullptr;
        if (size == 0) continue;
        if (dladdr1(address, &info, &symbol, RTLD_DL_SYMENT) == 0 || symbol == nullptr) {
            return "tables: the size of " + name + " is not known";
        }
        const auto here = static_cast<const ElfW(Sym)*>(symbol)->st_size;
        if (here != size) {
            return "tables: " + name + " has " + std::to_string(here) + " bytes instead of " +
                   std::to_string(size);
        }
    }
    return count == 0 ? "symbols: '" + surface + "' is missing: install larder anew" : "";
}

std::string refusal(const std::vector<std::string>& words) {
    if (words.size() != 3) return "trial: it takes a library, a surface and a folder";
    const auto& library = words[0];
    const std::filesystem::path folder(words[2]);
    std::string error;
    if (!load(library, error)) return "load: " + error;
    if (auto differs = surface_difference(library, words[1]); !differs.empty()) return differs;
    const auto trial = folder / "trial";
    std::error_code failed;
    std::filesystem::create_directory(trial, failed);  // tidy-allow(filesystem): not a larder's
    try {
        const auto wrong = open_runtime(library, folder).try_out(trial);
        return wrong.empty() ? "" : "trial: " + wrong;
    } catch (const CommandError& exception) {
        return std::string("load: ") + exception.what();
    }
}

}  // namespace

int make_trial(const std::vector<std::string>& words) {
    auto text = refusal(words);
    for (auto& c : text) {
        if (c == '\n') c = ' ';
    }
    if (!text.empty()) std::puts(text.c_str());
    // The destructors of an OpenVINO that was tried prove nothing.
    (void)std::fflush(stdout);
    std::_Exit(text.empty() ? k_done : k_failed);
}

}  // namespace larder::cli
