// larder/larder.h: the results and the error messages for a program that compiles its own graphs.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "larder/larder.h"
#include "support/temporary_directory.h"

namespace larder {
namespace {

namespace fs = std::filesystem;
using internal::support::TemporaryDirectory;
using ::testing::AnyOf;
using ::testing::HasSubstr;

std::string reversed(std::string text) { return {text.rbegin(), text.rend()}; }

// The data of a host program: a model, and the blob that it compiled or received.
struct Model {
    std::string weights = std::string(200'000, 'w') + "end";
    std::string held;
    const larder_blob* retained = nullptr;
    int compiles = 0;
    int imports = 0;
    bool fails = false;  // to compile
    bool exports = true;
    bool accepts = true;  // what was kept
    bool retains = false;
};

int compile(void* context) {
    auto& model = *static_cast<Model*>(context);
    ++model.compiles;
    model.held = reversed(model.weights);
    return model.fails ? 1 : 0;
}

int export_blob(void* context, larder_sink* sink) {
    const auto& model = *static_cast<Model*>(context);
    if (!model.exports) return 1;
    return larder_sink_write(sink, 0, model.held.data(), model.held.size()) == LARDER_OK ? 0 : 1;
}

int import_blob(void* context, const larder_blob* blob) {
    auto& model = *static_cast<Model*>(context);
    ++model.imports;
    if (!model.accepts) return 1;
    model.held.assign(static_cast<const char*>(larder_blob_data(blob)), larder_blob_size(blob));
    if (model.retains) {
        larder_blob_retain(blob);
        model.retained = blob;
    }
    return 0;
}

constexpr larder_host k_host{compile, export_blob, import_blob};

struct Answer {
    larder_status status = LARDER_OK;
    larder_outcome outcome = LARDER_BYPASSED;
    std::string reason;
    std::string key;
    std::string error;
    std::string remedy;
};

using Handle = std::unique_ptr<larder_cache, void (*)(larder_cache*)>;

class CApi : public ::testing::Test {
protected:
    Handle open(std::map<std::string, std::string> settings = {}) {
        settings.emplace("directory", directory_ / "larder");
        settings.emplace("state_directory", directory_ / "state");
        std::vector<larder_setting> list;
        for (const auto& [name, value] : settings) list.push_back({name.c_str(), value.c_str()});
        larder_cache* cache = nullptr;
        larder_error* error = nullptr;
        EXPECT_EQ(larder_open(list.data(), list.size(), &cache, &error), LARDER_OK)
            << larder_error_text(error);
        return {cache, &larder_close};
    }

    static larder_request request_of(const larder_bytes& content) {
        larder_request request{};
        request.model = "a model";
        request.content = &content;
        request.content_count = 1;
        request.runtime = "a host 1";
        request.device = "CPU";
        return request;
    }

    static Answer ask(larder_cache* cache, const larder_request& request, Model& model) {
        larder_result* result = nullptr;
        larder_error* error = nullptr;
        Answer answer;
        answer.status = larder_load(cache, &request, &k_host, &model, &result, &error);
        EXPECT_EQ(answer.status == LARDER_OK, result != nullptr);
        EXPECT_EQ(answer.status == LARDER_OK, error == nullptr);
        if (result != nullptr) {
            answer.outcome = larder_result_outcome(result);
            answer.reason = larder_result_reason(result);
            answer.key = larder_result_key(result);
        }
        if (error != nullptr) {
            answer.error = larder_error_text(error);
            answer.remedy = larder_error_remedy(error);
        }
        larder_result_free(result);
        larder_error_free(error);
        return answer;
    }
    static Answer ask(larder_cache* cache, Model& model) {
        const larder_bytes content{model.weights.data(), model.weights.size()};
        return ask(cache, request_of(content), model);
    }

    void expect_refused(const larder_request* request, const larder_host* host,
                        const std::string& says) {
        const auto cache = open();
        larder_error* error = nullptr;
        EXPECT_EQ(larder_load(cache.get(), request, host, &model_, nullptr, &error),
                  LARDER_INVALID_ARGUMENT);
        ASSERT_NE(error, nullptr);
        EXPECT_THAT(larder_error_text(error), HasSubstr(says));
        larder_error_free(error);
        EXPECT_EQ(model_.compiles, 0);
    }

    TemporaryDirectory directory_;
    Model model_;
};

TEST_F(CApi, AnOperatorSwitchesOffWhateverAHostSets) {
    ::setenv("LARDER_MODE", "off", 1);
    const auto cache = open({{"mode", "refresh"}});
    ::unsetenv("LARDER_MODE");
    EXPECT_EQ(ask(cache.get(), model_).outcome, LARDER_BYPASSED);
    EXPECT_FALSE(std::filesystem::exists(directory_ / "larder"));
}

TEST_F(CApi, ASettingOfTheEnvironmentThatCannotBeReadCostsNoModel) {
    ::setenv("LARDER_VERIFY", "sometimes", 1);
    const auto cache = open();
    ::unsetenv("LARDER_VERIFY");
    const auto answer = ask(cache.get(), model_);
    EXPECT_EQ(answer.outcome, LARDER_BYPASSED);
    EXPECT_THAT(answer.reason, HasSubstr("LARDER_VERIFY: cannot read 'sometimes'"));
}

TEST_F(CApi, TheSecondLoadIsGivenWhatWasKept) {
    EXPECT_EQ(ask(open().get(), model_).outcome, LARDER_COMPILED);
    Model later;
    const auto answer = ask(open().get(), later);
    EXPECT_EQ(answer.outcome, LARDER_LOADED);
    EXPECT_EQ(answer.reason, "");
    EXPECT_EQ(answer.key.size(), 64U);
    EXPECT_EQ(later.compiles, 0);
    EXPECT_EQ(later.held, reversed(later.weights));
}

TEST_F(CApi, WhateverIsAskedDecides) {
    const auto cache = open();
    const larder_bytes content{model_.weights.data(), model_.weights.size()};
    std::array<larder_bytes, 2> halves{
        larder_bytes{model_.weights.data(), 1000},
        larder_bytes{model_.weights.data() + 1000, model_.weights.size() - 1000}};
    const larder_input input{"context", "4096"};
    const larder_input other{"context", "8192"};
    std::vector<larder_request> requests(7, request_of(content));
    requests[1].runtime = "a host 2";
    requests[2].device = "GPU";
    requests[3].inputs = &input;
    requests[3].input_count = 1;
    requests[4].inputs = &other;
    requests[4].input_count = 1;
    requests[5].content = halves.data();
    requests[5].content_count = halves.size();
    std::string changed = model_.weights;
    changed[100'000] = 'x';
    const larder_bytes changed_content{changed.data(), changed.size()};
    requests[6].content = &changed_content;
    for (const auto& request : requests) {
        EXPECT_EQ(ask(cache.get(), request, model_).outcome, LARDER_COMPILED);
    }
    // Except for its name.
    requests[0].model = "the same by another name";
    for (const auto& request : requests) {
        EXPECT_EQ(ask(cache.get(), request, model_).outcome, LARDER_LOADED);
    }
    EXPECT_EQ(model_.compiles, 7);
}

TEST_F(CApi, OfAllProcessesOneCompiles) {
    constexpr int k_processes = 8;
    internal::support::write_file(directory_ / "weights", std::string(1'000'000, 'x'));
    std::string command;
    for (const auto* word : {"larder", "state", "weights", "compiles"}) {
        command += " '" + directory_ / word + "'";
    }
    command = "'" LARDER_C_HOST "'" + command;
    std::array<FILE*, k_processes> processes{};
    for (auto& process : processes) {
        process = ::popen(command.c_str(), "r");
        ASSERT_NE(process, nullptr);
    }
    int compiled = 0;
    for (auto* const process : processes) {
        std::array<char, 200> line{};
        ASSERT_NE(std::fgets(line.data(), line.size(), process), nullptr);
        const std::string text = line.data();
        EXPECT_THAT(text, HasSubstr(" right"));
        EXPECT_EQ(::pclose(process), 0);
        compiled += text.starts_with("compiled ") ? 1 : 0;
    }
    EXPECT_EQ(compiled, 1);
    EXPECT_EQ(internal::support::read_file(directory_ / "compiles"), "compiled\n");
}

TEST_F(CApi, OfAllThreadsOneCompiles) {
    const auto cache = open();
    std::vector<Model> models(6);
    std::vector<std::thread> threads;
    threads.reserve(models.size());
    for (auto& model : models) {
        threads.emplace_back([&] { EXPECT_EQ(ask(cache.get(), model).status, LARDER_OK); });
    }
    for (auto& thread : threads) thread.join();
    int compiles = 0;
    for (const auto& model : models) {
        compiles += model.compiles;
        EXPECT_EQ(model.held, reversed(model.weights));
    }
    EXPECT_EQ(compiles, 1);
}

TEST_F(CApi, WhatTheHostRefusesIsCompiledAnew) {
    const auto cache = open();
    ask(cache.get(), model_);
    model_.accepts = false;
    EXPECT_EQ(ask(cache.get(), model_).outcome, LARDER_COMPILED);
    EXPECT_EQ(model_.imports, 1);
    EXPECT_EQ(model_.compiles, 2);
}

TEST_F(CApi, AFailedCompileIsTheHostsOwn) {
    const auto cache = open();
    model_.fails = true;
    EXPECT_EQ(ask(cache.get(), model_).status, LARDER_HOST_FAILED);
    EXPECT_EQ(model_.compiles, 1);
    model_.fails = false;
    EXPECT_EQ(ask(cache.get(), model_).outcome, LARDER_COMPILED);
}

TEST_F(CApi, WhatCannotBeExportedIsUsedAndNotKept) {
    const auto cache = open();
    model_.exports = false;
    for (int i = 0; i < 2; ++i) {
        const auto answer = ask(cache.get(), model_);
        EXPECT_EQ(answer.outcome, LARDER_BYPASSED);
        EXPECT_THAT(answer.reason, HasSubstr("cannot export"));
    }
    EXPECT_EQ(model_.compiles, 2);
}

TEST_F(CApi, ARetainedBlobOutlivesTheLarder) {
    {
        const auto cache = open();
        ask(cache.get(), model_);
        model_.retains = true;
        EXPECT_EQ(ask(cache.get(), model_).outcome, LARDER_LOADED);
    }
    fs::remove_all(directory_ / "larder");
    ASSERT_NE(model_.retained, nullptr);
    const std::string bytes(static_cast<const char*>(larder_blob_data(model_.retained)),
                            larder_blob_size(model_.retained));
    EXPECT_EQ(bytes, reversed(model_.weights));
    larder_blob_release(model_.retained);
}

TEST_F(CApi, WithoutALarderItCompiles) {
    internal::support::write_file(directory_ / "file", "");
    const auto cache = open({{"directory", directory_ / "file"}, {"log_level", "error"}});
    const auto answer = ask(cache.get(), model_);
    EXPECT_EQ(answer.outcome, LARDER_BYPASSED);
    EXPECT_THAT(answer.reason, HasSubstr("larder cannot be used"));
    EXPECT_EQ(model_.compiles, 1);
}

TEST_F(CApi, AMissIsAnErrorInCacheOnly) {
    ask(open().get(), model_);
    const auto cache = open({{"mode", "cache-only"}});
    EXPECT_EQ(ask(cache.get(), model_).outcome, LARDER_LOADED);
    Model other;
    other.weights += "?";
    const auto answer = ask(cache.get(), other);
    EXPECT_EQ(answer.status, LARDER_MISS);
    EXPECT_THAT(answer.error, HasSubstr("not loaded"));
    EXPECT_NE(answer.remedy, "");
    EXPECT_EQ(other.compiles, 0);
}

TEST_F(CApi, WhatIsMissingIsNamed) {
    const larder_bytes content{model_.weights.data(), model_.weights.size()};
    const auto good = request_of(content);
    const auto without = [&](auto member, const char* name) {
        auto request = good;
        request.*member = {};
        expect_refused(&request, &k_host, name);
    };
    without(&larder_request::model, "larder_request.model");
    without(&larder_request::content, "larder_request.content");
    without(&larder_request::content_count, "larder_request.content");
    without(&larder_request::runtime, "larder_request.runtime");
    without(&larder_request::device, "larder_request.device");
    auto request = good;
    request.input_count = 1;
    expect_refused(&request, &k_host, "larder_request.inputs");
    const larder_bytes nothing{nullptr, 1};
    request = request_of(nothing);
    expect_refused(&request, &k_host, "larder_bytes.data");
    const std::array<larder_input, 2> twice{larder_input{"a", "1"}, larder_input{"a", "2"}};
    request = good;
    request.inputs = twice.data();
    request.input_count = twice.size();
    expect_refused(&request, &k_host, "'a' is given twice");
    auto host = k_host;
    host.import_blob = nullptr;
    expect_refused(&good, &host, "a function of larder_host");
    expect_refused(nullptr, &k_host, "is missing");
    expect_refused(&good, nullptr, "is missing");
}

TEST_F(CApi, ASettingThatCannotBeReadIsNamed) {
    const auto refused = [](const larder_setting& setting) {
        larder_cache* cache = nullptr;
        larder_error* error = nullptr;
        EXPECT_EQ(larder_open(&setting, 1, &cache, &error), LARDER_INVALID_ARGUMENT);
        EXPECT_EQ(cache, nullptr);
        std::string text = error == nullptr ? "" : larder_error_text(error);
        larder_error_free(error);
        return text;
    };
    EXPECT_THAT(refused({"mode", "perhaps"}), HasSubstr("mode"));
    EXPECT_THAT(refused({"max_size", "20"}), HasSubstr("max_size"));
    EXPECT_THAT(refused({"colour", "green"}), HasSubstr("there is no setting 'colour'"));
    EXPECT_THAT(refused({nullptr, "x"}), HasSubstr("is missing"));
    EXPECT_EQ(larder_open(nullptr, 0, nullptr, nullptr), LARDER_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace larder
