// One SQLite connection and its statements. Private to store/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "base/result.h"

namespace larder::internal::state {

// Values are bound in order; the destructor resets the statement. Not thread-safe.
class Statement {
public:
    explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement();

    Statement& bind(std::int64_t value);
    Statement& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }
    // The bytes must outlive the statement.
    Statement& bind(std::string_view text);
    Statement& bind(std::span<const std::uint8_t> bytes);
    Statement& bind_null();

    // Returns SQLITE_ROW, SQLITE_DONE or an error code.
    [[nodiscard]] int step() { return sqlite3_step(statement_); }

    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::uint64_t count(int column) const;
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] std::span<const std::uint8_t> blob(int column) const;

private:
    sqlite3_stmt* statement_;
    int bound_ = 0;
};

class Connection {
public:
    // Creates the file if it is absent. Calls that meet another connection's lock fail with
    // SQLITE_BUSY after `busy_limit_ms`.
    [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const std::string& path,
                                                                  int busy_limit_ms);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    // Executes statements without a result.
    [[nodiscard]] Result<void> execute(const char* sql);
    // `sql` must be a literal: it is prepared once and cached by its address.
    [[nodiscard]] Result<sqlite3_stmt*> prepare(const char* sql);
    [[nodiscard]] Error error(std::string what) const;
    // For a process made by fork: nothing may be closed, because the parent still uses it.
    void abandon() noexcept;

private:
    explicit Connection(sqlite3* database) : database_(database) {}

    sqlite3* database_;
    std::map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace larder::internal::state
