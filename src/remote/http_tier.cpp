#include "remote/http_tier.h"

#include <chrono>
#include <vector>

#include "remote/server_lists.h"

namespace larder::internal::remote {
namespace {

constexpr const char* k_list_remedy =
    "let the server list directories in JSON (nginx: autoindex on; autoindex_format json;), or "
    "name the keys in full";
constexpr std::uint64_t k_list_bytes_max = std::uint64_t{4} << 20;
// A push is over before a prune takes what was written so long ago: see k_object_grace.
constexpr std::chrono::nanoseconds k_young = std::chrono::hours(12);

}  // namespace

Result<void> HttpTier::address(HttpRequest& request, const std::string& name) {
    request.url = url_ + "/" + name;
    return {};
}

Error HttpTier::refusal(const HttpAnswer& answer, const std::string& name) {
    Error error;
    error.code = errc_of_status(answer.status);
    error.what = "the server answers with status " + std::to_string(answer.status) + ":";
    error.path = url_ + "/" + name;
    if (error.code == Errc::permission_denied) {
        error.remedy = "give the name and password for the server in ~/.netrc";
    }
    if (error.code == Errc::unsupported)
        error.remedy = "configure the server to accept PUT and DELETE there";
    return error;
}

Result<HttpAnswer> HttpTier::ask(const std::string& name) {
    return client().send([&]() -> Result<HttpRequest> {
        HttpRequest request;
        request.method = HttpMethod::head;
        request.url = url_ + "/" + name;
        return request;
    });
}

Result<void> HttpTier::prepare() {
    const auto answer = ask(std::string(k_entries) + "/");
    if (!answer) return fail(answer.error());
    if (answer->status >= 500) return fail(refusal(*answer, std::string(k_entries) + "/"));
    return {};
}

Result<void> HttpTier::check_exists() {
    const auto answer = ask(std::string(k_entries) + "/");
    if (!answer) return fail(answer.error());
    if (errc_of_status(answer->status) == Errc::not_found) {
        return fail(Errc::not_found,
                    "no entry was ever pushed there:", url_ + "/" + std::string(k_entries) + "/",
                    "check the URL; if it is right, " + std::string(k_list_remedy));
    }
    if (answer->status >= 500) return fail(refusal(*answer, std::string(k_entries) + "/"));
    return {};
}

Result<void> HttpTier::write(const std::string& name, std::uint64_t bytes, const Give& give,
                             IfThere if_there) {
    const auto answer = client().send([&]() -> Result<HttpRequest> {
        HttpRequest request;
        request.method = HttpMethod::put;
        request.url = url_ + "/" + name;
        request.give = give;
        request.give_bytes = bytes;
        request.headers.emplace_back("Content-Type: application/octet-stream");
        if (if_there == IfThere::keep) request.headers.emplace_back("If-None-Match: *");
        return request;
    });
    if (!answer) return fail(answer.error());
    if (answer->status / 100 == 2) return {};
    return fail(refusal(*answer, name));
}

Result<void> HttpTier::refresh(const std::string& name) {
    const auto answer = ask(name);
    if (!answer) return fail(answer.error());
    if (answer->status != 200) return fail(refusal(*answer, name));
    const bool is_young = answer->last_modified_ns >= 0 &&
                          answer->date_ns - answer->last_modified_ns < k_young.count();
    // An entry's date is that of its last push, to the second.
    if (is_young && !name.starts_with(k_entries)) return {};
    return fail(Errc::unsupported, "a server cannot change the date of", url_ + "/" + name);
}

Result<void> HttpTier::list(const std::string& directory,
                            const std::function<void(const Stored&)>& visit) {
    const auto read = [&](const std::vector<std::string>& paths,
                          const std::function<void(std::uint64_t, const ListedFile&)>& each) {
        return client().send_all(
            paths.size(),
            [&](std::uint64_t index) -> Result<HttpRequest> {
                HttpRequest request;
                request.url = url_ + "/" + paths[index] + "/";
                request.headers.emplace_back("Accept: application/json");
                request.body_bytes_max = k_list_bytes_max;
                return request;
            },
            [&](std::uint64_t index, HttpAnswer&& answer) -> Result<void> {
                const auto name = paths[index] + "/";
                if (errc_of_status(answer.status) == Errc::not_found) {
                    return fail(refusal(answer, name));
                }
                auto listed = answer.status == 200
                                  ? parse_directory_list(answer.body)
                                  : Result<std::vector<ListedFile>>(fail(refusal(answer, name)));
                if (!listed) {
                    return fail(Errc::unsupported,
                                "the server does not list what it holds: " + listed.error().what,
                                url_ + "/" + name, k_list_remedy);
                }
                for (const auto& file : *listed) each(index, file);
                return {};
            });
    };
    std::vector<std::string> groups;
    auto done = read({directory}, [&](std::uint64_t, const ListedFile& file) {
        if (file.is_directory) groups.push_back(directory + "/" + file.name);
    });
    if (!done) return done;
    return read(groups, [&](std::uint64_t index, const ListedFile& file) {
        if (file.is_directory) return;
        visit({groups[index] + "/" + file.name, file.bytes, file.written_at_ns});
    });
}

}  // namespace larder::internal::remote
