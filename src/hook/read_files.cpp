#include "hook/read_files.h"

#include <algorithm>
#include <utility>

namespace larder::hook {
namespace {

// Of a program that keeps more, the last are named.
constexpr std::size_t k_models_max = 256;

}  // namespace

void ReadFiles::note(const std::shared_ptr<const ov::Model>& model, std::filesystem::path file) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || !model) return;
    std::erase_if(read_, [](const Read& read) { return read.model.expired(); });
    if (read_.size() >= k_models_max) read_.erase(read_.begin());
    read_.push_back({model, std::move(file)});
}

std::filesystem::path ReadFiles::find(const std::shared_ptr<const ov::Model>& model) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return {};
    const auto is_it = [&](const Read& read) {
        return !read.model.owner_before(model) && !model.owner_before(read.model);
    };
    const auto found = std::ranges::find_if(read_, is_it);
    return found == read_.end() ? std::filesystem::path{} : found->file;
}

}  // namespace larder::hook
