#include "state/sqlite.h"

#include <utility>

namespace larder::internal::state {
namespace {

Errc errc_of(int code) {
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return Errc::busy;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return Errc::damaged;
        case SQLITE_FULL: return Errc::no_space;
        case SQLITE_READONLY: return Errc::read_only;
        case SQLITE_PERM:
        case SQLITE_AUTH:
        case SQLITE_CANTOPEN: return Errc::permission_denied;
        default: return Errc::io;
    }
}

}  // namespace

Statement::~Statement() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

Statement& Statement::bind(std::int64_t value) {
    sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
}

Statement& Statement::bind(std::string_view text) {
    sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
}

Statement& Statement::bind(std::span<const std::uint8_t> bytes) {
    sqlite3_bind_blob64(statement_, ++bound_, bytes.data(), bytes.size(), SQLITE_STATIC);
    return *this;
}

Statement& Statement::bind_null() {
    sqlite3_bind_null(statement_, ++bound_);
    return *this;
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::uint64_t Statement::count(int column) const {
    const auto value = integer(column);
    return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

std::string Statement::text(int column) const {
    const auto bytes = blob(column);
    return {bytes.begin(), bytes.end()};
}

std::span<const std::uint8_t> Statement::blob(int column) const {
    const void* const data = sqlite3_column_blob(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    if (data == nullptr) return {};
    return {static_cast<const std::uint8_t*>(data), size};
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, int busy_limit_ms) {
    sqlite3* database = nullptr;
    const int code = sqlite3_open_v2(
        path.c_str(), &database,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
        nullptr);
    auto connection = std::unique_ptr<Connection>(new Connection(database));
    if (code != SQLITE_OK) {
        auto error = connection->error("cannot open the state database");
        error.path = path;  // a database that was not opened does not name its file
        return fail(std::move(error));
    }
    sqlite3_busy_timeout(database, busy_limit_ms);
    return connection;
}

Connection::~Connection() {
    for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close_v2(database_);
}

Result<void> Connection::execute(const char* sql) {
    if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
        return fail(error("cannot use the state database"));
    }
    return {};
}

Result<sqlite3_stmt*> Connection::prepare(const char* sql) {
    sqlite3_stmt*& statement = statements_[sql];
    if (statement == nullptr && sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                                   &statement, nullptr) != SQLITE_OK) {
        return fail(error("cannot use the state database"));
    }
    return statement;
}

Error Connection::error(std::string what) const {
    Error error;
    error.code = errc_of(sqlite3_extended_errcode(database_));
    error.what = std::move(what) + " (" + sqlite3_errmsg(database_) + ")";
    if (database_ != nullptr) {
        const char* const path = sqlite3_db_filename(database_, "main");
        if (path != nullptr) error.path = path;
    }
    return error;
}

void Connection::abandon() noexcept {
    statements_.clear();
    database_ = nullptr;
}

}  // namespace larder::internal::state
