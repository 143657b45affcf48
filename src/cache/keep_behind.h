// Keeping a model behind the program that has it by now.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "cache/blob_export.h"
#include "cache/keeping.h"
#include "cache/request_end.h"
#include "cache/source_pages.h"
#include "runtime/runtime.h"
#include "store/publish.h"
#include "store/store.h"

namespace larder::internal::cache {

// One model. Exports it while the program uses it, publishes that, and ends its request.
class KeepBehind final : public BackgroundJob {
public:
    struct Work {
        RequestEnd end;
        store::Publication publication;  // without its source
        BlobExport how;
        std::unique_ptr<runtime::CompiledApart> compiled;
        std::unique_ptr<SourcePages> source_pages;  // may be null
        store::Flight flight;                       // let go of once it is kept
        std::chrono::nanoseconds compile_time{0};
    };

    // `session` must outlive the job.
    KeepBehind(Session& session, Work work);

    // How long the end of the program may be delayed for it: a later start would take no less for
    // the compile that it is then spared.
    [[nodiscard]] std::chrono::nanoseconds delay_max() const { return delay_max_; }
    // Nothing more is exported: the model is then not kept, unless it is exported by now.
    void cancel() noexcept { is_cancelled_ = true; }
    // True once the runtime is not used any more; false at `limit`.
    [[nodiscard]] bool wait_until_exported(Time limit);

private:
    void work() override;
    [[nodiscard]] Result<format::Manifest> publish();
    [[nodiscard]] Result<void> write(store::StagedFile& file);
    // The model is still the one that was identified.
    [[nodiscard]] Result<void> confirm() const;
    void let_go_of_compiled() noexcept;

    Session& session_;
    std::optional<Work> work_;
    const std::chrono::nanoseconds delay_max_;
    std::atomic<bool> is_cancelled_{false};
    bool is_exported_ = false;  // under mutex_
};

}  // namespace larder::internal::cache
