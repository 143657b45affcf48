// Whose requests to S3 larder makes, and where to: as the tools of AWS find it out.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "os/system.h"
#include "remote/aws_signature.h"
#include "remote/http.h"

namespace larder::internal::remote {

// The variables that decide how storages are reached, by name: AWS_*, HOME and others.
using Variables = std::map<std::string, std::string>;
[[nodiscard]] std::string variable(const Variables& variables, const std::string& name);

// ~/.aws/config and ~/.aws/credentials, or the files that the variables name. Absent files are
// empty.
class AwsProfile {
public:
    // The profile AWS_PROFILE, else "default". Errc::not_found if AWS_PROFILE names none; other
    // errors are those of the files.
    [[nodiscard]] static Result<AwsProfile> read(os::FileSystem& fs, const Variables& variables);

    // Empty if it is not set.
    [[nodiscard]] std::string value(const std::string& name) const;
    [[nodiscard]] const std::string& name() const { return name_; }

private:
    std::string name_;
    std::map<std::string, Secret> values_;
};

// Finds credentials, in the order of AWS's own tools: variables, web identity, profile, container,
// instance. Those that expire are asked for again in time. Not thread-safe.
class CredentialChain {
public:
    // All must outlive it. `client` is for the services that give credentials.
    CredentialChain(const os::System& system, const Variables& variables, const AwsProfile& profile,
                    HttpClient& client)
        : system_(system), variables_(variables), profile_(profile), client_(client) {}

    // Errc::permission_denied if there are none; the remedy says where they can be given. If there
    // were none at the first call, nobody is asked again.
    [[nodiscard]] Result<const AwsCredentials*> get();

private:
    [[nodiscard]] Result<AwsCredentials> find();
    [[nodiscard]] Result<AwsCredentials> from_web_identity(const std::string& token_file,
                                                           const std::string& role);
    [[nodiscard]] Result<AwsCredentials> from_container(const std::string& url);
    [[nodiscard]] Result<AwsCredentials> from_instance();
    [[nodiscard]] Result<std::string> ask(const HttpRequest& request, const std::string& whom);

    os::System system_;
    const Variables& variables_;
    const AwsProfile& profile_;
    HttpClient& client_;
    AwsCredentials credentials_;
    std::optional<Error> failure_;
};

// The region of the requests: AWS_REGION, AWS_DEFAULT_REGION, the profile's, else "us-east-1".
[[nodiscard]] std::string aws_region(const Variables& variables, const AwsProfile& profile);

// An endpoint that is not AWS's own: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or the profile's
// endpoint_url; without a slash at its end. Empty if there is none.
[[nodiscard]] std::string aws_endpoint(const Variables& variables, const AwsProfile& profile);

}  // namespace larder::internal::remote
