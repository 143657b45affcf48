// Whether a thread is in one of larder's requests: what is compiled meanwhile is not the program's.
#pragma once

namespace larder::api {

// One request of this thread; a model's builder may make another meanwhile.
class Serving {
public:
    Serving();
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;
    ~Serving();

    // Of this thread, by whichever of larder's libraries in the process.
    [[nodiscard]] static bool is_under_way() noexcept;

private:
    bool before_;
};

}  // namespace larder::api
