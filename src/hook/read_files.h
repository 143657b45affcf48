// Which file a model was read from: what people know it by, and nothing in the model says.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include <openvino/core/model.hpp>

namespace larder::hook {

// Thread-safe. Keeps no model alive. If another thread is using it, or was when the process was
// forked, nothing is noted and nothing is found: no thread waits for a name.
class ReadFiles {
public:
    void note(const std::shared_ptr<const ov::Model>& model, std::filesystem::path file);
    // Empty where that is not known.
    [[nodiscard]] std::filesystem::path find(const std::shared_ptr<const ov::Model>& model);

private:
    struct Read {
        std::weak_ptr<const ov::Model> model;
        std::filesystem::path file;
    };
    std::mutex mutex_;
    std::vector<Read> read_;
};

}  // namespace larder::hook
