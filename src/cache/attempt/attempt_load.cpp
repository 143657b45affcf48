#include <algorithm>
#include <charconv>
#include <utility>

#include "cache/attempt/attempt.h"
#include "cache/attempt/gain.h"
#include "cache/blob/model_bytes.h"
#include "cache/entries/kept_form.h"
#include "cache/identify/encrypted_blob.h"
#include "cache/pages/blob_pages.h"
#include "cache/session/stopwatch.h"
#include "cache/sharing/weight_sharing.h"
#include "os/end_in_time.h"
#include "os/system.h"
#include "process/large_blocks.h"

namespace larder::internal::cache {
namespace {

// An object that was never used successfully is quarantined after its first crash. A proven one may
// not be the cause, and is quarantined after three.
constexpr std::uint64_t k_crashes_unproven = 1;
constexpr std::uint64_t k_crashes_proven = 3;

// 16-bit weights are unpacked to 32 bits.
constexpr std::uint64_t k_unpacked_per_blob_max = 2;
// Prefaults at most half of the available memory: a block may never be filled, and other uses must
// not run short of memory because of it.
constexpr std::uint64_t k_part_of_available_memory = 2;

// Holds a mapped blob for as long as the runtime uses it.
struct BlobOwner {
    std::shared_ptr<os::Mapping> mapping;
    std::shared_ptr<OpenTrial> trial;
    std::shared_ptr<BlobPages> pages;
    std::shared_ptr<const void> presence;
    std::int64_t process = os::current_process_id();

    BlobOwner(std::shared_ptr<os::Mapping> m, std::shared_ptr<OpenTrial> t)
        : mapping(std::move(m)), trial(std::move(t)) {}
    BlobOwner(const BlobOwner&) = delete;
    BlobOwner& operator=(const BlobOwner&) = delete;
    // The runtime no longer uses the blob, and the process is alive: the trial ends. The work has a
    // time limit, because a program that releases a model may be about to exit and the disk may be
    // slow.
    ~BlobOwner() {
        auto work = [kept = trial, bytes = std::move(mapping), here = std::move(presence),
                     reader = std::move(pages)]() mutable {
            reader.reset();
            if (kept) kept->end();
            here.reset();
        };
        if (process == os::current_process_id()) {
            static_cast<void>(os::end_in_time(std::move(work)));
        } else {
            work();
        }
    }
};

// Returns null if it would not pay, or if the available memory is unknown.
std::unique_ptr<process::LargeBlockScope> large_blocks_of(const runtime::Request& request,
                                                          std::uint64_t blob_bytes) {
    const auto libraries = request.unpacking_libraries();
    const auto budget = std::min(blob_bytes * k_unpacked_per_blob_max,
                                 os::read_available_memory_bytes() / k_part_of_available_memory);
    if (libraries.empty() || budget == 0) return nullptr;
    return std::make_unique<process::LargeBlockScope>(libraries, budget);
}

std::uint64_t number_in(const std::map<std::string, std::string>& notes, const std::string& name) {
    std::uint64_t value = 0;
    const auto found = notes.find(name);
    if (found != notes.end()) {
        std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
    }
    return value;
}

}  // namespace

std::optional<Outcome> Attempt::load(Locked locked) {
    store::Lookup found;
    {
        const Stopwatch watch(session_.system().clock, response_.timing.lookup);
        found = store_->find(identified_.key);
    }
    found_ = found.manifest || found.fault ? Found::other : Found::nothing;
    if (!found.manifest) {
        if (found.fault) {
            miss_ = found.fault->message();
            session_.log().warn_once("entry", "an entry cannot be used: " + miss_);
        }
        return std::nullopt;
    }
    auto& manifest = *found.manifest;
    const auto now_ns = session_.system().clock.wall().count();
    blame_ = Blame::noted_in(manifest, now_ns);
    refusals_ = std::max(refusals_, number_in(manifest.notes, "refusals"));
    if (is_withheld_for_crashes(manifest) && (blame_.crashes == 0 || is_refuted(blame_))) {
        blame_ = {};
        miss_ = "it was not kept for a while";
        return std::nullopt;
    }
    if (is_wanted_all_the_same(session_, *store_, manifest)) {
        miss_ = "it was not kept, as it gained nothing, and is to be";
        return std::nullopt;
    }
    if (const auto withheld = manifest.notes.find(k_withheld_note);
        withheld != manifest.notes.end()) {
        miss_ = "it is not kept any more: " + withheld->second;
        // An entry withheld because a load is no faster than a compile counts as a hit here.
        const bool is_kept_only = session_.config().mode == Mode::cache_only;
        if (is_kept_only && !is_withheld_for_gain(manifest)) return std::nullopt;
        if (const auto readable = make_readable(); !readable) {
            miss_ = readable.error().message();
            return std::nullopt;
        }
        const auto control = begin_control();
        request_.compile();
        watch(control);
        request_.release_model();
        response_.reason = miss_;
        return Outcome::bypassed;
    }
    if (request_.check(manifest.requirements) == runtime::Compatibility::refused) {
        miss_ = "the runtime on this machine does not accept the kept blob, which needs " +
                manifest.requirements;
        found_ = Found::of_other_machine;
        return std::nullopt;
    }
    if (!is_safe_to_try(manifest, locked)) return std::nullopt;
    store_->mark_used(identified_.key);
    const auto outcome =
        manifest.encoding == format::Encoding::files ? load_files(manifest) : load_blob(manifest);
    if (outcome == Outcome::loaded) {
        response_.object = manifest.own_part().object;
        response_.object_bytes = manifest.total_bytes();
        response_.kept_bytes = manifest.total_bytes() - manifest.referred_bytes();
        response_.reason.clear();
        loaded_ = std::move(manifest);
    }
    return outcome;
}

bool Attempt::is_safe_to_try(const format::Manifest& manifest, Locked locked) {
    if (manifest.parts.empty()) return false;
    const auto& part = manifest.own_part();
    const auto count = store_->count_crashes(part.object);
    if (!count || count->crashes == 0) return true;
    if (count->crashes < (store_->is_proven(part.object) ? k_crashes_proven : k_crashes_unproven)) {
        return true;
    }
    auto blame = blame_;
    blame.add(*count);
    is_innocent_ = is_refuted(blame);
    if (is_innocent_) return true;
    miss_ = "a process crashed when it used the kept blob, which is set aside";
    // Without the compile lock, another request may already have quarantined it and published anew.
    if (locked == Locked::yes || store_->access() == store::Access::read_only) {
        blame_ = std::move(blame);
        session_.log().warn_once(
            "crash", "'" + identified_.model.path + "': " + miss_ + "; it is compiled anew");
        if (const auto done = store_->quarantine(identified_.key, part, "its use ended a process");
            !done) {
            session_.log().warn_once("quarantine", done.error().message());
        }
    }
    return false;
}

bool Attempt::is_refuted(const Blame& blame) {
    const auto without = store_->count_crashes(identified_.key.digest);
    return without && blame.is_refuted_by(*without);
}

std::shared_ptr<OpenTrial> Attempt::begin_control() {
    if (blame_.crashes == 0) return nullptr;
    auto trial = store_->begin_trial(identified_.key.digest);
    if (!trial) return nullptr;
    return std::make_shared<OpenTrial>(std::move(*trial), std::function<void()>());
}

void Attempt::watch(const std::shared_ptr<OpenTrial>& trial) {
    if (!trial) return;
    trial->note_loaded();
    session_.trials().watch(trial);
}

std::shared_ptr<OpenTrial> Attempt::begin_trial(const Digest& object) {
    if (is_innocent_) return nullptr;
    auto trial = store_->begin_trial(object);
    // Without a trial there is less protection, and no other harm.
    if (!trial) return nullptr;
    const std::weak_ptr<store::Store> weak = store_;
    return std::make_shared<OpenTrial>(std::move(*trial), [weak, object] {
        const auto store = weak.lock();
        if (store && !store->is_proven(object)) (void)store->mark_proven(object);
    });
}

std::optional<Outcome> Attempt::load_blob(format::Manifest& manifest) {
    if (refused_ == manifest.own_part().object) return std::nullopt;
    const auto object = open_blob(manifest);
    if (!object) {
        miss_ = object.error().message();
        // If the entry was evicted since it was found, this is a plain miss.
        if (object.error().code == Errc::not_found && !store_->find(identified_.key).manifest) {
            miss_ = "it is not kept any more";
            return std::nullopt;
        }
        if (is_of_others_ || lacks_weights_) return std::nullopt;
        session_.log().warn_once("object", "the kept blob cannot be used: " + miss_);
        // The reason has no path, because reasons are counted by kind; the warning has it.
        if (object.error().code == Errc::damaged) miss_ = "the kept blob was damaged";
        if (object.error().code == Errc::not_found) miss_ = "the kept blob is gone";
        return std::nullopt;
    }
    return import_blob(manifest, *object);
}

Result<store::MappedObject> Attempt::open_blob(format::Manifest& manifest) {
    const Stopwatch watch(session_.system().clock, response_.timing.verify);
    begin(Stage::verifying, {}, manifest.own_part().bytes);
    ModelBytes model(session_, identified_);
    const auto find = [&](const format::Referred& referred) {
        auto found = model.find(referred);
        if (!found && found.error().code == Errc::not_found) lacks_weights_ = true;
        return found;
    };
    while (true) {
        auto object = store_->open_blob(manifest, session_.config().verify, find, meter_.adder());
        if (object && manifest.encoding == format::Encoding::encrypted) {
            if (auto done = decrypt_blob(manifest, *object); !done) return fail(done.error());
        }
        if (object && manifest.encoding == format::Encoding::referring) {
            auto same = model.confirm();
            if (same && !is_settled(identified_)) same = confirm_model();
            if (!same) {
                lacks_weights_ = true;
                return fail(std::move(same.error()));
            }
        }
        if (object || object.error().code != Errc::not_found) return object;
        auto now = store_->find(identified_.key).manifest;
        if (!now || is_withheld(*now) || now->parts == manifest.parts) return object;
        manifest = std::move(*now);
    }
}

Result<void> Attempt::decrypt_blob(const format::Manifest& manifest, store::MappedObject& object) {
    const auto* const encryption = request_.encryption();
    if (encryption == nullptr) return fail(Errc::incompatible, "it was encrypted by callbacks");
    auto mapping = decrypt(object.bytes(), manifest.key, *encryption);
    if (!mapping) {
        is_of_others_ = mapping.error().code == Errc::incompatible;
        return fail(std::move(mapping.error()));
    }
    object.mapping = std::move(*mapping);
    object.ranges.clear();
    return {};
}

bool Attempt::try_next_key() {
    if (!is_of_others_) return false;
    auto& inputs = identified_.inputs;
    const auto found = inputs.find(k_encryption_input);
    if (found == inputs.end() || found->second != varying_encryption(encryption_number_)) {
        return false;
    }
    if (++encryption_number_ == k_varying_encryptions) return false;
    is_of_others_ = false;
    found->second = varying_encryption(encryption_number_);
    identified_.key = format::key_of(inputs);
    response_.key = identified_.key.digest;
    asked_ = session_.next_model().ask(store_->id(), identified_.key);
    return true;
}

void Attempt::ask_for_machine(unsigned machine) {
    machine_ = machine;
    number_key(identified_, machine);
    response_.key = identified_.key.digest;
    asked_ = session_.next_model().ask(store_->id(), identified_.key);
}

bool Attempt::try_next_machine() {
    if (!identified_.needs_more || found_ == Found::other) return false;
    if (found_ == Found::nothing && !free_machine_) free_machine_ = machine_;
    if (machine_ + 1 < k_machines_max) {
        ask_for_machine(machine_ + 1);
        return true;
    }
    // If each key has another machine's entry, the last one is replaced.
    ask_for_machine(free_machine_.value_or(machine_));
    return false;
}

std::optional<Outcome> Attempt::import_blob(const format::Manifest& manifest,
                                            const store::MappedObject& object) {
    const auto& part = manifest.own_part();
    const bool proven = store_->is_proven(part.object);
    const auto trial = begin_trial(part.object);
    const auto size = object.bytes().size();
    // A blob that is not in the page cache is read by several readers even if it is not large.
    const bool is_large = size >= k_large_blob_bytes ||
                          (size >= k_releasable_blob_bytes && !object.mapping->is_cached(0, size));
    const auto pages = session_.config().release_memory ? Pages::drop : Pages::keep;
    auto owner = std::make_shared<BlobOwner>(object.mapping, trial);
    response_.sharing.emplace();
    std::unique_ptr<WeightSharing> sharing;
    if (manifest.encoding == format::Encoding::encrypted) {
        response_.sharing->reason = "it is encrypted";
    } else {
        sharing = WeightSharing::begin(session_, store_, identified_, request_, size,
                                       compiled_ ? &*compiled_ : nullptr, *response_.sharing);
    }
    if (sharing) owner->presence = sharing->take_presence();
    ReadAhead::Imported first{part.object};
    if (is_large) {
        auto large_blocks = session_.config().prefault ? large_blocks_of(request_, size) : nullptr;
        owner->pages = std::make_shared<BlobPages>(object.mapping, object.ranges, pages,
                                                   std::move(large_blocks),
                                                   sharing ? sharing->shared_bytes() : nullptr);
        first.read = owner->pages->read();
    }
    const runtime::Blob blob{object.bytes(), std::move(owner)};
    session_.next_model().read_next(store_, asked_, std::move(first));
    request_.expect_port_names(note_in(manifest, "port names"));
    request_.expect_settled_properties(note_in(manifest, k_settled_note));
    const auto kernel_trial = begin_kernels(manifest);
    begin(Stage::loading);
    const auto imported = request_.import_blob(blob, manifest.weights == format::Weights::external);
    const bool may_drop = size >= k_releasable_blob_bytes || request_.copies_blob();
    if (may_drop && pages == Pages::drop) object.mapping->drop_resident();
    if (!imported) {
        response_.sharing.reset();
        if (trial) trial->withdraw();
        if (kernel_trial) kernel_trial->withdraw();
        // Replaced only once a compile has succeeded: if that fails too, the blob was not to blame.
        refused_ = part.object;
        // Once proven, a blob may still be refused for other things that this request asks for: no
        // refusal is counted then.
        if (!proven && imported.error().code == Errc::incompatible) {
            note_refusal(Refused::later);
        }
        miss_ = imported.error().message();
        auto refusal = "the runtime did not accept the kept blob: " + miss_;
        // A blob that the runtime has never accepted is the runtime's own fault: after
        // k_refusals_max loads it is not published again.
        if (proven) {
            refusal_ = std::move(refusal);
        } else {
            session_.log().info(refusal);
        }
        return std::nullopt;
    }
    watch(kernel_trial);
    if (trial && proven) trial->end();
    if (sharing) {
        // The warm-up is no use that the program asked for: a crash in it is not the blob's fault.
        if (trial && !proven) trial->withdraw();
        share(std::move(sharing));
        if (trial && !proven) {
            if (auto next = store_->begin_trial(part.object)) trial->renew(std::move(*next));
        }
    }
    if (!proven) watch(trial);
    return Outcome::loaded;
}

std::shared_ptr<OpenTrial> Attempt::begin_kernels(const format::Manifest& blob) {
    request_.keep_kernels_in({});
    // Kernels reveal something about the model and are not encrypted.
    if (!blob.notes.contains(k_kernels_note) || request_.encryption() != nullptr) return nullptr;
    if (!request_.takes_kernels()) return nullptr;
    auto manifest = kernel_manifest(blob);
    if (store_->access() == store::Access::read_only && !store_->find(manifest.key).manifest) {
        return nullptr;
    }
    const auto directory =
        session_.kernels().open(session_.system(), session_.log(), store_, manifest);
    if (!directory) {
        session_.log().debug("kernels are not kept: " + directory.error().message());
        return nullptr;
    }
    request_.keep_kernels_in((*directory)->path());
    if (session_.config().mode == Mode::refresh) {
        (*directory)->begin_anew();
        return nullptr;
    }
    const auto subject = (*directory)->begin();
    auto trial = subject ? store_->begin_trial(*subject) : fail(Errc::not_found, "none");
    if (!trial) return nullptr;
    return std::make_shared<OpenTrial>(std::move(*trial), std::function<void()>());
}

void Attempt::share(std::unique_ptr<WeightSharing> sharing) {
    const Stopwatch watch(session_.system().clock, response_.timing.share);
    try {
        sharing->share(request_, *response_.sharing);
    } catch (const std::bad_alloc&) {
        // The model is loaded, and the pages that are shared by now stay shared.
        response_.sharing->reason = "there is too little memory";
    }
}

std::optional<Outcome> Attempt::load_files(const format::Manifest& manifest) {
    Result<store::PrivateDirectory> directory = fail(Errc::io, "not opened");
    {
        const Stopwatch watch(session_.system().clock, response_.timing.verify);
        directory = store_->materialise(&manifest, session_.config().verify);
    }
    if (!directory) {
        miss_ = directory.error().message();
        session_.log().warn_once("object", "the kept blob cannot be used: " + miss_);
        return std::nullopt;
    }
    // These devices make the runtime read the model before they look into the directory.
    if (const auto readable = make_readable(); !readable) {
        miss_ = readable.error().message();
        return std::nullopt;
    }
    const auto trial = begin_trial(manifest.parts.front().object);
    request_.expect_settled_properties(note_in(manifest, k_settled_note));
    miss_ = "the device did not accept the kept blob";
    session_.next_model().read_next(store_, asked_, std::nullopt);
    const auto outcome = compile_into_directory(std::move(*directory), manifest);
    watch(trial);
    return outcome;
}

}  // namespace larder::internal::cache
