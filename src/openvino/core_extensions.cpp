#include "openvino/core_extensions.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <openvino/core/extension.hpp>

#include "process/loaded_code.h"

// OpenVINO does not report which extensions a core has. They are in a vector inside the core. To
// find its place, larder adds known extensions to a core of its own: the place is measured for the
// version in use, not assumed. For builds that were measured before, it is known. The program's
// core is only read, and no lock is taken.
namespace larder::internal::openvino {
namespace {

using Word = std::uintptr_t;
using Extensions = std::vector<ov::Extension::Ptr>;

// How far a core's implementation is searched.
constexpr std::size_t k_words_max = 512;
constexpr std::size_t k_word_bytes = sizeof(Word);
constexpr std::size_t k_pointer_words = sizeof(ov::Extension::Ptr) / k_word_bytes;
// An element is a pointer to an extension; in 2025.4 a text follows it.
constexpr std::size_t k_element_words_max = 8;
constexpr std::size_t k_elements_max = std::size_t{1} << 16;
constexpr std::size_t k_own_max = 64;  // extensions of a core that the program added none to
constexpr int k_reads_max = 100;

static_assert(sizeof(std::vector<ov::Extension::Ptr>) == 3 * k_word_bytes);
static_assert(sizeof(ov::Extension::Ptr) % k_word_bytes == 0);

const Word* words_at(Word address) {
    return reinterpret_cast<const Word*>(address);  // NOLINT(performance-no-int-to-ptr)
}

// Another thread of the program may be adding an extension. The search for the place also reads
// words behind the implementation.
__attribute__((no_sanitize("address"))) Word read(const Word* word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

// Returns the core's implementation; null if a core is not a single pointer, as it has been in all
// versions.
const Word* implementation_of(const ov::Core& core) {
    if constexpr (sizeof(ov::Core) == sizeof(std::shared_ptr<void>)) {
        const auto* const implementation = words_at(*reinterpret_cast<const Word*>(&core));
        if (process::is_readable(implementation, k_word_bytes)) return implementation;
    }
    return nullptr;
}

// A vector of extensions, as it is laid out in memory.
struct Triple {
    Word begin = 0;
    Word end = 0;
    Word room = 0;
    std::size_t element_words = k_pointer_words;

    bool operator==(const Triple&) const = default;

    [[nodiscard]] static Triple at(const Word* words, std::size_t element_words) {
        return {read(words), read(words + 1), read(words + 2), element_words};
    }
    [[nodiscard]] bool is_plausible() const {
        return begin % alignof(ov::Extension::Ptr) == 0 && begin <= end && end <= room &&
               (end - begin) % element_bytes() == 0 && count() <= k_elements_max &&
               (begin != 0 || room == 0);
    }
    [[nodiscard]] std::size_t element_bytes() const { return element_words * k_word_bytes; }
    [[nodiscard]] std::size_t count() const { return (end - begin) / element_bytes(); }
    // Returns the pointers to the elements; nothing if they cannot be read.
    [[nodiscard]] std::optional<std::vector<Word>> elements() const {
        std::vector<Word> words(count() * element_words);
        const auto bytes = std::as_writable_bytes(std::span(words));
        if (!process::copy_if_readable(words_at(begin), bytes)) return std::nullopt;
        std::vector<Word> pointers;
        pointers.reserve(count());
        for (std::size_t i = 0; i < count(); ++i) pointers.push_back(words[i * element_words]);
        return pointers;
    }
};

struct Known final : ov::Extension {};

bool ends_with(const Triple& triple, const Extensions& added) {
    if (!triple.is_plausible() || triple.count() < added.size()) return false;
    // Other data there may look like a vector: elements of large ones are not read.
    if (triple.count() > added.size() + k_own_max) return false;
    const auto elements = triple.elements();
    if (!elements) return false;
    const auto first = elements->size() - added.size();
    for (std::size_t i = 0; i < added.size(); ++i) {
        if ((*elements)[first + i] != reinterpret_cast<Word>(added[i].get())) return false;
    }
    return true;
}

// The place of the extensions in a core's implementation.
struct Place {
    Word functions = 0;     // the implementation's virtual functions: identify its type
    std::size_t words = 0;  // from its beginning
    std::size_t own = 0;    // extensions that every core has
    std::size_t element_words = k_pointer_words;
};

// The places in builds of the runtime that larder was tested with: saves a process the millisecond
// that measuring takes. The test MeasuredBeforeIsMeasuredAgain prints the line for another build.
constexpr std::array k_measured_before{
    MeasuredExtensions{"1be8d853cd24ce4ab7b444b903a19e5673fd44dc", 19377152, 61, 0, 2},
};

std::optional<process::LoadedObject> object_that_holds(Word address) {
    for (auto& object : process::loaded_objects()) {
        if (object.holds(address)) return std::move(object);
    }
    return std::nullopt;
}

std::optional<Place> known_place(Word functions) {
    const auto object = object_that_holds(functions);
    if (!object || object->build_id.empty()) return std::nullopt;
    for (const auto& measured : k_measured_before) {
        if (measured.build_id == object->build_id &&
            object->begin + measured.functions == functions) {
            return Place{functions, measured.words, measured.own, measured.element_words};
        }
    }
    return std::nullopt;
}

std::optional<Place> find_place() {
    ov::Core core;
    const auto* const implementation = implementation_of(core);
    if (implementation == nullptr) return std::nullopt;
    Extensions added{std::make_shared<Known>(), std::make_shared<Known>(),
                     std::make_shared<Known>()};
    core.add_extension(added);
    std::optional<Place> found;
    // Pages are readable as a whole: it is enough, and fast, to ask at each of these steps.
    constexpr std::size_t k_step_words = 64;
    for (std::size_t i = 1; i < k_words_max; ++i) {
        if (i % k_step_words == 1 &&
            !process::is_readable(implementation + i, (k_step_words + 2) * k_word_bytes)) {
            break;
        }
        for (auto size = k_pointer_words; size <= k_element_words_max; ++size) {
            if (!ends_with(Triple::at(implementation + i, size), added)) continue;
            if (found) return std::nullopt;
            found = Place{read(implementation), i, 0, size};
        }
    }
    if (!found) return std::nullopt;
    const auto now = [&] {
        return Triple::at(implementation + found->words, found->element_words);
    };
    const auto before = now().count();
    added.push_back(std::make_shared<Known>());
    core.add_extension(Extensions{added.back()});
    const auto after = now();
    if (!ends_with(after, added) || after.count() != before + 1) return std::nullopt;
    found->own = after.count() - added.size();
    return found;
}

// Measured once. Threads that arrive at the same time may each measure: no lock is held that a
// forked child could find taken.
std::optional<Place> place(const Word* implementation) {
    enum class State : unsigned char { unknown, found, failed };
    static constinit std::atomic<State> state{State::unknown};
    static constinit std::array<std::atomic<Word>, 4> kept{};
    if (state.load(std::memory_order_acquire) == State::unknown) {
        std::optional<Place> result;
        try {
            result = known_place(read(implementation));
            if (!result) result = find_place();
        } catch (const std::exception&) {
            // No core can be made, or it takes no extensions.
        }
        if (result) {
            kept[0] = result->functions;
            kept[1] = result->words;
            kept[2] = result->own;
            kept[3] = result->element_words;
        }
        state.store(result ? State::found : State::failed, std::memory_order_release);
    }
    if (state.load(std::memory_order_acquire) == State::failed) return std::nullopt;
    return Place{kept[0], kept[1], kept[2], kept[3]};
}

enum class Element : unsigned char { library, object, unknown };

// Returns what is at the address; nothing if it cannot be read.
template <typename T>
std::optional<T> value_at(Word address) {
    T value{};
    const auto bytes = std::as_writable_bytes(std::span(&value, 1));
    if (!process::copy_if_readable(words_at(address), bytes)) return std::nullopt;
    return value;
}

// Tells the type by its name, because the header that declares it is internal to the runtime. Each
// step checks what it reads: while the vector grows, its old storage is freed before the core
// points to the new one, and the words in it may be anything.
Element kind_of(Word element) {
    static constexpr auto k_library = std::to_array("N2ov6detail11SOExtensionE");
    const auto functions = value_at<Word>(element);
    if (!functions) return Element::unknown;
    // As in every C++ ABI of Linux, the type lies before the virtual functions, and its name is the
    // second word of it.
    const auto type = value_at<Word>(*functions - k_word_bytes);
    if (!type) return Element::unknown;
    const auto name = value_at<Word>(*type + k_word_bytes);
    if (!name) return Element::unknown;
    const auto text = value_at<std::array<char, k_library.size()>>(*name);
    if (!text) return Element::unknown;
    return *text == k_library ? Element::library : Element::object;
}

// Returns `library` if all are; otherwise the kind of the first that is not.
Element kind_of_all(std::span<const Word> elements) {
    for (const Word element : elements) {
        if (const auto kind = kind_of(element); kind != Element::library) return kind;
    }
    return Element::library;
}

}  // namespace

std::span<const MeasuredExtensions> extensions_measured_before() { return k_measured_before; }

std::optional<MeasuredExtensions> measure_extensions(std::string& build_id) {
    const auto found = find_place();
    const auto object = found ? object_that_holds(found->functions) : std::nullopt;
    if (!object) return std::nullopt;
    build_id = object->build_id;
    return MeasuredExtensions{build_id, found->functions - object->begin, found->words, found->own,
                              found->element_words};
}

CoreExtensions extensions_of(const ov::Core& core) {
    const auto* const implementation = implementation_of(core);
    if (implementation == nullptr) return CoreExtensions::objects;
    const auto where = place(implementation);
    if (!where || read(implementation) != where->functions) return CoreExtensions::objects;
    for (int attempt = 0; attempt < k_reads_max; ++attempt) {
        const auto* const words = implementation + where->words;
        const auto triple = Triple::at(words, where->element_words);
        if (!triple.is_plausible()) continue;
        const auto elements = triple.elements();
        // The vector has moved because it grew; its elements live as long as the core.
        if (!elements || Triple::at(words, where->element_words) != triple) continue;
        if (elements->size() <= where->own) return CoreExtensions::none;
        const auto kind = kind_of_all(std::span(*elements).subspan(where->own));
        if (kind == Element::library) return CoreExtensions::libraries;
        if (kind == Element::object) return CoreExtensions::objects;
    }
    return CoreExtensions::objects;
}

}  // namespace larder::internal::openvino
