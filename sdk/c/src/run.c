/* From a batch to calls of the author's function and back: filters and maps. Results lie in buffers that stay between calls. */
#include "../sluicebox.h"

static sb_buffer sb_errors, sb_bitmap;
static sb_outputs sb_sent;

static void sb_add_error(size_t row, const sb_error *error) {
    sb_bytes message = sb_copy((sb_bytes){error->text, error->length});
    sb_row_error one = {.row = (uint32_t)row, .message = {message.data, message.length}};
    sb_put(&sb_errors, &one, sizeof one);
}

static sb_list sb_list_of(const sb_buffer *buffer, size_t item_size) {
    return (sb_list){buffer->data, buffer->length / item_size};
}

static sb_list sb_error_list(void) {
    return sb_list_of(&sb_errors, sizeof(sb_row_error));
}

static bool sb_is_failed(size_t row) {
    const sb_row_error *errors = (const sb_row_error *)sb_errors.data;
    size_t low = 0, high = sb_errors.length / sizeof(sb_row_error);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (errors[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sb_errors.length / sizeof(sb_row_error) && errors[low].row == row;
}

const sb_kept *sb_call_keep(sb_batch input) {
    static sb_kept kept;
    static sb_error error;
    size_t rows = sb_rows(input);
    sb_clear(&sb_errors);
    sb_clear(&sb_bitmap);
    sb_reserve(&sb_bitmap, rows / 8 + 1);
    memset(sb_bitmap.data, 0, rows / 8 + 1);
    sb_bitmap.length = (rows + 7) / 8;
    sb_mark mark = sb_mark_now();
    for (size_t row = 0; row < rows; row++) {
        sb_record record = sb_row(input, row);
        bool keep = false;
        error.length = 0;
        bool is_done = sluicebox_udf.keep(&record, &keep, &error);
        sb_rewind(mark);
        if (is_done) {
            sb_bitmap.data[row / 8] |= (char)(keep << row % 8);
        } else {
            sb_add_error(row, &error);
            mark = sb_mark_now();
        }
    }
    kept = (sb_kept){.bitmap = sb_list_of(&sb_bitmap, 1), .errors = sb_error_list()};
    return &kept;
}

/* What was sent, in the shape that leaves. */
static const sb_emitted *sb_emitted_now(void) {
    static sb_emitted emitted;
    emitted = (sb_emitted){
        .output = {.data = sb_list_of(&sb_sent.data, 1), .index = sb_list_of(&sb_sent.index, sizeof(uint32_t))},
        .parents = sb_list_of(&sb_sent.parents, sizeof(uint32_t)),
        .errors = sb_error_list(),
    };
    return &emitted;
}

const sb_emitted *sb_call_apply(sb_batch input) {
    static sb_error error;
    size_t rows = sb_rows(input);
    sb_clear(&sb_errors);
    sb_outputs_clear(&sb_sent);
    sb_mark mark = sb_mark_now();
    for (size_t row = 0; row < rows; row++) {
        sb_record record = sb_row(input, row);
        sb_outputs_mark sent = sb_outputs_now(&sb_sent);
        sb_outputs_begin(&sb_sent, (uint32_t)row, record.headers, false);
        error.length = 0;
        bool is_done = sluicebox_udf.apply(&record, &sb_sent, &error) && sb_outputs_end(&sb_sent, &error);
        sb_rewind(mark);
        if (is_done) continue;
        sb_outputs_rewind(&sb_sent, sent);
        sb_add_error(row, &error);
        mark = sb_mark_now();
    }
    return sb_emitted_now();
}

const sb_initialised *sb_call_init(const char *config, size_t length) {
    static sb_initialised initialised;
    static sb_error error;
    error.length = 0;
    sb_bytes text = sb_copy((sb_bytes){config ? config : "", length});
    bool is_done = sluicebox_udf.init ? sluicebox_udf.init(text, &error) : sb_no_config(text, &error);
    sb_free_blocks(&sb_permanent);
    sb_keep_blocks();
    initialised = (sb_initialised){.is_error = !is_done, .message = {error.text, error.length}};
    return &initialised;
}

void sb_release(void) {
    sb_empty_blocks();
}
