# Read by each project of llama-cpp-python before its options, as plain variables: it overwrites
# what is cached.
set(GGML_OPENVINO ON)
set(GGML_NATIVE OFF) # any x86-64 with AVX2
# Neither the library of llama.cpp's programs, the better part of the build, nor that of pictures.
set(LLAMA_BUILD_COMMON OFF)
set(LLAVA_BUILD OFF)
# Where it puts libllama and the backends that it knows; OpenVINO's is not among them.
set(CMAKE_INSTALL_LIBDIR llama_cpp/lib)
set(CMAKE_INSTALL_RPATH "$ORIGIN;$ORIGIN/../../openvino/libs")
