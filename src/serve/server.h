// HTTP/1.1 over TCP, with a limit on everything that a client decides.
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
    std::size_t streams = 64;  // of them, those that events are pushed to
    std::uint32_t fields_bytes = 16 << 10;
    std::uint64_t body_bytes = 1 << 20;
    std::chrono::seconds read{10};       // for a whole request, from its first byte
    std::chrono::seconds idle{60};       // between two of them
    std::chrono::seconds write{60};      // for an answer; for one event
    std::chrono::seconds heartbeat{15};  // between two signs of life on a stream of events
    std::chrono::seconds ending{5};      // for what is being answered when the server ends
};

class Server {
public:
    // Listens at once. Throws cli::CommandError where it cannot.
    Server(const std::string& address, std::uint16_t port, Handler handler,
           const Limits& limits = {});
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    // The one that it listens on.
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] bool is_loopback() const;

    // Answers requests until SIGINT or SIGTERM, or stop().
    void run();

    // All three from any thread.
    void stop();
    // To all streams that are open. One whose client does not read in time is closed.
    void publish(const std::string& event, const std::string& data);
    [[nodiscard]] std::size_t streams() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace larder::serve
