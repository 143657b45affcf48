// A blob of OpenVINO's CPU plugin, and how to move its constants.
//
// A blob is a header, custom data (a little XML), constants and the topology (XML, encoded; see
// topology_constants.h):
//
//   "RR_UPCVO", version (4 bytes), length of the requirements (8), requirements
//   six numbers of 8 bytes: offset and size of custom data, constants and topology, counted from
//   the first of the numbers; the sections follow one another and end with the blob
//
// Blobs without requirements, of older versions, begin with the six numbers.
//
// A topology with other offsets, and the constants at those places, is the same model. Therefore
// constants can be placed in the blob as they are placed in the pages of a model's file, and those
// pages can then be mapped.
//
// The plugin's conditions were tested with blobs of ResNet-50 and of a Llama in f16 that were
// changed by hand, imported from memory and from a stream, and run (2026.4.1; the layouts of
// `relayout` also with 2025.4.1 and, from a stream, 2024.6.0):
// - Sections that do not follow one another are refused. Therefore gaps between constants belong to
//   their section, which may hold bytes that no constant uses; and a gap in front of it belongs to
//   the custom data, which may end with blanks, but not be blanks alone.
// - The topology extends to the end of the blob, whatever the last number says. Bytes that follow
//   it are decoded with it, and ignored; this parser refuses them.
// - Offset and size must lie in the section. Zeros in front of an offset are accepted, other
//   notations are refused.
// - Constants may have any alignment: the plugin itself packs them without any. With all of them 0,
//   1, 2, 4, 8 or 16 bytes after multiples of 64, or 0, 4 or 6 after those of 4096, the outputs and
//   the private memory were the same, also for a table that is read in place, with AVX-512 and with
//   SSE4.1 alone (where the plugin copies all constants). Times did not differ visibly.
// - Constants of equal bytes are written one by one, but may share a place: the export is the same.
// - A blob without weights (CacheMode::OPTIMIZE_SIZE) holds only its other constants; those of the
//   model's file have the size 0 in the topology, and `rt_info` says where they are.
// - A topology that a program's callbacks encoded can be read by that program only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/repeated_key.h"
#include "format/topology_constants.h"

namespace larder::internal::format {

// A blob with requirements begins with this.
inline constexpr std::string_view k_cpu_magic = "RR_UPCVO";

// The size of the six numbers.
inline constexpr std::uint64_t k_cpu_numbers_bytes = 48;

struct Requirements {
    std::string_view text;
    std::uint64_t bytes = 0;  // of the version, the length and the text
};
// Reads what follows the magic of a blob; blobs of the GPU plugin have the same. Errc::unsupported:
// an unknown version. Errc::damaged: truncated. The result refers to `bytes`.
[[nodiscard]] Result<Requirements> read_requirements(std::span<const std::byte> bytes);

struct CpuSection {
    std::uint64_t offset = 0;  // in the blob
    std::uint64_t bytes = 0;

    [[nodiscard]] std::uint64_t end() const { return offset + bytes; }
    bool operator==(const CpuSection&) const = default;
};

struct CpuSections {
    std::uint64_t numbers = 0;  // the offset of the six numbers
    CpuSection custom, constants, topology;

    bool operator==(const CpuSections&) const = default;
};

// The most that `find_cpu_sections` reads of a blob.
inline constexpr std::uint64_t k_cpu_beginning_bytes = std::uint64_t{64} << 10;

// Small enough that sums of a few offsets do not overflow.
inline constexpr std::uint64_t k_cpu_blob_bytes_max = std::uint64_t{1} << 52;

// `beginning` is the first k_cpu_beginning_bytes of a blob, or all of it. Errc::unsupported if it
// is not a blob of the CPU plugin, or of an unknown version; Errc::damaged if the plugin would not
// accept its sections, or it has more than k_cpu_blob_bytes_max.
[[nodiscard]] Result<CpuSections> find_cpu_sections(std::span<const std::byte> beginning,
                                                    std::uint64_t blob_bytes);

struct CpuConstant {
    std::uint64_t offset = 0;  // in the blob
    std::uint64_t bytes = 0;   // never 0

    auto operator<=>(const CpuConstant&) const = default;
};

struct CpuBlob {
    CpuSections sections;
    std::vector<std::byte> head;  // everything in front of the constants
    RepeatedKey key;
    std::string topology;                   // decoded
    std::vector<ConstantMention> mentions;  // in the order of the topology
    // Each range once, ordered by offset and bytes. They may overlap, and need not cover the
    // section.
    std::vector<CpuConstant> constants;
};

// `head` is everything in front of the constants section, and `topology` the topology section, of a
// blob of `blob_bytes`. Errors are those of find_cpu_sections and find_constants, and:
// Errc::unsupported if callbacks encoded the topology, Errc::damaged if a constant lies outside the
// section.
[[nodiscard]] Result<CpuBlob> parse_cpu_blob(std::span<const std::byte> head,
                                             std::span<const std::byte> topology,
                                             std::uint64_t blob_bytes);

// Another place of a constant's bytes.
struct Elsewhere {
    std::uint32_t source = 0;  // the caller's number of a file
    std::uint64_t offset = 0;  // in the source

    auto operator<=>(const Elsewhere&) const = default;
};

// Pages of a source that hold constants, and their place in the blob.
struct CpuRun {
    std::uint32_t source = 0;
    std::uint64_t source_offset = 0;  // a multiple of the page size
    std::uint64_t blob_offset = 0;    // a multiple of the page size
    std::uint64_t bytes = 0;          // up to the end of the last constant

    bool operator==(const CpuRun&) const = default;
};

// The blob consists of `head`; the constants that are not elsewhere; for each run, the whole pages
// that it touches; and `topology`. Gaps between them are zeros.
struct CpuLayout {
    std::vector<std::byte> head;
    std::vector<std::byte> topology;
    std::vector<std::uint64_t> offsets;  // of each of CpuBlob::constants, in the new blob
    std::vector<CpuRun> runs;            // in the order of the blob; no two runs share a page
    std::uint64_t topology_offset = 0;
    std::uint64_t blob_bytes = 0;
};

// Constants that are at most this far apart in their source are in one run, at the same distance.
inline constexpr std::uint64_t k_run_gap_bytes_max = std::uint64_t{64} << 10;
// The alignment of constants that are not elsewhere, if they have this size or more; smaller ones
// are aligned to 8.
inline constexpr std::uint64_t k_cpu_alignment_bytes = 64;

// Another layout of the same model: each constant with a `wanted` place has the same place in its
// page as there, and the others lie close together. `same_as` is empty, or says for each constant
// which one has the same bytes, itself or one before it: what has no `wanted` place lies where that
// one does. Errc::invalid_argument unless there is one `wanted` for each constant, `page_bytes` is
// a power of two from 4096 to 1 MiB, and the blob and the places end within k_cpu_blob_bytes_max;
// Errc::unsupported if constants overlap so that the others would take more than now.
[[nodiscard]] Result<CpuLayout> relayout(const CpuBlob& blob,
                                         std::span<const std::optional<Elsewhere>> wanted,
                                         std::uint64_t page_bytes,
                                         std::span<const std::size_t> same_as = {});

}  // namespace larder::internal::format
