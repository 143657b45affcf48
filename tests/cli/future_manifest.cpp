// Changes the format of a manifest to an unknown one, with a correct digest.
#include <fstream>
#include <iterator>
#include <string>

#include "format/sealed_json.h"

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    std::ifstream in(argv[1]);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    auto json = larder::internal::format::Json::parse(text);
    json.erase("digest");
    json["format"] = 99;
    std::ofstream(argv[1]) << larder::internal::format::seal_json(std::move(json));
    return 0;
}
