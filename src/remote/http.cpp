#include "remote/http.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <deque>
#include <map>
#include <optional>

#include "remote/curl_library.h"

namespace larder::internal::remote {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::size_t k_header_bytes_max = 65536;
constexpr unsigned k_failures_max = 3;  // of a server that did not answer before
constexpr long k_redirects_max = 5;
constexpr long k_receive_bytes = 262144;
constexpr milliseconds k_look_after{200};  // whether the work was ended
// Their names in <curl/curl.h> are deprecated, their successors are not in libcurl before 7.85.
constexpr auto k_protocols = static_cast<CURLoption>(181);
constexpr auto k_redirect_protocols = static_cast<CURLoption>(182);
constexpr long k_http_and_https = CURLPROTO_HTTP | CURLPROTO_HTTPS;

bool says_later(int status) {
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view k_blanks = " \t\r\n";
    const auto first = text.find_first_not_of(k_blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(k_blanks) - first + 1);
}

bool is_name(std::string_view text, std::string_view lower_case) {
    return std::ranges::equal(text, lower_case, [](char left, char right) {
        return std::tolower(static_cast<unsigned char>(left)) == right;
    });
}

// One request on its way.
class Transfer {
public:
    Transfer(const CurlLibrary& curl, std::uint64_t index)
        : curl_(curl), index_(index), handle_(curl.easy_init()) {}
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer() {
        curl_.slist_free_all(headers_);
        curl_.easy_cleanup(handle_);
    }

    // Begins an attempt.
    void prepare(HttpRequest request, const HttpOptions& options) {
        request_ = std::move(request);
        answer_ = {};
        header_bytes_ = sent_ = 0;
        fault_.reset();
        error_[0] = '\0';
        curl_.slist_free_all(headers_);
        headers_ = nullptr;
        for (const auto& header : request_.headers) add_header(header);
        add_header("Expect:");  // a server that does not know it would be waited for
        curl_.easy_reset(handle_);
        set_what();
        set_limits(options);
        set_how(options);
    }

    [[nodiscard]] CURL* handle() const { return handle_; }
    [[nodiscard]] std::uint64_t index() const { return index_; }
    [[nodiscard]] const std::string& url() const { return request_.url; }
    [[nodiscard]] HttpAnswer& answer() { return answer_; }
    [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }
    [[nodiscard]] std::string error_text(CURLcode code) const {
        return error_[0] != '\0' ? error_.data() : curl_.easy_strerror(code);
    }
    void note_status() {
        long status = 0;
        curl_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
        answer_.status = static_cast<int>(status);
    }

    unsigned attempts = 0;
    nanoseconds not_before{0};
    std::uint64_t wait_asked_s = 0;  // Retry-After

private:
    template <typename Value>
    void set(CURLoption option, Value value) {
        curl_.easy_setopt(handle_, option, value);
    }
    void add_header(const std::string& header) {
        headers_ = curl_.slist_append(headers_, header.c_str());
    }
    [[nodiscard]] std::uint64_t bytes_to_send() const {
        return request_.give ? request_.give_bytes : request_.body.size();
    }

    void set_what() {
        set(CURLOPT_URL, request_.url.c_str());
        set(CURLOPT_HTTPHEADER, headers_);
        switch (request_.method) {
            case HttpMethod::get: set(CURLOPT_HTTPGET, 1L); break;
            case HttpMethod::head: set(CURLOPT_NOBODY, 1L); break;
            case HttpMethod::remove: set(CURLOPT_CUSTOMREQUEST, "DELETE"); break;
            case HttpMethod::put:
                set(CURLOPT_UPLOAD, 1L);
                set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(bytes_to_send()));
                break;
            case HttpMethod::post:
                set(CURLOPT_POST, 1L);
                set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(bytes_to_send()));
                break;
        }
        set(CURLOPT_READFUNCTION, &Transfer::on_send);
        set(CURLOPT_READDATA, this);
        set(CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
        set(CURLOPT_SEEKDATA, this);
        set(CURLOPT_WRITEFUNCTION, &Transfer::on_content);
        set(CURLOPT_WRITEDATA, this);
        set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
        set(CURLOPT_HEADERDATA, this);
        set(CURLOPT_ERRORBUFFER, error_.data());
    }

    void set_limits(const HttpOptions& options) {
        const auto& limits = options.limits;
        set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect.count()));
        set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(limits.slowest_bytes_per_s));
        set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.stall.count()));
        // No longer than the slowest transfer that is not a stall.
        const auto bytes =
            bytes_to_send() + std::max(request_.body_bytes_max, request_.take_bytes_max);
        const auto seconds = static_cast<std::uint64_t>(limits.answer.count()) +
                             bytes / std::max<std::uint64_t>(limits.slowest_bytes_per_s, 1);
        constexpr std::uint64_t k_week_s = std::uint64_t{7} * 24 * 3600;
        set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::min(seconds, k_week_s) * 1000));
    }

    void set_how(const HttpOptions& options) {
        set(CURLOPT_NOSIGNAL, 1L);
        set(k_protocols, k_http_and_https);
        // Never from TLS to a connection that anybody can change.
        const bool is_safe = request_.url.starts_with("https://");
        set(k_redirect_protocols, is_safe ? static_cast<long>(CURLPROTO_HTTPS) : k_http_and_https);
        set(CURLOPT_FOLLOWLOCATION, options.follows_redirects ? 1L : 0L);
        set(CURLOPT_MAXREDIRS, k_redirects_max);
        set(CURLOPT_BUFFERSIZE, k_receive_bytes);
        set(CURLOPT_UPLOAD_BUFFERSIZE, k_receive_bytes);
        set(CURLOPT_TCP_KEEPALIVE, 1L);
        set(CURLOPT_USERAGENT, "larder");
        if (!options.ca_bundle.empty()) set(CURLOPT_CAINFO, options.ca_bundle.c_str());
        if (!options.netrc_file.empty()) {
            set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
            set(CURLOPT_NETRC_FILE, options.netrc_file.c_str());
        }
    }

    std::size_t send(std::span<std::byte> buffer) {
        const auto count = std::min<std::uint64_t>(buffer.size(), bytes_to_send() - sent_);
        if (request_.give) {
            if (auto done = request_.give(sent_, buffer.first(count)); !done) {
                fault_ = std::move(done.error());
                return CURL_READFUNC_ABORT;
            }
        } else {
            std::memcpy(buffer.data(), request_.body.data() + sent_, count);
        }
        sent_ += count;
        return count;
    }
    bool receive(std::span<const std::byte> bytes) {
        // Of an answer that says "no", only the beginning is of use.
        note_status();
        constexpr std::uint64_t k_refusal_bytes = 65536;
        if (answer_.status >= 300) {
            if (answer_.body.size() + bytes.size() > k_refusal_bytes) return true;
        }
        if (answer_.status == 200 && request_.take) {
            taken_ += bytes.size();
            if (taken_ > request_.take_bytes_max) return too_long();
            if (auto done = request_.take(bytes); !done) fault_ = std::move(done.error());
            return !fault_;
        }
        if (answer_.status < 300 && answer_.body.size() + bytes.size() > request_.body_bytes_max) {
            return too_long();
        }
        if (answer_.body.empty() && answer_.has_content_bytes) {
            answer_.body.reserve(std::min(answer_.content_bytes, request_.body_bytes_max));
        }
        answer_.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return true;
    }
    bool too_long() {
        fault_ = Error{
            Errc::damaged, 0, "the server sends more than is stored there:", request_.url, {}};
        return false;
    }

    bool header(std::string_view line) {
        header_bytes_ += line.size();
        if (header_bytes_ > k_header_bytes_max) {
            fault_ = Error{Errc::damaged, 0, "the server's header does not end:", request_.url, {}};
            return false;
        }
        if (line.starts_with("HTTP/")) {  // of a redirect, or "100 Continue", before
            answer_ = {};
            taken_ = 0;
            wait_asked_s = 0;
        }
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return true;
        const auto name = line.substr(0, colon);
        const auto value = trimmed(line.substr(colon + 1));
        const auto number = [&](std::uint64_t& into) {
            const auto* const begin = value.data();
            const auto* const end = begin + value.size();
            return std::from_chars(begin, end, into).ptr == end && !value.empty();
        };
        if (is_name(name, "etag")) answer_.etag = value;
        if (is_name(name, "content-range")) answer_.content_range = value;
        if (is_name(name, "x-amz-bucket-region")) answer_.region = value;
        if (is_name(name, "last-modified")) answer_.last_modified_ns = parse_http_time(value);
        if (is_name(name, "date")) answer_.date_ns = parse_http_time(value);
        if (is_name(name, "content-length")) {
            answer_.has_content_bytes = number(answer_.content_bytes);
        }
        if (is_name(name, "retry-after") && !number(wait_asked_s)) wait_asked_s = 0;
        return true;
    }

    static std::size_t on_send(char* data, std::size_t size, std::size_t count, void* self) {
        return static_cast<Transfer*>(self)->send(
            std::as_writable_bytes(std::span(data, size * count)));
    }
    static int on_seek(void* self, curl_off_t offset, int origin) {
        if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
        static_cast<Transfer*>(self)->sent_ = static_cast<std::uint64_t>(offset);
        return CURL_SEEKFUNC_OK;
    }
    static std::size_t on_content(char* data, std::size_t size, std::size_t count, void* self) {
        const auto bytes = std::as_bytes(std::span(data, size * count));
        return static_cast<Transfer*>(self)->receive(bytes) ? bytes.size() : 0;
    }
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) {
        return static_cast<Transfer*>(self)->header({data, size * count}) ? size * count : 0;
    }

    const CurlLibrary& curl_;
    std::uint64_t index_;
    CURL* handle_;
    curl_slist* headers_ = nullptr;
    HttpRequest request_;
    HttpAnswer answer_;
    std::uint64_t sent_ = 0;
    std::uint64_t taken_ = 0;
    std::size_t header_bytes_ = 0;
    std::optional<Error> fault_;
    std::array<char, CURL_ERROR_SIZE> error_{};
};

class CurlClient final : public HttpClient {
public:
    CurlClient(const os::System& system, const CurlLibrary& curl, HttpOptions options)
        : system_(system), curl_(curl), options_(std::move(options)), multi_(curl.multi_init()) {}
    CurlClient(const CurlClient&) = delete;
    CurlClient& operator=(const CurlClient&) = delete;
    ~CurlClient() override { curl_.multi_cleanup(multi_); }

    Result<void> send_all(std::uint64_t count, const Make& make,
                          const Answered& answered) override {
        Work work{count, make, answered, {}, {}, {}, 0, 0, {}};
        const auto done = run(work);
        for (auto& transfer : work.active) curl_.multi_remove_handle(multi_, transfer->handle());
        return done;
    }

private:
    using Transfers = std::deque<std::unique_ptr<Transfer>>;

    struct Work {
        std::uint64_t count;
        const Make& make;
        const Answered& answered;
        Transfers active;
        Transfers paused;                          // until their next attempt
        std::map<std::uint64_t, HttpAnswer> done;  // that wait for one before them
        std::uint64_t begun;
        std::uint64_t delivered;
        std::vector<std::unique_ptr<Transfer>> idle;
    };

    [[nodiscard]] bool is_ended() const { return options_.is_ended && options_.is_ended(); }

    Result<void> run(Work& work) {
        while (work.delivered < work.count) {
            if (is_ended()) return fail(Errc::timed_out, "ended before it was complete");
            const auto begun = start(work);
            if (!begun) return fail(begun.error());
            // A request that has just been begun has nothing to wait for.
            if (!*begun) wait(work);
            int running = 0;
            curl_.multi_perform(multi_, &running);
            if (auto done = collect(work); !done) return done;
            if (auto done = deliver(work); !done) return done;
        }
        return {};
    }

    void wait(const Work& work) {
        auto duration = k_look_after;
        for (const auto& each : work.paused) {
            const auto left = std::chrono::duration_cast<milliseconds>(each->not_before -
                                                                       system_.clock.monotonic());
            duration = std::clamp(left, milliseconds(1), duration);
        }
        if (work.active.empty()) {
            system_.clock.sleep(duration);
            return;
        }
        curl_.multi_wait(multi_, nullptr, 0, static_cast<int>(duration.count()), nullptr);
    }

    // Whether any request was begun.
    Result<bool> start(Work& work) {
        bool is_any = false;
        const auto now = system_.clock.monotonic();
        for (std::size_t i = 0; i < work.paused.size();) {
            if (work.paused[i]->not_before > now) {
                ++i;
                continue;
            }
            auto transfer = std::move(work.paused[i]);
            work.paused.erase(work.paused.begin() + static_cast<std::ptrdiff_t>(i));
            if (auto done = begin(work, std::move(transfer)); !done) return fail(done.error());
            is_any = true;
        }
        // Answers that wait for an earlier one take memory, too.
        const auto window = std::uint64_t{2} * options_.limits.parallel;
        while (work.active.size() + work.paused.size() < options_.limits.parallel &&
               work.begun < work.count && work.begun < work.delivered + window) {
            auto transfer = std::make_unique<Transfer>(curl_, work.begun++);
            if (transfer->handle() == nullptr) return fail(Errc::io, "libcurl has no memory");
            if (auto done = begin(work, std::move(transfer)); !done) return fail(done.error());
            is_any = true;
        }
        return is_any;
    }

    Result<void> begin(Work& work, std::unique_ptr<Transfer> transfer) {
        if (failures_ > k_failures_max) {
            return fail(
                Errc::timed_out,
                "the server is not asked again, because it failed before: " + last_failure_);
        }
        auto request = work.make(transfer->index());
        if (!request) return fail(std::move(request.error()));
        ++transfer->attempts;
        transfer->prepare(std::move(*request), options_);
        curl_.multi_add_handle(multi_, transfer->handle());
        work.active.push_back(std::move(transfer));
        return {};
    }

    Result<void> collect(Work& work) {
        int left = 0;
        while (auto* const message = curl_.multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const auto code = message->data.result;
            const auto found = std::ranges::find_if(work.active, [&](const auto& each) {
                return each->handle() == message->easy_handle;
            });
            if (found == work.active.end()) continue;
            auto transfer = std::move(*found);
            work.active.erase(found);
            curl_.multi_remove_handle(multi_, transfer->handle());
            if (auto done = finish(work, std::move(transfer), code); !done) return done;
        }
        return {};
    }

    Result<void> finish(Work& work, std::unique_ptr<Transfer> transfer, CURLcode code) {
        if (transfer->fault()) return fail(*transfer->fault());
        transfer->note_status();
        auto& answer = transfer->answer();
        if (code == CURLE_OK && !says_later(answer.status)) {
            failures_ = 0;
            work.done.emplace(transfer->index(), std::move(answer));
            return {};
        }
        // A second wait of the same length tells that it was no accident.
        const bool is_slow = code == CURLE_OPERATION_TIMEDOUT;
        const bool is_hopeless = code == CURLE_PEER_FAILED_VERIFICATION ||
                                 code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT ||
                                 code == CURLE_TOO_MANY_REDIRECTS;
        auto attempts = is_slow ? std::min(options_.limits.attempts, 2U) : options_.limits.attempts;
        if (is_hopeless || failures_ > 0) attempts = 1;
        if (transfer->attempts < attempts) {
            transfer->not_before = system_.clock.monotonic() + pause_before(*transfer);
            work.paused.push_back(std::move(transfer));
            return {};
        }
        ++failures_;
        if (code == CURLE_OK) {
            last_failure_ = "status " + std::to_string(answer.status);
            work.done.emplace(transfer->index(), std::move(answer));
            return {};
        }
        last_failure_ = transfer->error_text(code);
        return fail(is_slow ? Errc::timed_out : Errc::io,
                    "no answer (" + last_failure_ + "):", transfer->url(), remedy_of(code));
    }

    static std::string remedy_of(CURLcode code) {
        if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
            return "name the certificates to trust in CURL_CA_BUNDLE, or in AWS_CA_BUNDLE for "
                   "s3://";
        }
        return "check the URL, and that the server can be reached from here";
    }

    // Half of it is chance, so that machines that failed together do not come back together.
    milliseconds pause_before(const Transfer& transfer) {
        const auto& limits = options_.limits;
        auto pause = limits.first_pause * (1U << std::min(transfer.attempts - 1, 8U));
        const auto asked = std::min<std::uint64_t>(transfer.wait_asked_s, 3600);
        pause = std::min(std::max(pause, milliseconds(1000 * asked)), limits.longest_pause);
        const auto half = static_cast<std::uint64_t>(pause.count() / 2);
        return milliseconds(half + (half > 0 ? system_.entropy.next() % half : 0));
    }

    Result<void> deliver(Work& work) {
        while (!work.done.empty() && work.done.begin()->first == work.delivered) {
            auto answer = std::move(work.done.begin()->second);
            work.done.erase(work.done.begin());
            const auto index = work.delivered++;
            if (auto done = work.answered(index, std::move(answer)); !done) return done;
        }
        return {};
    }

    os::System system_;
    const CurlLibrary& curl_;
    HttpOptions options_;
    CURLM* multi_;
    unsigned failures_ = 0;
    std::string last_failure_;
};

}  // namespace

Result<HttpAnswer> HttpClient::send(const std::function<Result<HttpRequest>()>& make) {
    HttpAnswer answer;
    auto done = send_all(
        1, [&](std::uint64_t) { return make(); },
        [&](std::uint64_t, HttpAnswer&& received) -> Result<void> {
            answer = std::move(received);
            return {};
        });
    if (!done) return fail(std::move(done.error()));
    return answer;
}

Result<std::unique_ptr<HttpClient>> HttpClient::open(const os::System& system,
                                                     HttpOptions options) {
    const auto curl = open_curl();
    if (!curl) return fail(curl.error());
    return std::make_unique<CurlClient>(system, **curl, std::move(options));
}

}  // namespace larder::internal::remote
