// HTTP/1.1 over TCP, with a limit on everything that a client controls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "serve/http.h"

namespace larder::serve {

class Server {
public:
    // Listens at once. Throws cli::CommandError on failure.
    Server(const std::string& address, std::uint16_t port, Handler handler);
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
