#include "cache/attempt/keys.h"

#include "cache/identify/encrypted_blob.h"

namespace larder::internal::cache {

bool Keys::next(const Miss& miss) {
    if (miss.kind == Miss::Kind::of_other_callbacks) return next_callbacks();
    if (!attempt_.identified.needs_more || miss.kind == Miss::Kind::other) return false;
    if (miss.kind == Miss::Kind::nothing && !free_machine_) free_machine_ = machine_;
    if (next_machine()) return true;
    // If each key has another machine's entry, the last one is replaced.
    ask_for_machine(free_machine_.value_or(machine_));
    return false;
}

bool Keys::next_machine() {
    if (machine_ + 1 >= k_machines_max) return false;
    ask_for_machine(machine_ + 1);
    return true;
}

void Keys::ask_for_machine(unsigned machine) {
    machine_ = machine;
    number_key(attempt_.identified, machine);
    attempt_.ask_for_key();
}

bool Keys::next_callbacks() {
    auto& inputs = attempt_.identified.inputs;
    const auto found = inputs.find(k_encryption_input);
    if (found == inputs.end() || found->second != varying_encryption(callbacks_)) return false;
    if (++callbacks_ == k_varying_encryptions) return false;
    found->second = varying_encryption(callbacks_);
    attempt_.identified.key = format::key_of(inputs);
    attempt_.ask_for_key();
    return true;
}

}  // namespace larder::internal::cache
