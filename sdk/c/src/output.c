/* Outputs, packed: values are written straight into the one buffer that leaves, and what is the parent's crosses without a byte. */
#include "../sluicebox.h"

typedef enum sb_source { SB_OF_PARENT, SB_IS_NULL, SB_WRITTEN } sb_source;

struct sb_outputs {
    sb_buffer data;
    sb_buffer index;   /* six numbers an output */
    sb_buffer parents; /* one number an output */
    /* The parent, whose turn it is. */
    uint32_t parent;
    sb_bytes parent_headers;
    bool is_window;
    /* The output that was begun last, until the next one or the end of its parent. */
    bool is_open;
    sb_source value, key;
    bool drops_headers;
    const char *failure; /* what was wrong with an output of this parent, NULL if nothing */
    sb_buffer key_bytes;
    sb_buffer headers_added;
};

/* A length to go back to: of a row that fails no output leaves. */
typedef struct sb_outputs_mark {
    size_t data, index, parents;
} sb_outputs_mark;

static sb_outputs_mark sb_outputs_now(const sb_outputs *outputs) {
    return (sb_outputs_mark){outputs->data.length, outputs->index.length, outputs->parents.length};
}

static void sb_outputs_rewind(sb_outputs *outputs, sb_outputs_mark mark) {
    outputs->is_open = false;
    outputs->data.length = mark.data;
    outputs->index.length = mark.index;
    outputs->parents.length = mark.parents;
}

static void sb_outputs_clear(sb_outputs *outputs) {
    outputs->is_open = false;
    sb_clear(&outputs->data);
    sb_clear(&outputs->index);
    sb_clear(&outputs->parents);
    sb_clear(&outputs->key_bytes);
    sb_clear(&outputs->headers_added);
}

static void sb_outputs_begin(sb_outputs *outputs, uint32_t parent, sb_bytes headers, bool is_window) {
    outputs->parent = parent;
    outputs->parent_headers = headers;
    outputs->is_window = is_window;
    outputs->is_open = false;
    outputs->failure = NULL;
}

/* Append what is kept of the headers and what is added. */
static void sb_put_headers(sb_outputs *outputs, uint32_t at[2]) {
    sb_buffer *data = &outputs->data, *added = &outputs->headers_added;
    bool keeps = !outputs->is_window && !outputs->drops_headers;
    at[0] = 0;
    at[1] = keeps ? SB_SAME : SB_NULL;
    if (!added->length) return;
    at[0] = (uint32_t)data->length;
    if (keeps && outputs->parent_headers.data) sb_put(data, outputs->parent_headers.data, outputs->parent_headers.length);
    sb_put(data, added->data, added->length);
    at[1] = (uint32_t)data->length - at[0];
}

/* End the output that was begun last. */
static void sb_close(sb_outputs *outputs) {
    if (!outputs->is_open) return;
    outputs->is_open = false;
    sb_buffer *data = &outputs->data;
    if (outputs->value == SB_OF_PARENT && outputs->is_window) outputs->failure = "a window has no value to keep";
    if (data->depth) outputs->failure = "the output's JSON has an object or array that is not ended";
    uint32_t index[6] = {0, SB_SAME, 0, SB_SAME, 0, SB_SAME};
    if (outputs->value == SB_IS_NULL) index[3] = SB_NULL;
    if (outputs->value == SB_WRITTEN) {
        index[2] = (uint32_t)data->start;
        index[3] = (uint32_t)(data->length - data->start);
    }
    if (outputs->key == SB_IS_NULL) index[1] = SB_NULL;
    if (outputs->key == SB_WRITTEN) {
        index[0] = (uint32_t)data->length;
        index[1] = (uint32_t)outputs->key_bytes.length;
        sb_put(data, outputs->key_bytes.data, outputs->key_bytes.length);
    }
    sb_put_headers(outputs, index + 4);
    if (data->length > INT32_MAX) outputs->failure = "the outputs of one call are more than 2 GiB";
    sb_put(&outputs->index, index, sizeof index);
    sb_put(&outputs->parents, &outputs->parent, sizeof outputs->parent);
}

/* The parent's turn is over: false if one of its outputs can't leave. */
static bool sb_outputs_end(sb_outputs *outputs, sb_error *error) {
    sb_close(outputs);
    return !outputs->failure || sb_fail(error, "%s", outputs->failure);
}

/* Begin an output whose value comes from there. */
static void sb_open(sb_outputs *outputs, sb_source value) {
    sb_close(outputs);
    outputs->is_open = true;
    outputs->value = value;
    outputs->key = SB_OF_PARENT;
    outputs->drops_headers = false;
    outputs->headers_added.length = 0;
    outputs->data.start = outputs->data.length;
    outputs->data.depth = 0;
}

sb_buffer *sb_emit(sb_outputs *outputs) {
    sb_open(outputs, SB_WRITTEN);
    return &outputs->data;
}

void sb_emit_bytes(sb_outputs *outputs, sb_bytes value) {
    sb_open(outputs, value.data ? SB_WRITTEN : SB_IS_NULL);
    if (value.data) sb_put(&outputs->data, value.data, value.length);
}

void sb_emit_same(sb_outputs *outputs) {
    sb_open(outputs, SB_OF_PARENT);
}

static void sb_need_output(const sb_outputs *outputs) {
    if (!outputs->is_open) sb_trap("no output was begun that could have a key or headers");
}

void sb_set_key(sb_outputs *outputs, sb_bytes key) {
    sb_need_output(outputs);
    outputs->key = key.data ? SB_WRITTEN : SB_IS_NULL;
    outputs->key_bytes.length = 0;
    if (key.data) sb_put(&outputs->key_bytes, key.data, key.length);
}

void sb_drop_headers(sb_outputs *outputs) {
    sb_need_output(outputs);
    outputs->drops_headers = true;
}

void sb_add_header(sb_outputs *outputs, const char *name, sb_bytes value) {
    sb_need_output(outputs);
    sb_put_header_part(&outputs->headers_added, sb_text(name));
    sb_put_header_part(&outputs->headers_added, value);
}
