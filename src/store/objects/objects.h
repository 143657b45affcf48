// Opens objects, and proves that they are what their names say. Private to store/.
#pragma once

#include <memory>
#include <optional>

#include "base/result.h"
#include "store/disk/content.h"
#include "store/disk/context.h"
#include "store/disk/types.h"

namespace larder::internal::store {

struct OpenedObject {
    std::unique_ptr<os::File> file;
    os::FileStamp stamp;
    Proof proof = Proof::none;
};

// Does Store::open_object without the mapping. `key` is the entry that is quarantined with a
// damaged object. `visit` gets the bytes only if they are read.
[[nodiscard]] Result<OpenedObject> open_verified(Context& context, const std::optional<Key>& key,
                                                 const Part& part, Verify policy,
                                                 const ChunkVisitor& visit = {});

[[nodiscard]] Result<MappedObject> map_object(Context& context, const Key& key, const Part& part,
                                              Verify policy, const ChunkVisitor& visit = {});

// Tells `progress` how much was read; nothing where nobody listens.
[[nodiscard]] ChunkVisitor counting(const ReadProgress& progress);

// Describes the damage of an object whose content has another digest; names the chunk if the chunk
// list shows it.
[[nodiscard]] Error damage_of(const Context& context, const Digest& object,
                              const ContentDigest& content);

}  // namespace larder::internal::store
