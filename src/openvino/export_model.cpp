#include "openvino/export_model.h"

#include <cctype>
#include <ios>
#include <locale>
#include <new>
#include <ostream>

#include "openvino/blob_stream.h"
#include "os/known_state.h"

namespace larder::internal::openvino {

std::string plain_message(const std::exception& error) {
    std::string text = error.what();
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
        text.pop_back();
    }
    const auto last = text.rfind('\n');
    return last == std::string::npos ? text : text.substr(last + 1);
}

Result<void> export_model(ov::CompiledModel& compiled, const std::string& device,
                          runtime::BlobSink& sink) {
    SinkBuffer buffer(sink);
    std::ostream stream(&buffer);
    stream.imbue(std::locale::classic());
    // Else the runtime would go on to the end, over all of the weights.
    stream.exceptions(std::ios::badbit);
    const os::KnownState known;
    if (!os::streams_are_plain()) return fail(Errc::unsupported, k_other_streams);
    try {
        compiled.export_model(stream);
    } catch (const std::bad_alloc&) {
        return fail(Errc::unsupported, "no memory to export the compiled model");
    } catch (const std::exception& error) {
        if (auto written = buffer.finish(); !written) return written;
        return fail(Errc::unsupported,
                    "the device " + device + " cannot export this model: " + plain_message(error));
    }
    if (auto written = buffer.finish(); !written) return written;
    if (!stream) return fail(Errc::unsupported, "exporting the compiled model ended early");
    if (!os::streams_are_plain()) return fail(Errc::unsupported, k_other_streams);
    return {};
}

}  // namespace larder::internal::openvino
