/* Tests of modules, natively: packs records as the host does, and unpacks what comes out as it does. */
#include "../sluicebox_testing.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- memory, all of it given back at the end ---- */

struct sb_test_memory {
    struct sb_test_memory *next;
};

/* Zeroes, exactly as many as asked for: sanitizers see what is read behind them. */
static void *sb_take_memory(sb_test *test, size_t size) {
    struct sb_test_memory *memory = calloc(1, sizeof *memory + size);
    if (!memory) abort();
    memory->next = test->memory;
    test->memory = memory;
    return memory + 1;
}

static sb_bytes sb_owned(sb_test *test, sb_bytes bytes) {
    if (!bytes.data) return bytes;
    char *copy = sb_take_memory(test, bytes.length + 1);
    if (bytes.length) memcpy(copy, bytes.data, bytes.length);
    return (sb_bytes){copy, bytes.length};
}

/* ---- records ---- */

struct sb_test_rows {
    sb_buffer records; /* of sb_record, each with memory of its own */
};

static sb_record *sb_record_at(const sb_test *test, size_t row) {
    return (sb_record *)test->rows->records.data + row;
}

static size_t sb_record_count(const sb_test *test) {
    return test->rows->records.length / sizeof(sb_record);
}

sb_test *sb_test_start(const char *config) {
    sb_test *test = calloc(1, sizeof *test);
    if (!test) abort();
    test->rows = calloc(1, sizeof *test->rows);
    const sb_initialised *done = sb_call_init(config ? config : "null", strlen(config ? config : "null"));
    if (done->is_error) test->refusal = sb_owned(test, (sb_bytes){done->message.data, done->message.length});
    return test;
}

void sb_test_add_bytes(sb_test *test, sb_bytes key, sb_bytes value) {
    sb_record record = {.key = sb_owned(test, key), .value = sb_owned(test, value)};
    sb_put(&test->rows->records, &record, sizeof record);
}

void sb_test_add(sb_test *test, const char *key, const char *value) {
    sb_test_add_bytes(test, sb_text(key), sb_text(value));
}

void sb_test_header(sb_test *test, const char *name, const char *value) {
    sb_record *record = sb_record_at(test, sb_record_count(test) - 1);
    sb_buffer headers = {0};
    if (record->headers.data) sb_put(&headers, record->headers.data, record->headers.length);
    sb_put_header_part(&headers, sb_text(name));
    sb_put_header_part(&headers, sb_text(value));
    record->headers = sb_owned(test, (sb_bytes){headers.data, headers.length});
    sb_free(&headers);
}

void sb_test_at_ms(sb_test *test, int64_t timestamp_ms) {
    sb_record_at(test, sb_record_count(test) - 1)->timestamp_ms = timestamp_ms;
}

static sb_bytes sb_read_file(sb_test *test, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: can't be read\n", path);
        exit(1);
    }
    sb_buffer text = {0};
    char block[4096];
    for (size_t length; (length = fread(block, 1, sizeof block, file)) > 0;) sb_put(&text, block, length);
    fclose(file);
    sb_bytes owned = sb_owned(test, (sb_bytes){text.data ? text.data : "", text.length});
    sb_free(&text);
    return owned;
}

/* The next line, without its end; false behind the last. */
static bool sb_next_line(sb_bytes *rest, sb_bytes *line) {
    if (!rest->length) return false;
    const char *end = memchr(rest->data, '\n', rest->length);
    *line = (sb_bytes){rest->data, end ? (size_t)(end - rest->data) : rest->length};
    size_t taken = line->length + (end != NULL);
    rest->data += taken;
    rest->length -= taken;
    return true;
}

void sb_test_add_file(sb_test *test, const char *path, const char *key) {
    sb_bytes rest = sb_read_file(test, path), line;
    while (sb_next_line(&rest, &line)) {
        sb_error error;
        sb_json found = {NULL, 0};
        sb_bytes of_line = sb_text(key ? "nobody" : NULL);
        if (key && sb_find(line, key, &found, &error) && found.data) {
            sb_reader reader = sb_reader_of(found, &error);
            sb_read_text(&reader, &of_line);
        }
        sb_test_add_bytes(test, of_line, line);
    }
}

/* ---- packing ---- */

/* Something packed; each buffer is exactly as large as its content. */
typedef struct sb_test_packing {
    sb_buffer data, index, timestamps;
} sb_test_packing;

static sb_list sb_packed_list(sb_test *test, sb_buffer *buffer, size_t item_size) {
    void *exact = sb_take_memory(test, buffer->length);
    if (buffer->length) memcpy(exact, buffer->data, buffer->length);
    sb_list list = {exact, buffer->length / item_size};
    sb_free(buffer);
    return list;
}

static void sb_pack_field(sb_test_packing *packing, sb_bytes field) {
    uint32_t index[2] = {(uint32_t)packing->data.length, field.data ? (uint32_t)field.length : SB_NULL};
    if (field.data) sb_put(&packing->data, field.data, field.length);
    sb_put(&packing->index, index, sizeof index);
}

static sb_batch sb_pack_records(sb_test *test, size_t from, size_t count) {
    sb_test_packing packing = {0};
    for (size_t row = from; row < from + count; row++) {
        const sb_record *record = sb_record_at(test, row);
        sb_pack_field(&packing, record->key);
        sb_pack_field(&packing, record->value);
        sb_pack_field(&packing, record->headers);
        sb_put(&packing.timestamps, &record->timestamp_ms, sizeof record->timestamp_ms);
    }
    return (sb_batch){sb_packed_list(test, &packing.data, 1), sb_packed_list(test, &packing.index, 4),
                      sb_packed_list(test, &packing.timestamps, 8)};
}

static sb_packed sb_pack_items(sb_test *test, const sb_bytes *items, size_t count) {
    sb_test_packing packing = {0};
    for (size_t i = 0; i < count; i++) sb_pack_field(&packing, items[i]);
    return (sb_packed){sb_packed_list(test, &packing.data, 1), sb_packed_list(test, &packing.index, 4)};
}

/* ---- results ---- */

static sb_test_error *sb_take_errors(sb_test *test, sb_list errors, size_t first_row) {
    sb_test_error *taken = sb_take_memory(test, errors.length * sizeof *taken);
    for (size_t i = 0; i < errors.length; i++) {
        const sb_row_error *error = (const sb_row_error *)errors.data + i;
        sb_bytes message = {error->message.data, error->message.length};
        SB_CHECK(sb_is_utf8(message) && message.length <= SB_MESSAGE_BYTES_MAX);
        taken[i] = (sb_test_error){error->row + first_row, sb_owned(test, message)};
    }
    return taken;
}

/* A field of an output: its own, or its parent's. */
static sb_bytes sb_take_field(sb_test *test, sb_list data, const uint32_t *at, sb_bytes of_parent) {
    return sb_owned(test, at[1] == SB_SAME ? of_parent : sb_slice(data, at));
}

static sb_test_output *sb_take_outputs(sb_test *test, const sb_emitted *emitted, const sb_record *parents, size_t parent_count) {
    size_t count = emitted->parents.length;
    const uint32_t *index = emitted->output.index.data, *of = emitted->parents.data;
    sb_test_output *outputs = sb_take_memory(test, count * sizeof *outputs);
    SB_CHECK(emitted->output.index.length == count * SB_RECORD_NUMBERS);
    for (size_t i = 0; i < count; i++, index += SB_RECORD_NUMBERS) {
        SB_CHECK(of[i] < parent_count && (i == 0 || of[i - 1] <= of[i]));
        const sb_record *parent = &parents[of[i]];
        outputs[i] = (sb_test_output){of[i], sb_take_field(test, emitted->output.data, index, parent->key),
                                      sb_take_field(test, emitted->output.data, index + 2, parent->value),
                                      sb_take_field(test, emitted->output.data, index + 4, parent->headers), parent->timestamp_ms};
    }
    return outputs;
}

void sb_test_run(sb_test *test) {
    size_t rows = sb_record_count(test);
    sb_batch input = sb_pack_records(test, 0, rows);
    if (sluicebox_udf.keep) {
        const sb_kept *kept = sb_call_keep(input);
        const uint8_t *bits = kept->bitmap.data;
        SB_CHECK(kept->bitmap.length == (rows + 7) / 8);
        SB_CHECK(rows % 8 == 0 || bits[rows / 8] >> rows % 8 == 0);
        test->kept = sb_take_memory(test, rows * sizeof *test->kept);
        test->kept_count = 0;
        for (size_t row = 0; row < rows; row++)
            if (bits[row / 8] >> row % 8 & 1) test->kept[test->kept_count++] = row;
        test->errors = sb_take_errors(test, kept->errors, 0);
        test->error_count = kept->errors.length;
    } else {
        SB_CHECK(sluicebox_udf.apply != NULL);
        const sb_emitted *emitted = sb_call_apply(input);
        test->outputs = sb_take_outputs(test, emitted, sb_record_at(test, 0), rows);
        test->output_count = emitted->parents.length;
        test->errors = sb_take_errors(test, emitted->errors, 0);
        test->error_count = emitted->errors.length;
    }
    sb_release();
}
