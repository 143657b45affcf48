// The part of a trial (cli/trial.h) that runs on the tried OpenVINO: models of a few operations are
// compiled, stored, loaded and inferred, as a program would have it done.
#include <array>
#include <cstring>
#include <fstream>  // tidy-allow(streams): a model in a folder of the trial
#include <string>
#include <vector>

#include "cli/runtime/verbs.h"
#include "larder/larder.hpp"

namespace larder::cli {
namespace {

struct Sample {
    const char* name;
    const char* graph;
    const char* device;
    bool is_file;  // else it is given in memory
};

// x · w, with its weights in the file beside it, or in a tensor.
constexpr const char* k_dense = R"(<?xml version="1.0"?>
<net name="dense" version="11"><layers>
<layer id="0" name="x" type="Parameter" version="opset1"><data shape="2,4" element_type="f32"/>
<output><port id="0" precision="FP32" names="x"><dim>2</dim><dim>4</dim></port></output></layer>
<layer id="1" name="w" type="Const" version="opset1">
<data element_type="f32" shape="4,4" offset="0" size="64"/>
<output><port id="0" precision="FP32"><dim>4</dim><dim>4</dim></port></output></layer>
<layer id="2" name="y" type="MatMul" version="opset1">
<data transpose_a="false" transpose_b="false"/>
<input><port id="0" precision="FP32"><dim>2</dim><dim>4</dim></port>
<port id="1" precision="FP32"><dim>4</dim><dim>4</dim></port></input>
<output><port id="2" precision="FP32" names="y"><dim>2</dim><dim>4</dim></port></output></layer>
<layer id="3" name="z" type="Result" version="opset1">
<input><port id="0" precision="FP32"><dim>2</dim><dim>4</dim></port></input></layer></layers>
<edges>
<edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>
<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>
<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/></edges>
<rt_info><made_by value="a trial"/></rt_info></net>)";

// A state that begins as x, plus x.
constexpr const char* k_stateful = R"(<?xml version="1.0"?>
<net name="stateful" version="11"><layers>
<layer id="0" name="x" type="Parameter" version="opset1"><data shape="2,4" element_type="f32"/>
<output><port id="0" precision="FP32" names="x"><dim>2</dim><dim>4</dim></port></output></layer>
<layer id="1" name="read" type="ReadValue" version="opset6">
<data variable_id="kept" variable_type="f32" variable_shape="2,4"/>
<input><port id="0" precision="FP32"><dim>2</dim><dim>4</dim></port></input>
<output><port id="1" precision="FP32"><dim>2</dim><dim>4</dim></port></output></layer>
<layer id="2" name="sum" type="Add" version="opset1"><data auto_broadcast="numpy"/>
<input><port id="0" precision="FP32"><dim>2</dim><dim>4</dim></port>
<port id="1" precision="FP32"><dim>2</dim><dim>4</dim></port></input>
<output><port id="2" precision="FP32" names="y"><dim>2</dim><dim>4</dim></port></output></layer>
<layer id="3" name="write" type="Assign" version="opset6">
<data variable_id="kept" variable_type="f32" variable_shape="2,4"/>
<input><port id="0" precision="FP32"><dim>2</dim><dim>4</dim></port></input>
<output><port id="1" precision="FP32"><dim>2</dim><dim>4</dim></port></output></layer>
<layer id="4" name="z" type="Result" version="opset1">
<input><port id="0" precision="FP32"><dim>2</dim><dim>4</dim></port></input></layer></layers>
<edges>
<edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>
<edge from-layer="1" from-port="1" to-layer="2" to-port="0"/>
<edge from-layer="0" from-port="0" to-layer="2" to-port="1"/>
<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/>
<edge from-layer="2" from-port="2" to-layer="4" to-port="0"/></edges></net>)";

// Of any length.
constexpr const char* k_dynamic = R"(<?xml version="1.0"?>
<net name="dynamic" version="11"><layers>
<layer id="0" name="x" type="Parameter" version="opset1"><data shape="?,4" element_type="f32"/>
<output><port id="0" precision="FP32" names="x"><dim>-1</dim><dim>4</dim></port></output></layer>
<layer id="1" name="y" type="SoftMax" version="opset8"><data axis="1"/>
<input><port id="0" precision="FP32"><dim>-1</dim><dim>4</dim></port></input>
<output><port id="1" precision="FP32" names="y"><dim>-1</dim><dim>4</dim></port></output></layer>
<layer id="2" name="z" type="Result" version="opset1">
<input><port id="0" precision="FP32"><dim>-1</dim><dim>4</dim></port></input></layer></layers>
<edges>
<edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>
<edge from-layer="1" from-port="1" to-layer="2" to-port="0"/></edges></net>)";

constexpr std::array<Sample, 5> k_samples{{{"dense file", k_dense, "CPU", true},
                                           {"dense model", k_dense, "CPU", false},
                                           {"stateful model", k_stateful, "CPU", false},
                                           {"dynamic model", k_dynamic, "CPU", false},
                                           {"dense model", k_dense, "HETERO:CPU", false}}};

constexpr std::size_t k_weights = 16;
constexpr std::size_t k_inputs = 8;

float number(std::size_t i) { return static_cast<float>(i * 37 % 23) / 8.0F - 1.0F; }

ov::Tensor tensor_of(const ov::Shape& shape) {
    ov::Tensor tensor(ov::element::f32, shape);
    auto* const values = tensor.data<float>();
    for (std::size_t i = 0; i < tensor.get_size(); ++i) values[i] = number(i);
    return tensor;
}

// Returns the bytes of the output, of two inferences.
std::string output_of(ov::CompiledModel model) {
    auto request = model.create_infer_request();
    request.set_input_tensor(tensor_of({k_inputs / 4, 4}));
    std::string bytes;
    for (int round = 0; round < 2; ++round) {
        request.infer();
        const auto output = request.get_output_tensor();
        bytes.append(static_cast<const char*>(output.data()), output.get_byte_size());
    }
    return bytes;
}

class Trial {
public:
    explicit Trial(const std::filesystem::path& folder) : folder_(folder) {
        options_.directory = folder / "larder";
        options_.state_directory = folder / "state";
        options_.mode = Mode::on;
        options_.keep = Keep::all;
        options_.publish = Publish::first;
        options_.share = Share::off;
        options_.log_sink = [this](LogLevel level, std::string_view text) {
            if (level <= LogLevel::warn && warning_.empty()) warning_ = text;
        };
        std::ofstream(folder / "dense.xml") << k_dense;
        std::ofstream weights(folder / "dense.bin", std::ios::binary);
        for (std::size_t i = 0; i < k_weights; ++i) {
            const float value = number(i);
            std::array<char, sizeof value> bytes{};
            std::memcpy(bytes.data(), &value, sizeof value);
            weights.write(bytes.data(), bytes.size());
        }
    }

    // Returns what is wrong; empty if nothing is.
    std::string check(const Sample& sample) {
        const auto name = std::string(sample.name) + " on " + sample.device;
        const auto plain = output_of(plain_model(sample));
        if (output_of(plain_model(sample)) != plain) return {};  // nothing can be compared
        for (const auto expected : {Outcome::compiled, Outcome::loaded}) {
            // As in the next process.
            ov::Core core;
            Cache cache(options_);
            const auto result = ask(cache, core, sample);
            if (result.outcome != expected) {
                return name + ": " + (result.reason.empty() ? warning_ : result.reason);
            }
            if (output_of(result.model) != plain) return name + ": the outputs differ";
        }
        return warning_.empty() ? "" : name + ": " + warning_;
    }

    // OpenVINO's errors reach the program unchanged.
    std::string check_errors() {
        ov::Core core;
        Cache cache(options_);
        const ov::AnyMap wrong{{"NUM_STREAMS", "none at all"}};
        std::string plain;
        std::string own;
        try {
            static_cast<void>(core.compile_model(read(core, k_dense), "CPU", wrong));
        } catch (const ov::Exception& error) {
            plain = error.what();
        }
        try {
            static_cast<void>(cache.compile_model(
                core, std::shared_ptr<const ov::Model>(read(core, k_dense)), "CPU", wrong));
        } catch (const ov::Exception& error) {
            own = error.what();
        }
        return plain.empty() == own.empty() ? "" : "an error of OpenVINO is not passed on";
    }

private:
    static std::shared_ptr<ov::Model> read(ov::Core& core, const char* graph) {
        ov::Tensor weights(ov::element::u8, {k_weights * sizeof(float)});
        std::memcpy(weights.data(), tensor_of({k_weights}).data(), weights.get_byte_size());
        return core.read_model(graph, weights);
    }

    ov::CompiledModel plain_model(const Sample& sample) {
        ov::Core core;
        if (!sample.is_file) return core.compile_model(read(core, sample.graph), sample.device);
        return core.compile_model((folder_ / "dense.xml").string(), sample.device);
    }

    Result ask(Cache& cache, ov::Core& core, const Sample& sample) {
        if (sample.is_file) return cache.compile_model(core, folder_ / "dense.xml", sample.device);
        return cache.compile_model(core, std::shared_ptr<const ov::Model>(read(core, sample.graph)),
                                   sample.device);
    }

    std::filesystem::path folder_;
    Options options_;
    std::string warning_;
};

}  // namespace

std::string try_out(const std::filesystem::path& folder) {
    try {
        Trial trial(folder);
        for (const auto& sample : k_samples) {
            if (auto wrong = trial.check(sample); !wrong.empty()) return wrong;
        }
        return trial.check_errors();
    } catch (const std::exception& error) {
        return error.what();
    }
}

}  // namespace larder::cli
