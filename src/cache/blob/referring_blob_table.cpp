// Writes the result of ReferringBlob: the table of pieces, and the object's own bytes.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cache/blob/referring_blob.h"
#include "format/referring.h"
#include "os/composition.h"
#include "os/page_size.h"

namespace larder::internal::cache {
namespace {

// Places the object's own bytes, each run at an offset at which its pages can be mapped.
class ObjectLayout {
public:
    explicit ObjectLayout(std::uint64_t begin) : end_(begin) {}

    // Returns the offset in the object of `bytes` that lie at `offset` in the blob.
    std::uint64_t place(std::uint64_t offset, std::uint64_t bytes) {
        const auto page = os::page_bytes();
        if (bytes >= os::k_mapped_bytes_min) end_ += (page + offset % page - end_ % page) % page;
        const auto at = end_;
        end_ += bytes;
        return at;
    }

private:
    std::uint64_t end_;
};

}  // namespace

Result<void> ReferringBlob::write(const std::vector<Placed>& placed) {
    format::Referring referring;
    referring.blob_bytes = blob_bytes_;
    referring.start_in_page = start_in_page_;
    std::map<std::uint32_t, std::uint32_t> number_of;  // of a source, in the table
    struct Made {
        std::uint64_t offset = 0;  // in the piece
        std::span<const std::byte> bytes;
    };
    struct Piece {
        std::uint64_t offset = 0;
        format::ReferringPiece piece;
        std::vector<Made> made;  // for a piece of the object itself; empty: zeros
    };
    std::vector<Piece> pieces;
    std::uint64_t gap_bytes_max = 0;
    std::uint64_t end = 0;
    for (const auto& [offset, run] : placed) {
        const bool refers = run.source && !run.is_kept;
        if (offset < end) {
            // Constants may overlap, as they do in their file.
            const auto known = refers ? number_of.find(*run.source) : number_of.end();
            auto& [begin, piece, made] = pieces.back();
            if (known == number_of.end() || piece.source != known->second ||
                piece.offset + (offset - begin) != run.offset) {
                return keep_whole();
            }
            const auto run_end = std::max(end, offset + run.bytes);
            piece.bytes += run_end - end;
            end = run_end;
            continue;
        }
        const auto gap = offset - end;
        if (refers) {
            const auto next = static_cast<std::uint32_t>(number_of.size() + 1);
            const auto [found, is_new] = number_of.try_emplace(*run.source, next);
            if (is_new) referring.referred.push_back(sources_[*run.source].referred);
            // The bytes between two constants may be the same in the blob and in the file.
            if (!pieces.empty() && pieces.back().piece.source == found->second &&
                pieces.back().piece.offset + pieces.back().piece.bytes + gap == run.offset) {
                pieces.back().piece.bytes += gap + run.bytes;
                end = offset + run.bytes;
                continue;
            }
        }
        if (!refers && !pieces.empty() && !pieces.back().made.empty() &&
            gap <= k_source_stretch_bytes) {
            auto& [begin, piece, made] = pieces.back();
            made.push_back({offset - begin, bytes_of(run)});
            piece.bytes += gap + run.bytes;
            end = offset + run.bytes;
            continue;
        }
        if (gap > 0) {
            gap_bytes_max = std::max(gap_bytes_max, gap);
            pieces.push_back({end, {0, 0, gap}, {}});
        }
        if (refers) {
            pieces.push_back({offset, {number_of.at(*run.source), run.offset, run.bytes}, {}});
        } else {
            pieces.push_back({offset, {0, 0, run.bytes}, {{0, bytes_of(run)}}});
        }
        end = offset + run.bytes;
    }
    if (end < blob_bytes_) {
        gap_bytes_max = std::max(gap_bytes_max, blob_bytes_ - end);
        pieces.push_back({end, {0, 0, blob_bytes_ - end}, {}});
    }
    if (pieces.size() > format::k_referring_pieces_max ||
        referring.referred.size() > format::k_referred_max) {
        return keep_whole();
    }
    // All gaps refer to the same zeros.
    const auto zeros = format::referring_table_bytes(referring.referred.size(), pieces.size());
    ObjectLayout layout(zeros + gap_bytes_max);
    for (auto& [offset, piece, made] : pieces) {
        if (piece.source == 0) {
            piece.offset =
                made.empty() ? zeros : layout.place(start_in_page_ + offset, piece.bytes);
        }
        referring.pieces.push_back(piece);
    }
    auto done = file_.write_at(0, format::encode_referring(referring));
    if (done && gap_bytes_max > 0) {
        done = file_.write_at(zeros, std::vector<std::byte>(gap_bytes_max));
    }
    for (const auto& [offset, piece, made] : pieces) {
        if (!done) break;
        for (const auto& each : made) {
            if (done) done = file_.write_at(piece.offset + each.offset, each.bytes);
        }
    }
    if (!done) return done;
    store::StagedFile::Form form{format::Encoding::referring, std::string(format::k_made_part),
                                 referring.blob_bytes};
    for (const auto& each : referring.referred) {
        if (each.kind != format::ReferredKind::object) {
            refers_to_model_ = true;
            continue;
        }
        const auto number = std::to_string(form.shared.size() + 1);
        form.shared.push_back(
            {std::string(format::k_shared_part) + number, each.digest, each.bytes});
    }
    form.shared_bytes = referring.shared_bytes();
    file_.set_form(std::move(form));
    return {};
}

}  // namespace larder::internal::cache
