// A host program that "compiles" by reversing its weights.
//
//     c_host LARDER STATE WEIGHTS COMPILES
//
// Adds a line to the file COMPILES for each compile, and prints "outcome key right|wrong".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "larder/larder.h"

enum { k_weights_max = 1 << 22 };

struct model {
    const unsigned char* weights;
    size_t size;
    const char* compiles;
    unsigned char* compiled;
};

static int compile(void* context) {
    struct model* const model = context;
    FILE* const compiles = fopen(model->compiles, "a");
    if (compiles == NULL) return 1;
    fputs("compiled\n", compiles);
    fclose(compiles);
    for (size_t i = 0; i < model->size; ++i) {
        model->compiled[i] = model->weights[model->size - 1 - i];
    }
    return 0;
}

// Its end first, as an exporter that patches its header.
static int export_blob(void* context, larder_sink* sink) {
    const struct model* const model = context;
    const size_t half = model->size / 2;
    if (larder_sink_write(sink, half, model->compiled + half, model->size - half) != LARDER_OK) {
        return 1;
    }
    return larder_sink_write(sink, 0, model->compiled, half) != LARDER_OK;
}

static int import_blob(void* context, const larder_blob* blob) {
    const struct model* const model = context;
    if (larder_blob_size(blob) != model->size) return 1;
    memcpy(model->compiled, larder_blob_data(blob), model->size);
    return 0;
}

static int is_right(const struct model* model) {
    for (size_t i = 0; i < model->size; ++i) {
        if (model->compiled[i] != model->weights[model->size - 1 - i]) return 0;
    }
    return 1;
}

static int report(const larder_error* error) {
    fprintf(stderr, "c_host: %s\n", error == NULL ? "no memory" : larder_error_text(error));
    return 1;
}

int main(int count, char** words) {
    static unsigned char weights[k_weights_max];
    static unsigned char compiled[k_weights_max];
    static const char* const outcomes[] = {"compiled", "loaded", "waited", "bypassed"};
    if (count != 5) return 2;
    FILE* const file = fopen(words[3], "rb");
    if (file == NULL) return 2;
    struct model model = {weights, fread(weights, 1, sizeof weights, file), words[4], compiled};
    fclose(file);

    const larder_setting settings[] = {{"directory", words[1]}, {"state_directory", words[2]}};
    larder_cache* cache = NULL;
    larder_error* error = NULL;
    if (larder_open(settings, 2, &cache, &error) != LARDER_OK) return report(error);

    const larder_bytes content = {weights, model.size};
    const larder_request request = {.model = words[3],
                                    .content = &content,
                                    .content_count = 1,
                                    .runtime = "c_host 1",
                                    .device = "CPU"};
    const larder_host host = {compile, export_blob, import_blob};
    larder_result* result = NULL;
    if (larder_load(cache, &request, &host, &model, &result, &error) != LARDER_OK) {
        return report(error);
    }
    printf("%s %s %s\n", outcomes[larder_result_outcome(result)], larder_result_key(result),
           is_right(&model) ? "right" : "wrong");
    larder_result_free(result);
    larder_close(cache);
    return 0;
}
