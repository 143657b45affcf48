// format/topology_constants.h: constants are found where they are, and nowhere else.
#include "format/topology_constants.h"

#include <string>

#include <gtest/gtest.h>

#include "format/repeated_key.h"

namespace larder::internal::format {
namespace {

std::string net(const std::string& layers, const std::string& rest = "") {
    return std::string(k_topology_begin) + "<net name=\"m\" version=\"11\">\n\t<layers>\n" +
           layers + "\t</layers>\n\t<edges />\n" + rest + std::string(k_topology_end);
}
std::string layer(const std::string& type, const std::string& inside,
                  const std::string& name = "c") {
    return "<layer id=\"0\" name=\"" + name + "\" type=\"" + type + "\" version=\"opset1\">\n" +
           inside + "</layer>\n";
}
std::string place(const std::string& offset, const std::string& size) {
    return "<data element_type=\"f32\" shape=\"4\" offset=\"" + offset + "\" size=\"" + size +
           "\" />\n";
}
std::string constant(const std::string& offset, const std::string& size) {
    return layer("Const", place(offset, size));
}

using Places = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

// Also empty if it is refused.
Places places_in(const std::string& text) {
    Places places;
    for (const auto& mention : find_constants(text).value_or(std::vector<ConstantMention>{})) {
        EXPECT_EQ(text.substr(mention.position, mention.digits), std::to_string(mention.offset));
        places.emplace_back(mention.offset, mention.bytes);
    }
    return places;
}
Errc fault_of(const std::string& text) {
    const auto found = find_constants(text);
    return found ? Errc::io : found.error().code;
}

TEST(TopologyConstants, AreFoundInTheOrderOfTheText) {
    const auto text =
        net(constant("10", "4") + layer("Add", "<data auto_broadcast=\"numpy\" />\n") +
            constant("0", "8") + constant("18446744073709551615", "0"));
    EXPECT_EQ(places_in(text), (Places{{10, 4}, {0, 8}, {~std::uint64_t{0}, 0}}));
    EXPECT_EQ(find_constants(net(""))->size(), 0U);
}

TEST(TopologyConstants, AreFoundInBodies) {
    const auto body = [](const std::string& name, const std::string& layers) {
        return "<" + name + ">\n<layers>\n" + layers + "</layers>\n<edges />\n<rt_info />\n</" +
               name + ">\n";
    };
    const auto inner = layer("Loop", body("body", constant("7", "1")));
    const auto text = net(layer("If", body("then_body", constant("1", "2") + inner) +
                                          body("else_body", constant("3", "4"))) +
                          constant("5", "6"));
    EXPECT_EQ(places_in(text), (Places{{1, 2}, {7, 1}, {3, 4}, {5, 6}}));
}

TEST(TopologyConstants, AreNotFoundElsewhere) {
    const std::string other_file =
        "<rt_info>\n<attribute name=\"WeightlessCacheAttribute\" version=\"0\" "
        "original_dtype=\"FP32\" bin_offset=\"640\" original_size=\"4\" />\n"
        "<attribute offset=\"77\" size=\"1\" />\n"
        "<layers><layer type=\"Const\"><data offset=\"5\" size=\"6\" /></layer></layers>\n"
        "<data offset=\"1\" size=\"2\" />\n</rt_info>\n";
    const std::string name = "/&gt;&lt;data offset=&quot;5&quot; size=&quot;6&quot;/>' offset='3";
    const auto ports = "<output>\n<port id=\"0\" names=\"" + name +
                       "\">\n<dim>4</dim>\n</port>\n"
                       "<data offset=\"1\" size=\"2\" />\n</output>\n";
    const auto text = net(layer("Const", place("8", "16") + other_file + ports, name) +
                              layer("PriorBox", "<data offset=\"0.5\" step=\"2\" />\n") +
                              layer("Parameter", "<data shape=\"1\" size=\"2\" />\n"),
                          other_file);
    EXPECT_EQ(places_in(text), (Places{{8, 16}}));
}

TEST(TopologyConstants, OfAnotherKindOfLayerAreUnsupported) {
    EXPECT_EQ(fault_of(net(layer("Lookup", place("0", "4")))), Errc::unsupported);
}

TEST(TopologyConstants, AreRefusedIfTheyCanBeUnderstoodInTwoWays) {
    const auto good = net(constant("0", "4"));
    ASSERT_EQ(places_in(good).size(), 1U);
    const auto with = [&](const std::string& what, const std::string& instead) {
        auto text = good;
        return text.replace(text.find(what), what.size(), instead);
    };
    const auto blocks = {
        with("offset=\"0\"", "offset=\"0\" offset=\"8\""),
        with("size=\"4\"", "size=\"4\" size=\"8\""),
        with("offset=\"0\"", "offset=\"00\""),
        with("offset=\"0\"", "offset=\"+1\""),
        with("offset=\"0\"", "offset=\"-1\""),
        with("offset=\"0\"", "offset=\" 1\""),
        with("offset=\"0\"", "offset=\"0x1\""),
        with("offset=\"0\"", "offset=\"&#49;\""),
        with("offset=\"0\"", "offset=\"\""),
        with("offset=\"0\"", "offset=\"18446744073709551616\""),
        with("offset=\"0\"", "offset='0'"),
        with("offset=\"0\"", "offset = \"0\""),
        with("offset=\"0\"", ""),
        with("offset=\"0\"", "offset"),
        with("size=\"4\"", ""),
        with("type=\"Const\"", ""),
        with("type=\"Const\"", "type=\"Const\" type=\"Add\""),
        with(" shape", "  shape"),
        with(" shape", "\tshape"),
        with(" shape", std::string(1, '\0') + "shape"),
        with("</layer>", "<!-- </layer> --></layer>"),
        with("</layer>", "<![CDATA[</layer>]]></layer>"),
        with("</layer>", "<?x </layer> ?></layer>"),
        with("</layer>", "</layers>"),
        with("</layer>", place("8", "4") + "</layer>"),
        with("</layer>", ""),
        with("</layer>", "</layer >"),
        with("<data", "<d&#97;ta"),
        with("<data", "<xx:data"),
        with("<layer ", "<later "),
        with("<net ", "<met "),
        with("</net>", "</net><net></net>"),
        with("</net>", "</net>x"),
        with("<net ", "x<net "),
        with("<?xml version=\"1.0\"?>\n", "<?xml version=\"1.0\"?>"),
    };
    int number = 0;
    for (const auto& text : blocks) EXPECT_EQ(fault_of(text), Errc::damaged) << ++number;
    for (std::size_t size = 0; size + 1 < good.size(); ++size) {
        EXPECT_EQ(fault_of(good.substr(0, size)), Errc::damaged) << size;
    }
}

TEST(TopologyConstants, AreFoundInAHugeText) {
    std::string layers;
    constexpr std::size_t k_count = 50'000;
    for (std::size_t i = 0; i < k_count; ++i) layers += constant(std::to_string(i), "1");
    EXPECT_EQ(places_in(net(layers)).size(), k_count);
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "<a>";
    EXPECT_EQ(fault_of(net(deep)), Errc::damaged);
    EXPECT_EQ(fault_of(net("", deep)), Errc::damaged);
}

}  // namespace
}  // namespace larder::internal::format
