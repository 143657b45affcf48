#include "traces.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <stdexcept>

namespace larder::bench {
namespace {

constexpr double k_second = 1e9;
constexpr std::int64_t k_day_ns = 86'400'000'000'000;

// Own distributions, because those of the standard library differ between implementations.
class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    // In [0, 1).
    double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
    std::size_t below(std::size_t limit) { return engine_() % limit; }
    double normal() {
        return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * 3.14159265358979 * uniform());
    }
    std::int64_t gap_ns(double mean_s) {
        return static_cast<std::int64_t>(-std::log(1 - uniform()) * mean_s * k_second);
    }
    Model model() {
        const auto megabytes = std::clamp(std::exp(2.5 + normal()), 1.0, 50.0);
        const auto ms = megabytes * 50 * std::exp(0.7 * normal());
        return {static_cast<std::uint64_t>(megabytes * 1e6), static_cast<std::uint64_t>(ms) + 1};
    }

private:
    std::mt19937_64 engine_;
};

// Popularity that falls with the rank.
class Zipf {
public:
    Zipf(std::size_t count, double exponent) {
        double sum = 0;
        for (std::size_t i = 0; i < count; ++i) {
            sum += std::pow(static_cast<double>(i + 1), -exponent);
            sums_.push_back(sum);
        }
    }
    std::size_t operator()(Random& random) const {
        const auto at = random.uniform() * sums_.back();
        return static_cast<std::size_t>(std::upper_bound(sums_.begin(), sums_.end(), at) -
                                        sums_.begin());
    }

private:
    std::vector<double> sums_;
};

std::vector<Model> models(Random& random, std::size_t count) {
    std::vector<Model> models;
    for (std::size_t i = 0; i < count; ++i) models.push_back(random.model());
    return models;
}

// Popular models stay popular; after `drift` requests, another one becomes popular.
Trace zipf(const std::string& name, std::size_t drift) {
    Random random(1);
    Trace trace{name, models(random, 400), {}};
    const Zipf rank(400, 0.9);
    std::int64_t now_ns = 0;
    for (std::size_t i = 0; i < 20'000; ++i) {
        const auto shift = drift == 0 ? 0 : i / drift * 3;
        trace.requests.push_back({now_ns += random.gap_ns(60), (rank(random) * 37 + shift) % 400});
    }
    return trace;
}

// Occasionally, 250 models are requested that nobody asks for again.
Trace scans() {
    Random random(2);
    Trace trace{"scans", models(random, 200), {}};
    const Zipf rank(200, 0.8);
    std::int64_t now_ns = 0;
    for (std::size_t i = 1; i <= 15'000; ++i) {
        trace.requests.push_back({now_ns += random.gap_ns(60), rank(random)});
        for (int k = 0; i % 1'500 == 0 && k < 250; ++k) {
            trace.models.push_back(random.model());
            trace.requests.push_back({now_ns += random.gap_ns(5), trace.models.size() - 1});
        }
    }
    return trace;
}

// All models in turn, repeatedly: the worst case of an LRU.
Trace rounds() {
    Random random(3);
    Trace trace{"rounds", models(random, 120), {}};
    std::int64_t now_ns = 0;
    for (std::size_t i = 0; i < 7'200; ++i) {
        trace.requests.push_back({now_ns += random.gap_ns(30), i % 120});
    }
    return trace;
}

// Thirty models whose width or height changes from time to time: each change needs another blob,
// and the old blob is hardly ever used again.
Trace shapes() {
    Random random(4);
    Trace trace{"growing shapes", models(random, 30), {}};
    const Zipf rank(30, 0.7);
    std::vector<std::vector<std::size_t>> of_model;
    for (std::size_t i = 0; i < 30; ++i) of_model.push_back({i});
    std::int64_t now_ns = 0;
    for (int i = 0; i < 15'000; ++i) {
        auto& shapes = of_model[rank(random)];
        if (random.uniform() < 0.06) {
            trace.models.push_back(trace.models[shapes.front()]);
            shapes.push_back(trace.models.size() - 1);
        }
        const auto asked =
            random.uniform() < 0.05 ? shapes[random.below(shapes.size())] : shapes.back();
        trace.requests.push_back({now_ns += random.gap_ns(60), asked});
    }
    return trace;
}

void add_services(Trace& day, Random& random, std::int64_t start_ns) {
    // Twelve services of three models each: some start twelve times a day, some once.
    for (std::size_t service = 0; service < 12; ++service) {
        const int starts = service < 4 ? 12 : service < 8 ? 3 : 1;
        for (int i = 0; i < starts; ++i) {
            auto at_ns = start_ns + static_cast<std::int64_t>(random.uniform() * k_day_ns);
            for (std::size_t k = 0; k < 3; ++k) {
                day.requests.push_back({at_ns += random.gap_ns(5), service * 3 + k});
            }
        }
    }
}

// Forty days of one machine: services, a nightly test of 150 models, people who experiment, and
// four who train and create a new checkpoint five times a day.
Trace machine() {
    Random random(5);
    Trace trace{"a machine", models(random, 36 + 150 + 150 + 4), {}};
    const Zipf rank(150, 0.8);
    std::vector<std::size_t> checkpoints{336, 337, 338, 339};
    for (int day = 0; day < 40; ++day) {
        const auto start_ns = day * k_day_ns;
        add_services(trace, random, start_ns);
        auto at_ns = start_ns + k_day_ns / 12;
        for (std::size_t i = 0; i < 150; ++i) {
            trace.requests.push_back({at_ns += random.gap_ns(10), 36 + i});
        }
        for (int i = 0; i < 60; ++i) {
            at_ns = start_ns + static_cast<std::int64_t>(random.uniform() * k_day_ns);
            trace.requests.push_back({at_ns, 186 + rank(random)});
        }
        for (auto& checkpoint : checkpoints) {
            at_ns = start_ns + k_day_ns / 3;
            for (int run = 0; run < 15; ++run) {
                if (run % 3 == 0) {
                    trace.models.push_back(trace.models[checkpoint]);
                    checkpoint = trace.models.size() - 1;
                }
                trace.requests.push_back({at_ns += random.gap_ns(1'800), checkpoint});
            }
        }
    }
    std::stable_sort(trace.requests.begin(), trace.requests.end(),
                     [](const Request& a, const Request& b) { return a.at_ns < b.at_ns; });
    return trace;
}

}  // namespace

std::uint64_t Trace::total_bytes() const {
    std::set<std::size_t> asked;
    for (const auto& request : requests) asked.insert(request.model);
    std::uint64_t bytes = 0;
    for (const auto model : asked) bytes += models[model].bytes;
    return bytes;
}

std::vector<Trace> synthetic_traces() {
    return {zipf("zipf", 0), zipf("zipf, drifting", 500), scans(), rounds(), shapes(), machine()};
}

Trace read_trace(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    Trace trace{path, {}, {}};
    std::map<std::string, std::size_t> indices;
    std::string name;
    Request request;
    Model model;
    while (file >> request.at_ns >> name >> model.bytes >> model.compile_ms) {
        const auto [at, added] = indices.emplace(name, trace.models.size());
        if (added) trace.models.push_back(model);
        request.model = at->second;
        trace.requests.push_back(request);
    }
    if (!file.eof()) throw std::runtime_error("not a trace: " + path);
    return trace;
}

}  // namespace larder::bench
