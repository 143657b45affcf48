// The server's responses: the page, the API, metrics.
#pragma once

#include <chrono>
#include <string>

#include "larder/options.hpp"
#include "serve/guard.h"
#include "serve/http.h"
#include "serve/jobs.h"
#include "serve/reader.h"

namespace larder::serve {

// Thread-safe.
class Service {
public:
    // `access` may change until the first request; see set_access.
    Service(Settings settings, Reader& reader, Jobs& jobs);

    void set_access(Access access) { access_ = std::move(access); }
    [[nodiscard]] Response answer(const Request& request) const noexcept;

    // Returns the first event of a stream, which is sent again after each change.
    [[nodiscard]] cli::Json state_json(const Snapshot& snapshot) const;

private:
    [[nodiscard]] Response route(const Request& request) const;
    [[nodiscard]] Response read(const Request& request, std::string_view path) const;
    [[nodiscard]] Response act(const Request& request, std::string_view path) const;

    [[nodiscard]] Response entry(std::string_view path) const;
    [[nodiscard]] Response stats(const Request& request) const;
    [[nodiscard]] Response history(const Request& request) const;
    [[nodiscard]] Response metrics() const;
    [[nodiscard]] Response events() const;
    [[nodiscard]] Response health() const;

    [[nodiscard]] Response prune(const std::string& body) const;
    [[nodiscard]] Response remove(const std::string& body) const;
    [[nodiscard]] Response pin(const std::string& body, bool pinned) const;
    [[nodiscard]] Response start(const std::string& body, Jobs::Verb verb) const;

    Settings settings_;
    Reader& reader_;
    Jobs& jobs_;
    Access access_;
    std::chrono::system_clock::time_point started_at_;
};

}  // namespace larder::serve
