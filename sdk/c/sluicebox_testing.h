/* Run a module natively over records in memory: the same reading, packing and "same as my parent's" as in Wasm, and the config read as
 * `init` reads it. In a module's own tests this is as good as the sandbox, and needs no Wasm. Link the test with the module and
 * sluicebox.c; run it under -fsanitize=address,undefined.
 *
 *     int main(void) {
 *         sb_test *test = sb_test_start("{\"minimum\":10}");
 *         sb_test_add(test, "ann", "{\"amount\":9}");
 *         sb_test_add(test, "ann", "?");
 *         sb_test_run(test);
 *         SB_CHECK(test->kept_count == 0 && test->error_count == 1 && test->errors[0].row == 1);
 *         sb_test_end(test);
 *         return sb_test_failures();
 *     } */
#ifndef SLUICEBOX_TESTING_H
#define SLUICEBOX_TESTING_H

#include "sluicebox.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An output with everything it has in the end, also what it took from its parent. Texts are ended by a zero. */
typedef struct sb_test_output {
    size_t parent; /* its input row, or its group */
    sb_bytes key;
    sb_bytes value; /* null: a tombstone */
    sb_bytes headers; /* see sb_next_header */
    int64_t timestamp_ms;
} sb_test_output;

/* A row (or a group) that failed, and why. */
typedef struct sb_test_error {
    size_t row;
    sb_bytes message;
} sb_test_error;

/* A test: records go in, results come out. */
typedef struct sb_test {
    sb_bytes refusal; /* why the config was refused, null if it was not */

    size_t kept_count;
    size_t *kept; /* rows that a filter kept */

    size_t output_count;
    sb_test_output *outputs; /* of a window aggregate: keys in the order of their first record */

    size_t merged_count;
    sb_test_output *merged; /* the same where each record had an accumulator of its own first, and `merge` joined them */

    size_t error_count;
    sb_test_error *errors; /* in `accumulate`, of a window aggregate */
    size_t finish_error_count;
    sb_test_error *finish_errors; /* in `finish` */

    struct sb_test_rows *rows; /* the input */
    struct sb_test_memory *memory;
} sb_test;

/* Start with this config, JSON text; NULL is none. */
sb_test *sb_test_start(const char *config);

/* Add a record; NULL is null. */
void sb_test_add(sb_test *test, const char *key, const char *value);
void sb_test_add_bytes(sb_test *test, sb_bytes key, sb_bytes value);

/* Give the record that was added last a header, or an event time. */
void sb_test_header(sb_test *test, const char *name, const char *value);
void sb_test_at_ms(sb_test *test, int64_t timestamp_ms);

/* Add each line of a file as a record; its key is what it has in this field ("nobody" if it hasn't), null if `key` is NULL. */
void sb_test_add_file(sb_test *test, const char *path, const char *key);

/* Run the filter or the map. */
void sb_test_run(sb_test *test);

/* Run the window aggregate; all records are of one window. A failed check if its accumulators depend on how rows are split into calls. */
void sb_test_run_window(sb_test *test, int64_t start_ms, int64_t end_ms);

/* Check that the values of what was kept, or of the outputs, are the lines of this file. */
void sb_test_expect_file(sb_test *test, const char *path);

/* Value of the last header of this name of an output; null if there is none. */
sb_bytes sb_test_output_header(const sb_test_output *output, const char *name);

/* End it, with all its memory. */
void sb_test_end(sb_test *test);

/* How many checks failed: what `main` returns. */
int sb_test_failures(void);

void sb_check(bool is_right, const char *what, const char *file, int line);
void sb_check_text(sb_bytes is, const char *should, const char *what, const char *file, int line);

/* Check a condition. */
#define SB_CHECK(condition) sb_check(condition, #condition, __FILE__, __LINE__)
/* Check that bytes are this text; NULL is null. */
#define SB_CHECK_TEXT(bytes, text) sb_check_text(bytes, text, #bytes, __FILE__, __LINE__)

#ifdef __cplusplus
}
#endif

#endif
