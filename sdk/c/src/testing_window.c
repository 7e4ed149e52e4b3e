/* Tests of window aggregates, natively, which hold them to their contract: however the rows are split into calls, the accumulators must
 * be the same bytes. And the checks that tests make. */
#include "../sluicebox_testing.h"
#include <stdio.h>
#include <stdlib.h>

/* The records of a test by key. */
typedef struct sb_grouping {
    size_t count;
    sb_bytes *keys;
    uint32_t *of_row;
} sb_grouping;

static sb_grouping sb_group(sb_test *test) {
    size_t rows = sb_record_count(test);
    sb_grouping groups = {0, sb_take_memory(test, rows * sizeof(sb_bytes)), sb_take_memory(test, rows * sizeof(uint32_t))};
    for (size_t row = 0; row < rows; row++) {
        size_t group = 0;
        while (group < groups.count && !sb_same(groups.keys[group], sb_record_at(test, row)->key)) group++;
        if (group == groups.count) groups.keys[groups.count++] = sb_record_at(test, row)->key;
        groups.of_row[row] = (uint32_t)group;
    }
    return groups;
}

/* Copies of accumulators that a call returned. */
static sb_bytes *sb_take_items(sb_test *test, sb_packed packed) {
    sb_bytes *items = sb_take_memory(test, sb_items(packed) * sizeof *items);
    for (size_t i = 0; i < sb_items(packed); i++) items[i] = sb_owned(test, sb_item(packed, i));
    return items;
}

/* Fold one record into an accumulator; answers the new one, and the error if there is one. */
static sb_bytes sb_fold_one(sb_test *test, sb_bytes accumulator, size_t row, sb_test_error **error) {
    static const uint32_t GROUP = 0;
    const sb_accumulated *done = sb_call_accumulate(sb_pack_items(test, &accumulator, 1), (sb_list){&GROUP, 1}, sb_pack_records(test, row, 1));
    *error = done->errors.length ? sb_take_errors(test, done->errors, row) : NULL;
    sb_bytes folded = sb_take_items(test, done->accumulators)[0];
    sb_release();
    return folded;
}

/* Check that row by row gives the same errors and accumulators as all at once. */
static void sb_check_split(sb_test *test, const sb_grouping *groups, const sb_bytes *at_once) {
    sb_bytes *accumulators = sb_take_memory(test, groups->count * sizeof *accumulators);
    size_t errors = 0;
    for (size_t row = 0; row < sb_record_count(test); row++) {
        sb_test_error *error;
        sb_bytes *accumulator = &accumulators[groups->of_row[row]];
        *accumulator = sb_fold_one(test, *accumulator, row, &error);
        if (!error) continue;
        sb_check(errors < test->error_count && test->errors[errors].row == row && sb_same(test->errors[errors].message, error->message),
                 "errors don't depend on how the rows are split into calls", __FILE__, __LINE__);
        errors++;
    }
    SB_CHECK(errors == test->error_count);
    for (size_t group = 0; group < groups->count; group++)
        sb_check(sb_same(accumulators[group], at_once[group]), "accumulators don't depend on how the rows are split into calls", __FILE__,
                 __LINE__);
}

/* An accumulator for each record, merged. */
static sb_bytes *sb_by_merge(sb_test *test, const sb_grouping *groups) {
    sb_bytes *accumulators = sb_take_memory(test, groups->count * sizeof *accumulators);
    for (size_t row = 0; row < sb_record_count(test); row++) {
        sb_test_error *error;
        sb_bytes *left = &accumulators[groups->of_row[row]], right = sb_fold_one(test, (sb_bytes){NULL, 0}, row, &error);
        const sb_accumulated *done = sb_call_merge(sb_pack_items(test, left, 1), sb_pack_items(test, &right, 1));
        *left = sb_take_items(test, done->accumulators)[0];
        sb_release();
    }
    return accumulators;
}

static const sb_emitted *sb_finish_all(sb_test *test, const sb_grouping *groups, const sb_bytes *accumulators, int64_t start_ms, int64_t end_ms) {
    int64_t *windows = sb_take_memory(test, groups->count * 2 * sizeof *windows);
    for (size_t group = 0; group < groups->count; group++) {
        windows[group * 2] = start_ms;
        windows[group * 2 + 1] = end_ms;
    }
    return sb_call_finish(sb_pack_items(test, groups->keys, groups->count), (sb_list){windows, groups->count * 2},
                          sb_pack_items(test, accumulators, groups->count));
}

void sb_test_run_window(sb_test *test, int64_t start_ms, int64_t end_ms) {
    SB_CHECK(sluicebox_udf.aggregate != NULL);
    sb_grouping groups = sb_group(test);
    size_t rows = sb_record_count(test);
    sb_bytes *fresh = sb_take_memory(test, groups.count * sizeof *fresh);
    const sb_accumulated *done =
        sb_call_accumulate(sb_pack_items(test, fresh, groups.count), (sb_list){groups.of_row, rows}, sb_pack_records(test, 0, rows));
    test->errors = sb_take_errors(test, done->errors, 0);
    test->error_count = done->errors.length;
    sb_bytes *at_once = sb_take_items(test, done->accumulators);
    sb_release();
    sb_check_split(test, &groups, at_once);
    sb_bytes *merged = sb_by_merge(test, &groups);

    sb_record *parents = sb_take_memory(test, groups.count * sizeof *parents);
    for (size_t group = 0; group < groups.count; group++) parents[group] = (sb_record){.key = groups.keys[group], .timestamp_ms = end_ms - 1};
    const sb_emitted *emitted = sb_finish_all(test, &groups, at_once, start_ms, end_ms);
    test->outputs = sb_take_outputs(test, emitted, parents, groups.count);
    test->output_count = emitted->parents.length;
    test->finish_errors = sb_take_errors(test, emitted->errors, 0);
    test->finish_error_count = emitted->errors.length;
    sb_release();
    emitted = sb_finish_all(test, &groups, merged, start_ms, end_ms);
    test->merged = sb_take_outputs(test, emitted, parents, groups.count);
    test->merged_count = emitted->parents.length;
    sb_release();
}

/* ---- checks ---- */

static int sb_failed_checks;

int sb_test_failures(void) {
    return sb_failed_checks;
}

void sb_check(bool is_right, const char *what, const char *file, int line) {
    if (is_right) return;
    sb_failed_checks++;
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
}

void sb_check_text(sb_bytes is, const char *should, const char *what, const char *file, int line) {
    if (sb_same(is, sb_text(should))) return;
    sb_failed_checks++;
    fprintf(stderr, "%s:%d: %s is `%.*s`, not `%s`\n", file, line, what, is.data ? (int)is.length : 4, is.data ? is.data : "null",
            should ? should : "null");
}

void sb_test_expect_file(sb_test *test, const char *path) {
    sb_bytes rest = sb_read_file(test, path), line;
    bool is_filter = sluicebox_udf.keep != NULL;
    size_t count = is_filter ? test->kept_count : test->output_count, i = 0;
    for (; sb_next_line(&rest, &line); i++) {
        const char *should = sb_owned(test, line).data;
        sb_bytes value = {NULL, 0};
        if (i < count) value = is_filter ? sb_record_at(test, test->kept[i])->value : test->outputs[i].value;
        sb_check_text(value, should, "an output", path, (int)i + 1);
    }
    sb_check(i == count, "as many outputs as lines", path, (int)i + 1);
}

sb_bytes sb_test_output_header(const sb_test_output *output, const char *name) {
    sb_record record = {.headers = output->headers};
    return sb_header_value(&record, name);
}

void sb_test_end(sb_test *test) {
    while (test->memory) {
        struct sb_test_memory *next = test->memory->next;
        free(test->memory);
        test->memory = next;
    }
    sb_free(&test->rows->records);
    free(test->rows);
    free(test);
}
