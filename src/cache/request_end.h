// What is left to be done of a request once it has its model: to remember and to say what became of
// it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "cache/key.h"
#include "cache/pipeline.h"
#include "cache/request.h"
#include "cache/session.h"
#include "format/manifest.h"
#include "store/store.h"

namespace larder::internal::cache {

struct RequestEnd {
    std::shared_ptr<store::Store> store;  // null where no larder was opened
    Identified identified;
    Pipeline::Asked asked;
    Response response;
    std::string called;  // the model, for people
    std::string name;    // and its device
    std::chrono::milliseconds saved{0};
    std::uint64_t compile_ms = 0;  // of what was loaded; 0: nothing was
    std::uint64_t written_bytes = 0;
};

// What was kept of a model that was compiled, or why it was not: into the response.
void note_kept(Session& session, const std::shared_ptr<store::Store>& store,
               const Result<format::Manifest>& kept, Response& response,
               std::uint64_t& written_bytes);

void remember(Session& session, RequestEnd& end);
// In the session's report, and for who listens to LogLevel::info.
void report(Session& session, const RequestEnd& end);

}  // namespace larder::internal::cache
