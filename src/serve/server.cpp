#include "serve/server.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <deque>
#include <set>
#include <tuple>
#include <utility>  // before Boost, whose coroutines need it

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "cli/failure.h"
#include "serve/guard.h"

namespace larder::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using Bytes = std::shared_ptr<const std::string>;
template <class Value = void>
using Task = asio::awaitable<Value>;

constexpr std::size_t k_threads = 4;
constexpr std::size_t k_events_waiting_max = 256;

// Returns errors as values instead of exceptions.
auto into(beast::error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

Method method_of(http::verb verb) {
    switch (verb) {
        case http::verb::get: return Method::get;
        case http::verb::head: return Method::head;
        case http::verb::post: return Method::post;
        default: return Method::other;
    }
}

// False if a field that may occur only once occurs twice.
bool read_fields(const http::fields& fields, Request& request) {
    for (const auto& field : fields) {
        const auto text = field.name_string();
        std::string name(text.data(), text.size());
        for (auto& letter : name) {
            if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
        }
        const auto value = field.value();
        const bool is_new =
            request.fields.try_emplace(name, std::string(value.data(), value.size())).second;
        if (!is_new && (name == "host" || name == "authorization" || name == "origin")) {
            return false;
        }
    }
    return true;
}

Tcp::endpoint endpoint_of(const std::string& address, std::uint16_t port) {
    beast::error_code error;
    const auto parsed =
        asio::ip::make_address(address == "localhost" ? "127.0.0.1" : address, error);
    if (error) {
        cli::throw_usage("'" + address + "' is not an address of this machine",
                         "give --address 127.0.0.1, ::1 or 0.0.0.0");
    }
    return {parsed, port};
}

std::string remedy_of(const beast::error_code& error) {
    if (error == boost::system::errc::address_not_available) {
        return "give an --address of this machine, such as 127.0.0.1";
    }
    if (error == boost::system::errc::permission_denied) return "give a --port of 1024 or more";
    return "give another --port; 0 takes one that is free";
}

}  // namespace

// All sessions run on the one thread that calls run(), and so need no lock. `workers` compute the
// responses.
struct Server::Impl {
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
    struct Stream {
        explicit Stream(asio::io_context& io) : wake(io) {}
        std::deque<Bytes> waiting;
        asio::steady_timer wake;
    };

    explicit Impl(Handler given) : handler(std::move(given)), acceptor(io), signals(io) {}

    Task<> accept() {
        while (acceptor.is_open()) {
            beast::error_code error;
            auto socket = co_await acceptor.async_accept(into(error));
            if (error == asio::error::operation_aborted) co_return;
            if (error) {
                // Most likely there are no more descriptors: other connections end meanwhile.
                asio::steady_timer pause(io, std::chrono::milliseconds(100));
                co_await pause.async_wait(into(error));
                continue;
            }
            if (connections >= limits.connections) continue;  // closes it
            asio::co_spawn(io, session(std::move(socket)), asio::detached);
        }
    }

    Task<> session(Tcp::socket socket) {
        ++connections;
        const std::shared_ptr<void> counted(nullptr, [this](void*) { --connections; });
        beast::tcp_stream stream(std::move(socket));
        beast::flat_buffer buffer(limits.fields_bytes + limits.body_bytes);
        bool goes_on = true;
        while (goes_on && !ending) {
            http::request_parser<http::string_body> parser;
            parser.header_limit(limits.fields_bytes);
            parser.body_limit(limits.body_bytes);
            beast::error_code error;
            if (buffer.size() == 0) {
                stream.expires_after(limits.idle);
                const auto read = co_await stream.async_read_some(
                    buffer.prepare(limits.fields_bytes), into(error));
                if (error) break;
                buffer.commit(read);
            }
            stream.expires_after(limits.read);
            co_await http::async_read(stream, buffer, parser, into(error));
            if (error) {
                co_await refuse(stream, error);
                break;
            }
            goes_on = co_await answer(stream, parser.release());
        }
        beast::error_code ignored;
        std::ignore = stream.socket().shutdown(Tcp::socket::shutdown_both, ignored);
    }

    // Answers a request that could not be read, if that is the client's fault.
    Task<> refuse(beast::tcp_stream& stream, beast::error_code error) {
        if (error.category() != make_error_code(http::error::bad_method).category()) co_return;
        if (error == http::error::end_of_stream || error == http::error::partial_message) {
            co_return;
        }
        const auto status = error == http::error::body_limit     ? Status::too_large
                            : error == http::error::header_limit ? Status::fields_too_large
                                                                 : Status::bad_request;
        auto response = error_response(status, "request", error.message(), {});
        protect(response);
        co_await write(stream, response, Method::get, false);
        // Most clients read no response before they have sent everything: without this they would
        // get none.
        beast::error_code ended;
        std::ignore = stream.socket().shutdown(Tcp::socket::shutdown_send, ended);
        stream.expires_after(limits.read);
        std::string ignored(limits.fields_bytes, '\0');
        for (std::uint64_t left = 4 * limits.body_bytes; left > 0 && !ended;) {
            const auto read = co_await stream.async_read_some(asio::buffer(ignored), into(ended));
            left -= std::min<std::uint64_t>(left, read);
        }
    }

    // Returns whether the connection can be used again.
    Task<bool> answer(beast::tcp_stream& stream, http::request<http::string_body> message) {
        Request request;
        request.method = method_of(message.method());
        const auto target = message.target();
        read_target({target.data(), target.size()}, request);
        if (!read_fields(message.base(), request) || message.version() != 11) {
            co_await refuse(stream, http::error::bad_value);
            co_return false;
        }
        request.body = std::move(message.body());
        auto response = co_await work_out(request);
        if (response.stream == serve::Stream::events) {
            co_await push(stream, response);
            co_return false;
        }
        co_return co_await write(stream, response, request.method, message.keep_alive() && !ending);
    }

    // Computes the response on a worker, while other sessions continue.
    Task<Response> work_out(const Request& request) {
        struct Work {
            explicit Work(asio::io_context& io) : done(io, asio::steady_timer::time_point::max()) {}
            asio::steady_timer done;
            Response response;
        };
        const auto work = std::make_shared<Work>(io);
        ++answering;
        asio::post(workers, [this, work, request] {
            work->response = handler(request);
            asio::post(io, [work] { work->done.cancel(); });
        });
        beast::error_code ignored;
        co_await work->done.async_wait(into(ignored));
        --answering;
        co_return std::move(work->response);
    }

    template <class Body>
    static void set_head(http::response<Body>& message, const Response& response) {
        message.version(11);
        message.result(static_cast<unsigned>(response.status));
        message.set(http::field::content_type, response.type);
        for (const auto& [name, value] : response.fields) message.set(name, value);
    }

    Task<bool> write(beast::tcp_stream& stream, const Response& response, Method method,
                     bool keep_alive) {
        const auto& body = *response.body;
        http::response<http::span_body<const char>> message;
        set_head(message, response);
        message.content_length(body.size());
        message.keep_alive(keep_alive);
        if (method != Method::head) message.body() = {body.data(), body.size()};
        http::response_serializer<http::span_body<const char>> serializer(message);
        stream.expires_after(limits.write);
        beast::error_code error;
        if (method == Method::head) {
            co_await http::async_write_header(stream, serializer, into(error));
        } else {
            co_await http::async_write(stream, serializer, into(error));
        }
        co_return !error && keep_alive;
    }

    Task<> push(beast::tcp_stream& stream, Response response) {
        if (streams.size() >= limits.streams) {
            response.status = Status::unavailable;
            response.body = std::make_shared<std::string>();
            co_await write(stream, response, Method::get, false);
            co_return;
        }
        const auto own = std::make_shared<Stream>(io);
        own->waiting.push_back(response.body);
        streams.insert(own.get());
        streams_open = streams.size();
        const std::shared_ptr<void> listed(nullptr, [this, own](void*) {
            streams.erase(own.get());
            streams_open = streams.size();
        });
        http::response<http::empty_body> head;
        set_head(head, response);
        head.keep_alive(false);  // without a length: it ends with the connection
        http::response_serializer<http::empty_body> serializer(head);
        stream.expires_after(limits.write);
        beast::error_code error;
        co_await http::async_write_header(stream, serializer, into(error));
        while (!error && !ending && own->waiting.size() < k_events_waiting_max) {
            if (own->waiting.empty()) {
                own->wake.expires_after(limits.heartbeat);
                beast::error_code ignored;
                co_await own->wake.async_wait(into(ignored));
                if (own->waiting.empty()) {
                    own->waiting.push_back(std::make_shared<std::string>(": still here\n\n"));
                }
            }
            const auto next = own->waiting.front();
            own->waiting.pop_front();
            stream.expires_after(limits.write);
            co_await asio::async_write(stream, asio::buffer(*next), into(error));
        }
    }

    Task<> end() {
        ending = true;
        beast::error_code ignored;
        std::ignore = acceptor.close(ignored);
        std::ignore = signals.cancel(ignored);
        for (auto* const stream : streams) stream->wake.cancel();
        const auto latest = asio::steady_timer::clock_type::now() + limits.ending;
        asio::steady_timer pause(io);
        do {
            pause.expires_after(std::chrono::milliseconds(20));
            co_await pause.async_wait(into(ignored));
        } while (answering > 0 && asio::steady_timer::clock_type::now() < latest);
        io.stop();
    }

    void start_ending() {
        if (!ending) asio::co_spawn(io, end(), asio::detached);
    }

    Handler handler;
    const Limits limits{};
    std::set<Stream*> streams;
    std::atomic<std::size_t> streams_open{0};
    std::size_t connections = 0;
    std::size_t answering = 0;
    bool ending = false;
    // Destroyed before the members above: remaining sessions end with it, and refer to those.
    asio::io_context io{1};
    asio::thread_pool workers{k_threads};
    Tcp::acceptor acceptor;
    asio::signal_set signals;
};

Server::Server(const std::string& address, std::uint16_t port, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(handler))) {
    const auto endpoint = endpoint_of(address, port);
    auto& acceptor = impl_->acceptor;
    beast::error_code error;
    std::ignore = acceptor.open(endpoint.protocol(), error);
    if (!error) std::ignore = acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) std::ignore = acceptor.bind(endpoint, error);
    if (!error) std::ignore = acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
        throw cli::CommandError({"cannot listen on " + address + ", port " + std::to_string(port) +
                                     ": " + error.message(),
                                 remedy_of(error)});
    }
}

Server::~Server() {
    // Running handlers end before the objects that they refer to.
    impl_->workers.join();
}

std::uint16_t Server::port() const { return impl_->acceptor.local_endpoint().port(); }

bool Server::is_loopback() const {
    return impl_->acceptor.local_endpoint().address().is_loopback();
}

void Server::run() {
    impl_->signals.add(SIGINT);
    impl_->signals.add(SIGTERM);
    impl_->signals.async_wait([this](const beast::error_code& error, int) {
        if (!error) impl_->start_ending();
    });
    asio::co_spawn(impl_->io, impl_->accept(), asio::detached);
    impl_->io.run();
}

void Server::stop() {
    asio::post(impl_->io, [this] { impl_->start_ending(); });
}

void Server::publish(const std::string& event, const std::string& data) {
    auto text = std::make_shared<std::string>(event_text(event, data));
    asio::post(impl_->io, [this, text = Bytes(std::move(text))] {
        for (auto* const stream : impl_->streams) {
            stream->waiting.push_back(text);
            stream->wake.cancel();
        }
    });
}

std::size_t Server::streams() const { return impl_->streams_open; }

}  // namespace larder::serve
