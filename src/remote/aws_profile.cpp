#include <sstream>

#include "remote/aws_settings.h"

namespace larder::internal::remote {
namespace {

constexpr std::uint64_t k_profile_bytes_max = std::uint64_t{1} << 20;

std::string without_blanks(const std::string& text) {
    constexpr const char* k_blanks = " \t\r";
    const auto first = text.find_first_not_of(k_blanks);
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(k_blanks) - first + 1);
}

// The values of a section; false if it is not there. Lines that begin with a blank belong to the
// value before them, which larder does not need.
bool read_section(const std::string& text, const std::string& section,
                  std::map<std::string, Secret>& values) {
    bool is_there = false;
    bool is_inside = false;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto trimmed = without_blanks(line);
        if (trimmed.empty() || trimmed.starts_with('#') || trimmed.starts_with(';')) continue;
        if (trimmed.starts_with('[')) {
            is_inside = trimmed == "[" + section + "]";
            is_there = is_there || is_inside;
            continue;
        }
        const auto equals = trimmed.find('=');
        if (!is_inside || line.front() == ' ' || line.front() == '\t' ||
            equals == std::string::npos) {
            continue;
        }
        values[without_blanks(trimmed.substr(0, equals))] =
            Secret(without_blanks(trimmed.substr(equals + 1)));
        wipe(line);
    }
    return is_there;
}

}  // namespace

std::string variable(const Variables& variables, const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
}

Result<AwsProfile> AwsProfile::read(os::FileSystem& fs, const Variables& variables) {
    AwsProfile profile;
    profile.name_ = variable(variables, "AWS_PROFILE");
    const bool is_named = !profile.name_.empty();
    if (!is_named) profile.name_ = "default";
    const auto home = variable(variables, "HOME");
    bool is_there = false;
    // The values of the file of credentials replace those of the other.
    for (const bool is_credentials : {false, true}) {
        auto path =
            variable(variables, is_credentials ? "AWS_SHARED_CREDENTIALS_FILE" : "AWS_CONFIG_FILE");
        if (path.empty() && home.empty()) continue;
        if (path.empty()) path = home + (is_credentials ? "/.aws/credentials" : "/.aws/config");
        auto text = os::read_text(fs, path, k_profile_bytes_max);
        if (!text) {
            if (text.error().code == Errc::not_found) continue;
            return fail(std::move(text.error()));
        }
        const auto section = is_credentials || profile.name_ == "default"
                                 ? profile.name_
                                 : "profile " + profile.name_;
        is_there = read_section(*text, section, profile.values_) || is_there;
        wipe(*text);
    }
    if (is_named && !is_there) {
        return fail(Errc::not_found, "no file of AWS has the profile '" + profile.name_ + "'", {},
                    "correct AWS_PROFILE, or add the profile to ~/.aws/config");
    }
    return profile;
}

std::string AwsProfile::value(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string() : found->second.reveal();
}

std::string aws_region(const Variables& variables, const AwsProfile& profile) {
    for (const char* const name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
        if (auto region = variable(variables, name); !region.empty()) return region;
    }
    auto region = profile.value("region");
    return region.empty() ? "us-east-1" : region;
}

std::string aws_endpoint(const Variables& variables, const AwsProfile& profile) {
    auto endpoint = variable(variables, "AWS_ENDPOINT_URL_S3");
    if (endpoint.empty()) endpoint = variable(variables, "AWS_ENDPOINT_URL");
    if (endpoint.empty()) endpoint = profile.value("endpoint_url");
    while (endpoint.ends_with('/')) endpoint.pop_back();
    return endpoint;
}

}  // namespace larder::internal::remote
