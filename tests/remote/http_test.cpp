// Requests over a socket, to a server that sends what a test tells it to.
#include "remote/http.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace larder::internal::remote {
namespace {

std::string answer_of(const std::string& status, const std::string& body,
                      const std::string& headers = {}) {
    return "HTTP/1.1 " + status + " x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           headers + "\r\n" + body;
}

// Answers each request with the bytes that `answering` gives for it, and closes the connection;
// without bytes, it closes it at once.
class SocketServer {
public:
    using Answering = std::function<std::string(const std::string& request)>;

    explicit SocketServer(Answering answering) : answering_(std::move(answering)) {
        listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        socklen_t size = sizeof(address);
        EXPECT_EQ(::bind(listening_, any, size), 0);
        EXPECT_EQ(::listen(listening_, 64), 0);
        ::getsockname(listening_, any, &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    SocketServer(const SocketServer&) = delete;
    SocketServer& operator=(const SocketServer&) = delete;
    ~SocketServer() {
        ::shutdown(listening_, SHUT_RDWR);
        thread_.join();
        ::close(listening_);
    }

    [[nodiscard]] std::string url(const std::string& path = "/") const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    [[nodiscard]] std::vector<std::string> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

private:
    void serve() {
        for (;;) {
            const int connection = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
            if (connection < 0) return;
            auto request = read_request(connection);
            {
                const std::lock_guard lock(mutex_);
                requests_.push_back(request);
            }
            const auto bytes = answering_(request);
            std::size_t sent = 0;
            while (sent < bytes.size()) {
                const auto count =
                    ::send(connection, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
                if (count <= 0) break;
                sent += static_cast<std::size_t>(count);
            }
            ::close(connection);
        }
    }
    static std::string read_request(int connection) {
        std::string text;
        std::array<char, 65536> buffer{};
        std::size_t whole = std::string::npos;
        while (text.size() < whole) {
            const auto count = ::recv(connection, buffer.data(), buffer.size(), 0);
            if (count <= 0) break;
            text.append(buffer.data(), static_cast<std::size_t>(count));
            const auto end = text.find("\r\n\r\n");
            if (end == std::string::npos) continue;
            const std::string name = "Content-Length: ";
            const auto length = text.find(name);
            const auto body =
                length < end ? std::stoull(text.substr(length + name.size())) : std::uint64_t{0};
            whole = end + 4 + body;
        }
        return text;
    }

    Answering answering_;
    int listening_ = -1;
    int port_ = 0;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

class HttpTest : public ::testing::Test {
protected:
    void SetUp() override {
        options_.limits.first_pause = std::chrono::milliseconds(2);
        options_.limits.longest_pause = std::chrono::milliseconds(10);
    }
    HttpClient& client() {
        if (!client_) client_ = HttpClient::open(real_.system(), options_).value();
        return *client_;
    }
    Result<HttpAnswer> get(const std::string& url, std::uint64_t bytes_max = 1000) {
        return client().send([&]() -> Result<HttpRequest> {
            HttpRequest request;
            request.url = url;
            request.body_bytes_max = bytes_max;
            return request;
        });
    }

    os::RealSystem real_;
    HttpOptions options_;
    std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpTest, GivesStatusHeadersAndContent) {
    const SocketServer server([](const std::string&) {
        return answer_of("206", "content",
                         "ETag: \"x\"\r\nCONTENT-RANGE:bytes 0-6/7 \r\n"
                         "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    });
    const auto answer = get(server.url("/a%20b"));
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->status, 206);
    EXPECT_EQ(answer->body, "content");
    EXPECT_EQ(answer->etag, "\"x\"");
    EXPECT_EQ(answer->content_range, "bytes 0-6/7");
    EXPECT_EQ(answer->content_bytes, 7U);
    EXPECT_EQ(answer->last_modified_ns, 784'111'777'000'000'000);
    EXPECT_TRUE(server.requests().front().starts_with("GET /a%20b HTTP/1.1\r\n"));
}

TEST_F(HttpTest, RepeatsWhatMayPassAndGivesTheLastStatus) {
    std::atomic<int> count = 0;
    const SocketServer server([&](const std::string&) {
        switch (++count) {
            case 1: return std::string();
            case 2: return answer_of("503", "busy", "Retry-After: 1\r\n");
            case 3: return std::string("HTTP/1.1 200 x\r\nContent-Length: 50\r\n\r\ncut");
            default: return answer_of("200", "whole");
        }
    });
    const auto answer = get(server.url());
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->body, "whole");
    EXPECT_EQ(count, 4);
    const SocketServer refusing([](const std::string&) { return answer_of("404", "no"); });
    EXPECT_EQ(get(refusing.url())->status, 404);
    EXPECT_EQ(refusing.requests().size(), 1U) << "that does not pass";
}

TEST_F(HttpTest, AServerThatStaysDownIsGivenUp) {
    const SocketServer server([](const std::string&) { return answer_of("500", ""); });
    for (int i = 0; i < 4; ++i) EXPECT_EQ(get(server.url())->status, 500);
    EXPECT_EQ(server.requests().size(), 4U + 3U) << "four attempts, then one each";
    const auto given_up = get(server.url());
    ASSERT_FALSE(given_up);
    EXPECT_EQ(given_up.error().code, Errc::timed_out);
    EXPECT_EQ(server.requests().size(), 4U + 3U);
}

TEST_F(HttpTest, ManyRequestsAreAnsweredInOrder) {
    const SocketServer server([](const std::string& request) {
        const auto slash = request.find('/');
        return answer_of("200", request.substr(slash, request.find(' ', slash) - slash));
    });
    constexpr std::uint64_t k_count = 50;
    std::vector<std::uint64_t> order;
    const auto done = client().send_all(
        k_count,
        [&](std::uint64_t index) -> Result<HttpRequest> {
            HttpRequest request;
            request.url = server.url("/" + std::to_string(index));
            request.body_bytes_max = 1000;
            return request;
        },
        [&](std::uint64_t index, HttpAnswer&& answer) -> Result<void> {
            EXPECT_EQ(answer.body, "/" + std::to_string(index));
            order.push_back(index);
            return {};
        });
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(order.size(), k_count);
    EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST_F(HttpTest, SendsBodiesAndWhatIsGiven) {
    const SocketServer server([](const std::string&) { return answer_of("201", ""); });
    const auto received = [&] {
        const auto request = server.requests().back();
        return request.substr(request.find("\r\n\r\n") + 4);
    };
    const std::string large(300'000, 'x');
    HttpRequest request;
    request.url = server.url();
    for (const auto method : {HttpMethod::put, HttpMethod::post}) {
        request.method = method;
        request.body = large;
        request.give = {};
        EXPECT_EQ(client().send([&]() -> Result<HttpRequest> { return request; })->status, 201);
        EXPECT_TRUE(received() == large);
        request.body.clear();
        request.give_bytes = large.size();
        request.give = [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
            std::memcpy(buffer.data(), large.data() + offset, buffer.size());
            return {};
        };
        EXPECT_EQ(client().send([&]() -> Result<HttpRequest> { return request; })->status, 201);
        EXPECT_TRUE(received() == large);
    }
    request.give = [](std::uint64_t, std::span<std::byte>) -> Result<void> {
        return fail(Errc::damaged, "what is given");
    };
    const auto refused = client().send([&]() -> Result<HttpRequest> { return request; });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::damaged);
}

TEST_F(HttpTest, NoAnswerIsLongerThanItCanBe) {
    const std::map<std::string, std::string> answers{
        {"/content", answer_of("200", std::string(1001, 'x'))},
        {"/header", "HTTP/1.1 200 x\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n"},
        {"/headers", [] {
             std::string text = "HTTP/1.1 200 x\r\n";
             for (int i = 0; i < 5000; ++i) text += "X-Name: some value\r\n";
             return text + "\r\n";
         }()}};
    const SocketServer server([&](const std::string& request) {
        const auto slash = request.find('/');
        return answers.at(request.substr(slash, request.find(' ', slash) - slash));
    });
    for (const auto& [path, bytes] : answers) {
        const auto answer = get(server.url(path));
        ASSERT_FALSE(answer) << path;
        EXPECT_EQ(answer.error().code, Errc::damaged) << path;
    }
    const SocketServer refusing(
        [](const std::string&) { return answer_of("403", std::string(1'000'000, 'x')); });
    const auto refused = get(refusing.url());
    ASSERT_TRUE(refused);
    EXPECT_LE(refused->body.size(), 65536U);
}

TEST_F(HttpTest, NothingIsFollowedUnlessItIsWanted) {
    const SocketServer server([](const std::string&) {
        return answer_of("302", "", "Location: file:///etc/passwd\r\n");
    });
    EXPECT_EQ(get(server.url())->status, 302);
    client_.reset();
    options_.follows_redirects = true;
    const auto answer = get(server.url());
    EXPECT_TRUE(!answer || answer->status == 302) << answer->body;
}

TEST_F(HttpTest, AStallAndAnEndHaveTheirLimits) {
    std::atomic<bool> is_over = false;
    const SocketServer server([&](const std::string&) {
        while (!is_over) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return std::string();
    });
    options_.limits.stall = std::chrono::seconds(1);
    options_.limits.attempts = 1;
    const auto stalled = get(server.url());
    ASSERT_FALSE(stalled);
    EXPECT_EQ(stalled.error().code, Errc::timed_out);
    client_.reset();
    options_.limits.stall = std::chrono::hours(1);
    options_.is_ended = [] { return true; };
    const auto ended = get(server.url());
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, Errc::timed_out);
    is_over = true;
}

}  // namespace
}  // namespace larder::internal::remote
