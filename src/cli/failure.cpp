#include "cli/failure.h"

#include <cstdio>
#include <new>

#include "cli/text.h"
#include "larder/error.hpp"

namespace larder::cli {
namespace {

bool names_a_source_file(std::string_view line) {
    if (line.starts_with("Exception from ") && line.ends_with(':')) return true;
    return line.starts_with("Check '") && line.find("' failed at ") != std::string_view::npos;
}

// Returns the advice for an error that comes with none.
const char* general_advice(ErrorCode code) {
    switch (code) {
        case ErrorCode::not_found: return "check the name and the path";
        case ErrorCode::permission_denied:
            return "give this user access to it, or do this as its owner";
        case ErrorCode::read_only:
            return "do this as a user, and on a machine, that can write there";
        case ErrorCode::no_space: return "free space on that disk";
        case ErrorCode::invalid_argument:
        case ErrorCode::damaged:
        case ErrorCode::unsupported:
        case ErrorCode::miss:
        case ErrorCode::timed_out:
        case ErrorCode::io: break;
    }
    return "see also: larder doctor";
}

}  // namespace

void throw_usage(std::string what, std::string remedy) {
    throw CommandError({std::move(what), std::move(remedy), k_usage});
}

std::string useful_lines(std::string_view text) {
    std::string useful;
    for (const auto& line : split(text, '\n')) {
        const auto plain = trimmed(line);
        // "FrontEnd API failed with GeneralFailure:" precedes the line with the reason.
        if (plain.empty() || names_a_source_file(plain) || plain.ends_with("Failure:")) continue;
        if (!useful.empty()) useful += "; ";
        useful += plain;
    }
    return useful.empty() ? std::string(trimmed(text)) : useful;
}

Failure current_failure() {
    try {
        throw;
    } catch (const CommandError& error) {
        return error.failure();
    } catch (const Error& error) {
        const bool usage = error.code() == ErrorCode::invalid_argument;
        return {error.what(),
                error.remedy().empty() ? general_advice(error.code()) : error.remedy(),
                usage ? k_usage : k_failed};
    } catch (const std::bad_alloc&) {
        return {"there is not enough memory", {}, k_failed};
    } catch (const std::exception& error) {
        return {useful_lines(error.what()), {}, k_failed};
    } catch (...) {
        return {"an unknown failure", {}, k_failed};
    }
}

void print_failure(const Failure& failure) {
    auto text = "larder: " + printable(failure.what, Lines::keep) + "\n";
    if (!failure.remedy.empty()) text += "  " + printable(failure.remedy, Lines::keep) + "\n";
    std::fputs(text.c_str(), stderr);
}

}  // namespace larder::cli
