// Tells whether a thread is in one of larder's requests: models that it compiles meanwhile are not
// requests of the program.
#pragma once

namespace larder::api {

// Marks this thread as serving a request; the builder of a model may make another request
// meanwhile.
class Serving {
public:
    Serving();
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;
    ~Serving();

    // Of this thread, for all of larder's libraries in the process.
    [[nodiscard]] static bool is_under_way() noexcept;

private:
    bool before_;
};

}  // namespace larder::api
