// The database of State, for the source files that implement its methods. Private to store/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "state/sqlite.h"
#include "state/state.h"

namespace larder::internal::state {

struct State::Impl {
    using Bind = std::function<void(Statement&)>;
    using Row = std::function<void(const Statement&)>;

    Impl(const os::System& on, Log& to, std::string in)
        : system(on), log(to), directory(std::move(in)) {}

    os::System system;
    Log& log;
    std::string directory;
    std::mutex mutex;
    std::unique_ptr<Connection> connection;
    std::int64_t opened_by = 0;  // process id
    std::optional<Error> last_fault;
    bool given_up = false;
    std::string file;

    // Runs `work` with the database open; false if the database is not available now. Replaces a
    // damaged one once.
    bool run(const std::function<Result<void>(Connection&)>& work);
    // Runs one statement; calls `row` for each row.
    bool run(const char* sql, const Bind& bind, const Row& row = no_rows);

    [[nodiscard]] static Result<void> query(Connection& connection, const char* sql,
                                            const Bind& bind, const Row& row = no_rows);
    // Does all of `work` or nothing; costs as much as a single statement that writes.
    [[nodiscard]] static Result<void> transact(Connection& connection,
                                               const std::function<Result<void>()>& work);
    [[nodiscard]] static Result<void> note_request(Connection& connection,
                                                   std::string_view larder_id, const Key& key,
                                                   std::int64_t at_ns);
    static void no_values(Statement&) {}
    static void no_rows(const Statement&) {}

private:
    [[nodiscard]] Result<void> open();
    void set_aside();
    void note(Error error);
};

Statement& bind_stamp(Statement& statement, const os::FileStamp& stamp);
[[nodiscard]] std::optional<Digest> to_digest(std::span<const std::uint8_t> bytes);

}  // namespace larder::internal::state
