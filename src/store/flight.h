// The compile lock: one holder of a key's lock at a time, over all processes and threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/file_system.h"
#include "os/file_users.h"
#include "store/types.h"

namespace larder::internal::store {

struct Context;

// The lock of one key. Released by its destructor, and by the kernel when the process dies. Must
// not outlive the store.
class Flight {
public:
    Flight(Flight&&) noexcept = default;
    Flight& operator=(Flight&&) noexcept;
    Flight(const Flight&) = delete;
    Flight& operator=(const Flight&) = delete;
    ~Flight();

    // True if another process or thread held the lock at the first attempt: look the key up again.
    [[nodiscard]] bool waited() const { return waited_for_.count() > 0; }
    [[nodiscard]] std::chrono::nanoseconds waited_for() const { return waited_for_; }

private:
    friend Result<Flight> take_flight(Context&, const Key&, std::chrono::nanoseconds,
                                      std::string_view);
    Flight(os::FileSystem& fs, std::unique_ptr<os::File> file, std::chrono::nanoseconds waited_for);
    void release() noexcept;

    os::FileSystem* fs_;
    std::unique_ptr<os::File> file_;
    std::chrono::nanoseconds waited_for_;
    Ownership ownership_;
};

// The holder of a key's lock, and its purpose in words.
struct FlightHolder {
    Key key;
    std::int64_t process = 0;
    bool is_of_this_machine = true;
    std::int64_t since_ns = 0;  // since the epoch
    std::string purpose;
    std::vector<os::FileUser> waiting{};  // of this machine; in flight_holders() alone
};

// If `purpose` is given, the lock file describes the holder.
[[nodiscard]] Result<Flight> take_flight(Context& context, const Key& key,
                                         std::chrono::nanoseconds timeout,
                                         std::string_view purpose = {});
// Return the holders that gave a purpose. They neither wait nor take a lock.
[[nodiscard]] std::optional<FlightHolder> flight_holder(const Context& context, const Key& key);
[[nodiscard]] std::vector<FlightHolder> flight_holders(const Context& context);

}  // namespace larder::internal::store
