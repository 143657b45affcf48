// A program in C on libopenvino_c, which does not know of larder. Prints one line for each call, in
// the format of overloads.cpp.
#define _GNU_SOURCE
#include <openvino/c/openvino.h>
#include <stdio.h>
#include <stdlib.h>

static void must(ov_status_e status, const char* what) {
    if (status == OK) return;
    printf("%s failed %s\n", what, ov_get_last_err_msg());
    exit(1);
}

static double sum_of_outputs(ov_compiled_model_t* model) {
    ov_infer_request_t* request = NULL;
    ov_tensor_t* input = NULL;
    ov_tensor_t* output = NULL;
    void* values = NULL;
    size_t size = 0;
    double sum = 0;
    must(ov_compiled_model_create_infer_request(model, &request), "request");
    must(ov_infer_request_get_input_tensor(request, &input), "input");
    must(ov_tensor_data(input, &values), "input");
    must(ov_tensor_get_size(input, &size), "input");
    for (size_t i = 0; i < size; ++i) ((float*)values)[i] = (float)(i % 7);
    must(ov_infer_request_infer(request), "infer");
    must(ov_infer_request_get_output_tensor(request, &output), "output");
    must(ov_tensor_data(output, &values), "output");
    must(ov_tensor_get_size(output, &size), "output");
    for (size_t i = 0; i < size; ++i) sum += (double)((float*)values)[i];
    ov_tensor_free(output);
    ov_tensor_free(input);
    ov_infer_request_free(request);
    return sum;
}

// The exported blob can be imported, and computes the same.
static void export_and_import(ov_core_t* core, const char* device, ov_compiled_model_t* model,
                              double sum) {
    static char content[1 << 20];
    ov_compiled_model_t* imported = NULL;
    // In a directory that any user may write to.
    char path[] = "/tmp/larder-c-client-XXXXXX";
    const int descriptor = mkstemp(path);
    FILE* const file = descriptor < 0 ? NULL : fdopen(descriptor, "rb");
    if (file == NULL) exit(1);
    must(ov_compiled_model_export_model(model, path), "export");
    const size_t size = fread(content, 1, sizeof content, file);
    fclose(file);
    if (remove(path) != 0 || size == sizeof content) exit(1);
    must(ov_core_import_model(core, content, size, device, &imported), "import");
    if (sum_of_outputs(imported) != sum) {
        printf("import failed with another result\n");
        exit(1);
    }
    ov_compiled_model_free(imported);
}

static void report(ov_core_t* core, const char* device, const char* name,
                   ov_compiled_model_t* model) {
    char* loaded = NULL;
    must(ov_compiled_model_get_property(model, "LOADED_FROM_CACHE", &loaded), name);
    const int is_loaded = loaded[0] == 'Y' || loaded[0] == 't';
    const double sum = sum_of_outputs(model);
    printf("%s %s %.9g\n", name, is_loaded ? "loaded" : "compiled", sum);
    export_and_import(core, device, model, sum);
    ov_free(loaded);
    ov_compiled_model_free(model);
}

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const char* const device = argc > 2 ? argv[2] : "CPU";
    // The default, or properties that decide no blob.
    const char* const hint = argc > 2 ? "PERFORMANCE_HINT" : "INFERENCE_NUM_THREADS";
    const char* const value = argc > 2 ? "LATENCY" : "1";
    ov_core_t* core = NULL;
    ov_model_t* model = NULL;
    ov_compiled_model_t* compiled = NULL;
    must(ov_core_create(&core), "core");
    must(ov_core_compile_model_from_file(core, argv[1], device, 0, &compiled), "file");
    report(core, device, "file", compiled);
    must(ov_core_read_model(core, argv[1], NULL, &model), "read");
    must(ov_core_compile_model(core, model, device, 2, &compiled, hint, value), "model");
    report(core, device, "model", compiled);
    ov_model_free(model);
    if (ov_core_compile_model_from_file(core, "no such file.xml", device, 0, &compiled) == OK) {
        return 1;
    }
    printf("missing failed %s\n", ov_get_last_err_msg());
    ov_core_free(core);
    return 0;
}
