#include "remote/web_tier.h"

#include <algorithm>
#include <charconv>

namespace larder::internal::remote {
namespace {

constexpr std::uint64_t k_range_bytes = std::uint64_t{4} << 20;
constexpr int k_ok = 200;
constexpr int k_partial = 206;
constexpr int k_not_found = 404;
constexpr int k_no_such_range = 416;  // also for any range of an empty content

bool take_number(std::string_view& text, std::uint64_t& number) {
    const auto* const begin = text.data();
    const auto read = std::from_chars(begin, begin + text.size(), number);
    if (read.ec != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - begin));
    return true;
}

bool take_text(std::string_view& text, std::string_view expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(expected.size());
    return true;
}

// Passes contents on in order, each byte once: an attempt that is repeated begins anew.
class Delivery {
public:
    explicit Delivery(const Tier::Take& take) : take_(take) {}

    void begin_anew() { at_ = 0; }
    Result<void> take(std::span<const std::byte> bytes) {
        const auto known = std::min<std::uint64_t>(bytes.size(), delivered_ - at_);
        at_ += bytes.size();
        if (known == bytes.size()) return {};
        delivered_ = at_;
        return take_(bytes.subspan(known));
    }
    [[nodiscard]] std::uint64_t at() const { return at_; }
    [[nodiscard]] std::uint64_t delivered() const { return delivered_; }

private:
    const Tier::Take& take_;
    std::uint64_t at_ = 0;
    std::uint64_t delivered_ = 0;
};

// Without a date it is young: a prune leaves it alone.
std::int64_t written_at_ns(const HttpAnswer& answer) {
    return answer.last_modified_ns >= 0 ? answer.last_modified_ns : answer.date_ns;
}

Error damaged(const std::string& what, const Tier& tier, const std::string& name) {
    return {Errc::damaged, 0, what, tier.url() + "/" + name, {}};
}

}  // namespace

Result<ContentRange> parse_content_range(std::string_view text) {
    const auto refuse = [] { return fail(Errc::damaged, "not a valid Content-Range"); };
    ContentRange range;
    if (!take_text(text, "bytes ")) return refuse();
    if (take_text(text, "*/")) {
        if (!take_number(text, range.total) || !text.empty()) return refuse();
        return range;
    }
    std::uint64_t last = 0;
    if (!take_number(text, range.begin) || !take_text(text, "-") || !take_number(text, last) ||
        !take_text(text, "/") || !take_number(text, range.total) || !text.empty() ||
        last < range.begin || last >= range.total) {
        return refuse();
    }
    range.end = last + 1;
    return range;
}

Errc errc_of_status(int status) {
    switch (status) {
        case 401:
        case 403:
        case 407: return Errc::permission_denied;
        case 404:
        case 410: return Errc::not_found;
        case 405:
        case 501: return Errc::unsupported;
        case 408:
        case 429:
        case 503:
        case 504: return Errc::timed_out;
        case 409:
        case 412: return Errc::already_exists;
        case 507: return Errc::no_space;
        default: return Errc::io;
    }
}

Result<Stored> WebTier::find(const std::string& name) {
    const auto answer = client().send([&]() -> Result<HttpRequest> {
        HttpRequest request;
        request.method = HttpMethod::head;
        if (auto done = address(request, name); !done) return fail(done.error());
        return request;
    });
    if (!answer) return fail(answer.error());
    if (answer->status != k_ok) return fail(refusal(*answer, name));
    if (!answer->has_content_bytes) {
        return fail(damaged("the server does not say how long the content is:", *this, name));
    }
    return Stored{name, answer->content_bytes, written_at_ns(*answer)};
}

Result<void> WebTier::remove(const std::string& name) {
    const auto answer = client().send([&]() -> Result<HttpRequest> {
        HttpRequest request;
        request.method = HttpMethod::remove;
        if (auto done = address(request, name); !done) return fail(done.error());
        return request;
    });
    if (!answer) return fail(answer.error());
    if (answer->status / 100 == 2 || errc_of_status(answer->status) == Errc::not_found) return {};
    return fail(refusal(*answer, name));
}

Result<HttpRequest> WebTier::range_request(const std::string& name, std::uint64_t begin,
                                           std::uint64_t end) {
    HttpRequest request;
    request.body_bytes_max = end - begin;
    request.headers.push_back("Range: bytes=" + std::to_string(begin) + "-" +
                              std::to_string(end - 1));
    if (auto done = address(request, name); !done) return fail(done.error());
    return request;
}

Result<Stored> WebTier::read(const std::string& name, std::uint64_t bytes_max, const Take& take) {
    Delivery delivery(take);
    std::uint64_t total = 0;
    // The first range tells the length. A server that knows no ranges answers with everything.
    const auto first = client().send([&]() -> Result<HttpRequest> {
        delivery.begin_anew();
        auto request = range_request(name, 0, k_range_bytes);
        if (!request) return request;
        request->take_bytes_max = bytes_max;
        request->take = [&](std::span<const std::byte> bytes) { return delivery.take(bytes); };
        return request;
    });
    if (!first) return fail(first.error());
    const auto check = [&](const HttpAnswer& answer, std::uint64_t begin) -> Result<void> {
        const auto range = parse_content_range(answer.content_range);
        if (!range || range->begin != begin || (begin > 0 && range->total != total) ||
            range->end != std::min(begin + k_range_bytes, range->total) ||
            answer.body.size() != range->end - range->begin) {
            return fail(damaged("the server sent other bytes than requested:", *this, name));
        }
        total = range->total;
        return {};
    };
    if (first->status == k_ok) {
        if (!first->has_content_bytes || delivery.at() == first->content_bytes) {
            return Stored{name, delivery.at(), written_at_ns(*first)};
        }
        return fail(damaged("the server stopped before the end:", *this, name));
    }
    if (first->status == k_no_such_range) {
        const auto range = parse_content_range(first->content_range);
        if (!range || range->total == 0) return Stored{name, 0, written_at_ns(*first)};
    }
    if (first->status != k_partial) return fail(refusal(*first, name));
    if (auto done = check(*first, 0); !done) return fail(done.error());
    if (total > bytes_max) {
        return fail(damaged("longer than is possible:", *this, name));
    }
    delivery.begin_anew();
    if (auto done = delivery.take(std::as_bytes(std::span(first->body))); !done) {
        return fail(done.error());
    }
    const auto begin_of = [](std::uint64_t index) { return (index + 1) * k_range_bytes; };
    const auto ranges = (total + k_range_bytes - 1) / k_range_bytes;
    auto rest = client().send_all(
        ranges - 1,
        [&](std::uint64_t index) {
            const auto begin = begin_of(index);
            return range_request(name, begin, std::min(begin + k_range_bytes, total));
        },
        [&](std::uint64_t index, HttpAnswer&& answer) -> Result<void> {
            if (answer.status != k_partial) return fail(refusal(answer, name));
            if (auto done = check(answer, begin_of(index)); !done) return done;
            return delivery.take(std::as_bytes(std::span(answer.body)));
        });
    if (!rest) return fail(std::move(rest.error()));
    return Stored{name, total, written_at_ns(*first)};
}

}  // namespace larder::internal::remote
