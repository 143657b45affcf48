// All kinds of models: entries are small if the weights can stay in the model's files, and loaded
// models have the outputs of a fresh compile.
#include <array>
#include <cerrno>
#include <fstream>
#include <functional>
#include <random>
#include <thread>

#include <openvino/opsets/opset15.hpp>

#include "harness.h"
#include "small_models/small_models.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/unable.h"

namespace larder::testing {
namespace fs = std::filesystem;
namespace op = ov::opset15;
namespace {

using internal::cache::Outcome;
using internal::support::Child;
using internal::support::Mount;
using internal::support::read_file;
using internal::support::write_file;

constexpr std::size_t k_width = 256;
constexpr std::uint64_t k_layer_bytes = k_width * k_width * sizeof(float);
constexpr std::uint64_t k_small_bytes = 100'000;
// For a model in memory of this size, larder knows the file from which its weights are mapped.
constexpr std::size_t k_mapped_width = 384;

std::shared_ptr<op::Constant> weights_of(ov::element::Type type, const ov::Shape& shape,
                                         std::uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<float> values(ov::shape_size(shape));
    for (auto& value : values) {
        value = type.is_integral() ? static_cast<float>(random() % 8)
                                   : static_cast<float>(random() % 2'001) / 1'000.0F - 1;
    }
    return op::Constant::create(type, shape, values);
}

std::shared_ptr<op::Parameter> row() {
    return std::make_shared<op::Parameter>(ov::element::f32, ov::PartialShape{1, k_width});
}

ov::Output<ov::Node> dense(const ov::Output<ov::Node>& x, std::uint32_t seed) {
    const auto w = weights_of(ov::element::f32, {k_width, k_width}, seed);
    return std::make_shared<op::MatMul>(x, w, false, true);
}

std::shared_ptr<ov::Model> finished(const ov::Output<ov::Node>& result,
                                    const std::shared_ptr<op::Parameter>& parameter) {
    return std::make_shared<ov::Model>(ov::OutputVector{result}, ov::ParameterVector{parameter});
}

// Constants of known sizes get other positions in a new file of weights.
void move_constants(
    const fs::path& xml,
    const std::function<std::uint64_t(std::size_t number, std::uint64_t offset)>& new_offset) {
    const auto bin = fs::path(xml).replace_extension(".bin");
    const auto before = read_file(bin);
    auto text = read_file(xml);
    fs::remove(bin);
    std::ofstream file(bin, std::ios::binary);
    std::size_t number = 0;
    for (std::size_t at = text.find(" offset=\""); at != std::string::npos;
         at = text.find(" offset=\"", at + 1)) {
        const auto begin = at + 9;
        const auto end = text.find('"', begin);
        const auto size_at = text.find("size=\"", end) + 6;
        const auto offset = std::stoull(text.substr(begin, end - begin));
        const auto size = std::stoull(text.substr(size_at, text.find('"', size_at) - size_at));
        const auto moved = new_offset(number++, offset);
        file.seekp(static_cast<std::streamoff>(moved));
        file.write(before.data() + offset, static_cast<std::streamsize>(size));
        text.replace(begin, end - begin, std::to_string(moved));
    }
    write_file(xml, text);
}

class Models : public ::testing::Test {
protected:
    // In a child, with the runtime.
    void in_a_child(const std::function<void(Requester&)>& body) {
        Child child([&] {
            Requester requester(root_.path());
            body(requester);
        });
        EXPECT_EQ(child.wait(), 0);
    }
    fs::path save(const std::shared_ptr<ov::Model>& model) const {
        ov::save_model(model, xml_, false);
        return xml_;
    }
    // Stored, loaded, and compiled again after a byte of its weights has changed.
    void expect_right(Requester& requester, std::uint64_t kept_bytes_max,
                      std::uint64_t changed_byte) const {
        settle();
        requester.expect(Outcome::compiled, xml_);
        EXPECT_LT(requester.kept_bytes(), kept_bytes_max);
        requester.expect(Outcome::loaded, xml_);
        internal::support::flip_byte(bin_, changed_byte);
        requester.expect(Outcome::compiled, xml_);
        requester.expect(Outcome::loaded, xml_);
        internal::support::flip_byte(bin_, changed_byte);
        requester.expect(Outcome::loaded, xml_);
    }
    static void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(30)); }

    internal::support::TemporaryDirectory root_;
    fs::path xml_ = root_.path() / "m.xml";
    fs::path bin_ = root_.path() / "m.bin";
};

TEST_F(Models, WithTheirWeightsAnywhere) {
    in_a_child([&](Requester& requester) {
        save(dense_model({.width = k_width, .layers = 3}));
        expect_right(requester, k_small_bytes, k_layer_bytes + 2);
        // At unaligned positions.
        move_constants(xml_, [](std::size_t number, std::uint64_t offset) {
            return offset + 13 * number + 1;
        });
        expect_right(requester, 2 * k_small_bytes, k_layer_bytes + 20);
        // In reverse order, far apart.
        move_constants(xml_, [](std::size_t number, std::uint64_t) {
            return (5 - number) * (k_layer_bytes + 100'000);
        });
        expect_right(requester, 3 * k_small_bytes, 5 * (k_layer_bytes + 100'000) + 6);
    });
}

TEST_F(Models, WithWeightsThatAreSharedAndOverlap) {
    in_a_child([&](Requester& requester) {
        save(dense_model({.width = k_width, .layers = 3}));
        move_constants(xml_, [](std::size_t number, std::uint64_t) { return number * 65'536; });
        expect_right(requester, k_small_bytes, 70'002);
        requester.forget();
        save(dense_model({.width = k_width, .layers = 3}));
        move_constants(xml_, [](std::size_t number, std::uint64_t) { return number * 4'100; });
        expect_right(requester, k_small_bytes, 70'002);
        requester.forget();
        save(dense_model({.width = k_width, .layers = 3}));
        move_constants(xml_, [](std::size_t, std::uint64_t) { return std::uint64_t{64}; });
        expect_right(requester, k_small_bytes, 1'002);
    });
}

TEST_F(Models, WithWeightsBeyondFourGigabytes) {
    in_a_child([&](Requester& requester) {
        save(dense_model({.width = k_width, .layers = 2}));
        constexpr std::uint64_t k_far = (std::uint64_t{4} << 30) + 12'288;
        move_constants(xml_, [](std::size_t number, std::uint64_t) { return number * k_far; });
        settle();
        requester.expect(Outcome::compiled, xml_);
        EXPECT_LT(requester.kept_bytes(), k_small_bytes);
        requester.expect(Outcome::loaded, xml_);
        EXPECT_LT(fs::file_size(bin_), k_far + 2 * k_layer_bytes);
    });
}

TEST_F(Models, WithWeightsOfFourBits) {
    for (const auto type : {ov::element::u4, ov::element::i4}) {
        in_a_child([&](Requester& requester) {
            requester.forget();
            const auto x = row();
            ov::Output<ov::Node> h = x;
            for (std::uint32_t i = 0; i < 3; ++i) {
                const auto w = weights_of(
                    type, {i == 2 ? k_width : 4 * k_width, i == 0 ? k_width : 4 * k_width}, i);
                const auto scale =
                    op::Constant::create(ov::element::f32, {w->get_shape()[0], 1}, {0.01F});
                const auto unpacked = std::make_shared<op::Multiply>(
                    std::make_shared<op::Convert>(w, ov::element::f32), scale);
                h = std::make_shared<op::MatMul>(h, unpacked, false, true);
            }
            save(finished(h, x));
            expect_right(requester, 3 * k_small_bytes, 200'000);
        });
    }
}

TEST_F(Models, WithWeightsOfSixteenBits) {
    for (const auto type : {ov::element::f16, ov::element::bf16}) {
        in_a_child([&](Requester& requester) {
            requester.forget();
            const auto x = row();
            ov::Output<ov::Node> h = x;
            for (std::uint32_t i = 0; i < 3; ++i) {
                const auto w = weights_of(type, {k_width, k_width}, i);
                const auto unpacked = std::make_shared<op::Convert>(w, ov::element::f32);
                h = std::make_shared<op::MatMul>(h, unpacked, false, true);
            }
            save(finished(h, x));
            // If the compiler unpacks them, all bytes are new.
            expect_right(requester, 2 * 3 * k_layer_bytes, 200'001);
        });
    }
}

TEST_F(Models, WithConstantsOfNoBytesAndOfText) {
    in_a_child([&](Requester& requester) {
        const auto x = row();
        const auto nothing =
            std::make_shared<op::Constant>(ov::element::f32, ov::Shape{0, k_width});
        const auto joined = std::make_shared<op::Concat>(ov::OutputVector{dense(x, 1), nothing}, 0);
        const auto text = std::make_shared<op::Constant>(
            ov::element::string, ov::Shape{2}, std::vector<std::string>{"a text", "another"});
        const auto unpacked = std::make_shared<op::StringTensorUnpack>(text);
        const auto lengths = std::make_shared<op::ReduceSum>(
            std::make_shared<op::Convert>(unpacked->output(1), ov::element::f32),
            op::Constant::create(ov::element::i64, {1}, {0}), true);
        const auto sum = std::make_shared<op::Add>(dense(joined, 2), lengths);
        save(finished(sum, x));
        expect_right(requester, k_small_bytes, 1'002);
    });
}

TEST_F(Models, WithWeightsInBodies) {
    in_a_child([&](Requester& requester) {
        const auto x = row();
        const auto branch = std::make_shared<op::If>(std::make_shared<op::Greater>(
            std::make_shared<op::ReduceSum>(x, op::Constant::create(ov::element::i64, {2}, {0, 1}),
                                            false),
            op::Constant::create(ov::element::f32, {}, {0.0F})));
        const auto body = [](std::uint32_t seed) {
            const auto in = row();
            return finished(std::make_shared<op::Result>(dense(in, seed)), in);
        };
        const auto then_body = body(1);
        const auto else_body = body(2);
        branch->set_then_body(then_body);
        branch->set_else_body(else_body);
        branch->set_input(x, then_body->get_parameters()[0], else_body->get_parameters()[0]);
        const auto chosen =
            branch->set_output(then_body->get_results()[0], else_body->get_results()[0]);
        // And a loop around another.
        const auto in_loop = row();
        const auto next = dense(in_loop, 3).get_node_shared_ptr();
        const auto scaled = std::make_shared<op::Multiply>(
            next, op::Constant::create(ov::element::f32, {1}, {0.01F}));
        const auto go_on = op::Constant::create(ov::element::boolean, {1}, {true});
        const auto loop =
            std::make_shared<op::Loop>(op::Constant::create(ov::element::i64, {1}, {3}),
                                       op::Constant::create(ov::element::boolean, {1}, {true}));
        loop->set_function(std::make_shared<ov::Model>(ov::OutputVector{go_on, scaled},
                                                       ov::ParameterVector{in_loop}));
        loop->set_special_body_ports({-1, 0});
        loop->set_merged_input(in_loop, chosen, scaled);
        save(finished(loop->get_iter_value(scaled, -1), x));
        expect_right(requester, 4 * k_layer_bytes, k_layer_bytes + 2);
    });
}

TEST_F(Models, AskedForByPathAndInMemoryAreKeptOnce) {
    in_a_child([&](Requester& requester) {
        save(dense_model({.width = k_mapped_width, .layers = 3}));
        settle();
        requester.expect(Outcome::compiled, xml_);
        requester.expect_in_memory(Outcome::loaded, xml_);
        EXPECT_LT(requester.kept_bytes(), k_small_bytes);
        for (int i = 0; i < 2; ++i) {
            requester.expect_in_memory(Outcome::loaded, xml_);
            requester.expect(Outcome::loaded, xml_);
        }
        // An entry that refers to constants is changed to refer to the files from which they came.
        requester.forget();
        requester.expect_in_memory(Outcome::compiled, xml_);
        requester.expect_in_memory(Outcome::loaded, xml_);
        requester.expect(Outcome::loaded, xml_);
        for (int i = 0; i < 2; ++i) {
            requester.expect(Outcome::loaded, xml_);
            requester.expect_in_memory(Outcome::loaded, xml_);
        }
        EXPECT_LT(requester.kept_bytes(), 2 * k_small_bytes);
    });
}

// A program whose model is now in another file requests the linked entry.
TEST_F(Models, LinkedToThatOfAFileAreFoundInItsCopy) {
    in_a_child([&](Requester& requester) {
        save(dense_model({.width = k_mapped_width, .layers = 3}));
        settle();
        requester.expect(Outcome::compiled, xml_);
        requester.expect_in_memory(Outcome::loaded, xml_);
        fs::create_directories(root_.path() / "copies");
        fs::rename(xml_, root_.path() / "copies/n.xml");
        fs::rename(bin_, root_.path() / "copies/n.bin");
        requester.expect_in_memory(Outcome::loaded, root_.path() / "copies/n.xml");
        EXPECT_LT(requester.kept_bytes(), k_small_bytes);
        // Other programs have the constants in a file that does not belong to this model: it is
        // compiled once.
        const auto other = root_.path() / "copies/other.xml";
        fs::copy_file(root_.path() / "copies/n.xml", other);
        fs::copy_file(root_.path() / "copies/n.bin", root_.path() / "copies/other.bin");
        move_constants(other, [](std::size_t, std::uint64_t offset) { return offset + 4'096; });
        settle();
        requester.expect_in_memory(Outcome::compiled, other);
        for (int i = 0; i < 2; ++i) {
            requester.expect_in_memory(Outcome::loaded, other);
            requester.expect_in_memory(Outcome::loaded, root_.path() / "copies/n.xml");
        }
    });
}

TEST_F(Models, AreLoadedWhereNoByteCanBeWritten) {
    in_a_child([&](Requester& requester) {
        save(dense_model({.width = k_width, .layers = 3}));
        settle();
        requester.expect(Outcome::compiled, xml_);
        requester.expect(Outcome::loaded, xml_);
    });
    const auto mount = Mount::read_only(root_.path());
    if (!mount) LARDER_UNABLE() << "nothing can be mounted";
    in_a_child([&](Requester& requester) {
        for (const auto mode : {internal::cache::Mode::on, internal::cache::Mode::read_only,
                                internal::cache::Mode::cache_only}) {
            requester.config().mode = mode;
            requester.expect(Outcome::loaded, xml_);
        }
    });
}

}  // namespace
}  // namespace larder::testing
