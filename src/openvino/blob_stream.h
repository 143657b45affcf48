// Streams for importing and exporting blobs.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <streambuf>
#include <vector>

#include <openvino/runtime/tensor.hpp>

#include "base/result.h"
#include "runtime/runtime.h"

namespace larder::internal::openvino {

// Returns a tensor over the blob's bytes, without a copy. The tensor, and any part of the runtime
// that keeps it, holds `blob.owner`; therefore the mapping lives exactly as long as the runtime
// needs it.
[[nodiscard]] ov::Tensor tensor_over(const runtime::Blob& blob);

// An output stream buffer that writes to a sink in large pieces. It can seek back, as exporters do
// to patch a header. A failed write sets the stream bad; `error` then says why.
class SinkBuffer : public std::streambuf {
public:
    explicit SinkBuffer(runtime::BlobSink& sink);

    // Writes the pending bytes. Returns the first error of the sink, if any.
    [[nodiscard]] Result<void> finish();

protected:
    std::streamsize xsputn(const char* data, std::streamsize size) override;
    int_type overflow(int_type c) override;
    int sync() override;
    pos_type seekoff(off_type offset, std::ios_base::seekdir from,
                     std::ios_base::openmode which) override;
    pos_type seekpos(pos_type position, std::ios_base::openmode which) override;

private:
    bool flush();
    bool write_through(const char* data, std::size_t size);

    runtime::BlobSink& sink_;
    std::vector<char> pending_;
    std::uint64_t position_ = 0;  // of the first pending byte
    std::uint64_t end_ = 0;
    Result<void> status_;
};

}  // namespace larder::internal::openvino
