// Compares eviction policies under a limit: the share of compile time that the larder saves with
// its own policy (the functions of store/limit/worth.h and store/limit/selection.h) and with the
// usual policies. usage: policy [--trace FILE [--limit BYTES]]
#include <cstdio>
#include <cstring>
#include <functional>
#include <stdexcept>

#include "store/limit/selection.h"
#include "store/limit/worth.h"
#include "traces.h"

namespace larder::bench {
namespace {

namespace store = internal::store;

// The data about a model when an entry must be evicted.
struct Known {
    store::RequestHistory history;  // also while it is not kept, as in larder
    std::uint64_t requests = 0;     // since it was kept
    double priority = 0;            // GDSF: as of its last request
};

struct Policy {
    const char* name;
    // The model with the least is evicted first.
    std::function<double(const Model&, const Known&, std::int64_t now_ns)> worth;
    bool per_byte = false;
    bool ages = false;  // GDSF
};

double cost(const Model& model) {
    return static_cast<double>(model.compile_ms) / static_cast<double>(model.bytes);
}

std::vector<Policy> policies() {
    return {
        {"larder",
         [](const Model& model, const Known& known, std::int64_t now_ns) {
             return store::worth_of(model.compile_ms, known.history, now_ns);
         },
         true},
        {"LRU", [](const Model&, const Known& known,
                   std::int64_t) { return static_cast<double>(known.history.last_ns); }},
        {"LFU",
         [](const Model&, const Known& known, std::int64_t now_ns) {
             const auto idle = static_cast<double>(now_ns - known.history.last_ns);
             return static_cast<double>(known.requests) - idle * 1e-20;
         }},
        {"size", [](const Model& model, const Known&,
                    std::int64_t) { return -static_cast<double>(model.bytes); }},
        {"GDSF", [](const Model&, const Known& known, std::int64_t) { return known.priority; },
         false, true},
    };
}

class Cache {
public:
    Cache(const Trace& trace, const Policy& policy, std::uint64_t limit_bytes)
        : trace_(trace),
          policy_(policy),
          limit_bytes_(limit_bytes),
          known_(trace.models.size()),
          kept_(trace.models.size()) {}

    // Whether it was a hit.
    bool ask(const Request& request) {
        const auto& model = trace_.models[request.model];
        auto& known = known_[request.model];
        known.history = store::with_request(known.history, request.at_ns + 1);
        const bool hit = kept_[request.model];
        if (!hit) keep(request, model);
        ++known.requests;
        known.priority = age_ + static_cast<double>(known.requests) * cost(model);
        return hit;
    }

private:
    void keep(const Request& request, const Model& model) {
        if (model.bytes > limit_bytes_) return;
        if (used_bytes_ + model.bytes > limit_bytes_) {
            evict(used_bytes_ + model.bytes - limit_bytes_, request.at_ns);
        }
        kept_[request.model] = true;
        used_bytes_ += model.bytes;
        known_[request.model].requests = 0;
    }

    void evict(std::uint64_t bytes, std::int64_t now_ns) {
        std::vector<std::size_t> models;
        std::vector<store::Candidate> candidates;
        for (std::size_t i = 0; i < kept_.size(); ++i) {
            if (!kept_[i]) continue;
            store::Candidate candidate;
            candidate.own_bytes = trace_.models[i].bytes;
            candidate.worth = policy_.worth(trace_.models[i], known_[i], now_ns);
            // The selection divides by it.
            if (!policy_.per_byte) candidate.worth *= static_cast<double>(candidate.own_bytes);
            candidates.push_back(candidate);
            models.push_back(i);
        }
        if (policy_.name == std::string("larder")) {
            bytes += store::slack_of(limit_bytes_, models.size());
        }
        for (const auto& selected : store::select_entries(candidates, {}, bytes)) {
            const auto model = models[selected.candidate];
            if (policy_.ages) age_ = known_[model].priority;
            kept_[model] = false;
            used_bytes_ -= selected.freed_bytes;
        }
    }

    const Trace& trace_;
    const Policy& policy_;
    std::uint64_t limit_bytes_;
    std::uint64_t used_bytes_ = 0;
    std::vector<Known> known_;
    std::vector<bool> kept_;
    double age_ = 0;
};

// In hundredths of all compile time.
double saved(const Trace& trace, const Policy& policy, std::uint64_t limit_bytes) {
    Cache cache(trace, policy, limit_bytes);
    double saved_ms = 0;
    double all_ms = 0;
    for (const auto& request : trace.requests) {
        const auto ms = static_cast<double>(trace.models[request.model].compile_ms);
        all_ms += ms;
        if (cache.ask(request)) saved_ms += ms;
    }
    return all_ms == 0 ? 0 : 100 * saved_ms / all_ms;
}

void print_row(const Trace& trace, const std::string& limit, std::uint64_t limit_bytes) {
    std::printf("| %-14s | %6s |", trace.name.c_str(), limit.c_str());
    for (const auto& policy : policies())
        std::printf(" %6.1f |", saved(trace, policy, limit_bytes));
    std::printf("\n");
}

int run(const std::string& file, std::uint64_t limit_bytes) {
    std::printf("Compile time saved, in %% of all\n\n| %-14s | %6s |", "requests", "limit");
    for (const auto& policy : policies()) std::printf(" %6s |", policy.name);
    std::printf("\n|---|---|");
    for (const auto& policy : policies()) std::printf("%s", policy.name != nullptr ? "---|" : "");
    std::printf("\n");
    for (const auto& trace :
         file.empty() ? synthetic_traces() : std::vector<Trace>{read_trace(file)}) {
        if (limit_bytes != 0) {
            print_row(trace, std::to_string(limit_bytes), limit_bytes);
            continue;
        }
        for (const std::uint64_t percent : {5U, 15U, 40U}) {
            print_row(trace, std::to_string(percent) + " %", trace.total_bytes() / 100 * percent);
        }
    }
    return 0;
}

}  // namespace
}  // namespace larder::bench

int main(int argc, char** argv) {
    std::string file;
    std::uint64_t limit_bytes = 0;
    try {
        for (int i = 1; i + 1 < argc; i += 2) {
            if (std::strcmp(argv[i], "--trace") == 0) file = argv[i + 1];
            if (std::strcmp(argv[i], "--limit") == 0) limit_bytes = std::stoull(argv[i + 1]);
        }
        return larder::bench::run(file, limit_bytes);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "policy: %s\n", error.what());
        return 1;
    }
}
