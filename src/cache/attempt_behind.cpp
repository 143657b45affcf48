// A model that was compiled is handed out at once, and kept behind the program.
#include <memory>
#include <new>
#include <utility>

#include "cache/attempt.h"
#include "cache/keep_behind.h"

namespace larder::internal::cache {

bool Attempt::may_be_kept_behind() {
    if (session_.config().publish == Publish::first) return false;
    // What was refused once is asked for by who keeps it; what has crashed is not kept lightly.
    if (refused_ || refusals_ > 0 || blame_.crashes > 0) return false;
    switch (model_.origin) {
        case ModelOrigin::path: break;
        // A change right after it was hashed would leave no trace: it has to be hashed again.
        case ModelOrigin::memory:
            if (!is_settled(identified_)) return false;
            break;
        // Only the program knows what its model is, and when it is another.
        case ModelOrigin::caller: return false;
    }
    return session_.behind().is_possible();
}

bool Attempt::keep_behind(store::Flight& flight, std::unique_ptr<SourcePages>& source_pages) {
    if (!may_be_kept_behind()) return false;
    auto compiled = request_.compiled_apart();
    if (!compiled) return false;
    auto publication = draft_publication();
    auto how = how_to_export();
    request_.release_model();
    // Its thread would drop what the program's first inference reads.
    if (source_pages) source_pages->stop();
    response_.is_being_kept = true;
    response_.timing.runtime = times();
    response_.timing.total = session_.system().clock.monotonic() - began_;
    const auto spent = response_.timing.runtime.compile.value_or(std::chrono::nanoseconds{0});
    const auto job = std::make_shared<KeepBehind>(
        session_,
        KeepBehind::Work{end(), std::move(publication), std::move(how), std::move(compiled),
                         std::move(source_pages), std::move(flight), spent});
    // Where no thread is to be had.
    if (!session_.behind().start(job)) job->run();
    return true;
}

}  // namespace larder::internal::cache
