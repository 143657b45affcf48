// HTTP/1.1 over TCP, with a limit on everything that a client controls.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "serve/http.h"

namespace larder::serve {

struct Limits {
    std::size_t connections = 128;
    std::size_t streams = 64;  // of these, streams of events
    std::uint32_t fields_bytes = 16 << 10;
    std::uint64_t body_bytes = 1 << 20;
    std::chrono::seconds read{10};       // for a whole request, from its first byte
    std::chrono::seconds idle{60};       // between two requests
    std::chrono::seconds write{60};      // for a response; for one event
    std::chrono::seconds heartbeat{15};  // between two heartbeats on a stream of events
    std::chrono::seconds ending{5};      // for running responses when the server ends
};

class Server {
public:
    // Listens at once. Throws cli::CommandError on failure.
    Server(const std::string& address, std::uint16_t port, Handler handler,
           const Limits& limits = {});
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    // Returns the port that it listens on.
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] bool is_loopback() const;

    // Serves requests until SIGINT or SIGTERM, or stop().
    void run();

    // These three may be called from any thread.
    void stop();
    // Sends an event to all open streams. A stream whose client does not read in time is closed.
    void publish(const std::string& event, const std::string& data);
    [[nodiscard]] std::size_t streams() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace larder::serve
