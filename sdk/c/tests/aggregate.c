/* What window aggregates must keep: failed rows leave no trace, new accumulators stay new, bytes are bytes. */
#include "sluicebox_testing.h"

/* Changes itself before it fails: the worst an author can do. */
struct log {
    uint32_t count;
    bool is_odd;
    double half;
    sb_bytes entries;
    sb_bytes none;
};
static const sb_shape LOG = SB_SHAPE(SB_FIELD(struct log, count), SB_FIELD(struct log, is_odd), SB_FIELD(struct log, half),
                                     SB_FIELD(struct log, entries), SB_FIELD(struct log, none));
struct first {
    uint32_t count;
};
static const sb_shape FIRST = SB_SHAPE(SB_FIELD(struct first, count));

static void create(struct log *log) {
    log->entries = sb_text("");
}

static bool accumulate(struct log *log, const sb_record *record, sb_error *error) {
    sb_reader reader = sb_reader_start(record->value, error);
    int64_t n;
    if (!sb_read_i64(&reader, &n) || !sb_reader_end(&reader)) return false;
    log->count++;
    log->is_odd = n % 2 != 0;
    log->half = (double)n / 2;
    log->entries = sb_format("%.*s %lld", SB_ARG(log->entries), (long long)n);
    return n >= 0 || sb_fail(error, "%lld is negative", (long long)n);
}

static bool merge(struct log *log, const struct log *later, sb_error *error) {
    log->count += later->count;
    log->is_odd = later->is_odd;
    log->half = later->half;
    log->entries = sb_format("%.*s%.*s", SB_ARG(log->entries), SB_ARG(later->entries));
    return later->count != 13 || sb_fail(error, "13");
}

static bool finish(const struct log *log, const sb_window *window, sb_outputs *outputs, sb_error *error) {
    if (sb_is(window->key, "same")) return sb_emit_same(outputs), true;
    if (sb_is(window->key, "none")) return true;
    if (sb_is(window->key, "fail")) return sb_fail(error, "can't finish");
    sb_write_object(sb_emit(outputs), NULL, log, &LOG);
    if (!window->key.data) sb_set_key(outputs, sb_text("null"));
    return true;
}

static bool migrates(uint8_t format) {
    return format == 0;
}

static bool migrate(uint8_t format, sb_bytes bytes, struct log *log) {
    struct first first;
    if (format != 0 || !sb_read_fields(bytes, &first, &FIRST)) return false;
    *log = (struct log){.count = first.count, .entries = {"", 0}};
    return true;
}
SB_VERSIONED_WINDOW_AGGREGATE(struct log, LOG, accumulate, merge, finish, .create = create, .format = 1, .migrates = migrates,
                              .migrate = migrate)

static void failed_rows_leave_no_trace_however_many_and_wherever(void) {
    static const char *const ROWS[][2] = {{"a", "1"},  {"b", "-1"}, {"a", "-2"}, {"a", "2"},  {"a", "x"},
                                          {"a", "-3"}, {"a", "-4"}, {"a", "3"},  {"b", "5"},  {NULL, "-9"},
                                          {"b", "-8"}, {"b", "7"},  {"same", "1"}, {"none", "1"}, {"fail", "1"}};
    sb_test *test = sb_test_start(NULL);
    for (size_t i = 0; i < 15; i++) sb_test_add(test, ROWS[i][0], ROWS[i][1]);
    sb_test_run_window(test, 0, 1000);
    SB_CHECK(test->output_count == 3 && test->merged_count == 3);
    static const char *const VALUES[] = {
        "{\"count\":3,\"is_odd\":true,\"half\":1.5,\"entries\":\" 1 2 3\",\"none\":null}",
        "{\"count\":2,\"is_odd\":true,\"half\":3.5,\"entries\":\" 5 7\",\"none\":null}",
        "{\"count\":0,\"is_odd\":false,\"half\":0.0,\"entries\":\"\",\"none\":null}"};
    static const char *const KEYS[] = {"a", "b", "null"};
    for (size_t i = 0; i < test->output_count; i++) {
        SB_CHECK_TEXT(test->outputs[i].value, VALUES[i]);
        SB_CHECK_TEXT(test->merged[i].value, VALUES[i]);
        SB_CHECK_TEXT(test->outputs[i].key, KEYS[i]);
        SB_CHECK(test->outputs[i].timestamp_ms == 999);
    }
    static const size_t FAILED[] = {1, 2, 4, 5, 6, 9, 10};
    SB_CHECK(test->error_count == 7);
    for (size_t i = 0; i < 7; i++) SB_CHECK(test->errors[i].row == FAILED[i]);
    SB_CHECK_TEXT(test->errors[0].message, "-1 is negative");
    SB_CHECK(test->finish_error_count == 2 && test->finish_errors[0].row == 3 && test->finish_errors[1].row == 5);
    SB_CHECK_TEXT(test->finish_errors[0].message, "a window has no value to keep");
    SB_CHECK_TEXT(test->finish_errors[1].message, "can't finish");
    sb_test_end(test);
}

/* Accumulators of one byte string each, as they are packed. */
struct pair {
    uint32_t index[2];
    sb_packed packed;
};

static struct pair one(sb_bytes bytes) {
    struct pair pair = {.index = {0, bytes.data ? (uint32_t)bytes.length : SB_NULL}};
    pair.packed.data = (sb_list){bytes.data, bytes.length};
    return pair;
}

static sb_packed packed(struct pair *pair) {
    pair->packed.index = (sb_list){pair->index, 2};
    return pair->packed;
}

static sb_bytes log_of(sb_buffer *buffer, uint32_t count, const char *entries) {
    struct log log = {.count = count, .entries = sb_text(entries)};
    sb_put_fields(buffer, &log, &LOG);
    return (sb_bytes){buffer->data, buffer->length};
}

static void check_accumulator(sb_packed packed, sb_bytes should) {
    const uint32_t *index = packed.index.data;
    SB_CHECK(packed.index.length == 2);
    sb_bytes is = {index[1] == SB_NULL ? NULL : (const char *)packed.data.data + index[0], index[1] == SB_NULL ? 0 : index[1]};
    SB_CHECK(sb_same(is, should));
}

static void merges(void) {
    sb_buffer a = {0}, b = {0}, c = {0}, both = {0};
    sb_bytes ones = log_of(&a, 1, "x"), twos = log_of(&b, 2, "y"), bad = log_of(&c, 13, "z"), null = {NULL, 0};
    struct {
        sb_bytes left, right, result;
    } cases[] = {{ones, twos, log_of(&both, 3, "xy")}, {ones, bad, ones}, {null, bad, bad}, {ones, null, ones}, {null, null, null}};
    for (size_t i = 0; i < 5; i++) {
        struct pair left = one(cases[i].left), right = one(cases[i].right);
        const sb_accumulated *done = sb_call_merge(packed(&left), packed(&right));
        check_accumulator(done->accumulators, cases[i].result);
        SB_CHECK(done->errors.length == (i == 1));
        sb_release();
    }
    sb_free(&a), sb_free(&b), sb_free(&c), sb_free(&both);
}

static void the_layout_is_fixed_and_lies_are_found(void) {
    sb_buffer buffer = {0};
    struct log log = {.count = 0x0102, .is_odd = true, .half = 1, .entries = {"ok", 2}}, read;
    sb_put_fields(&buffer, &log, &LOG);
    static const char BYTES[] = "\2\1\0\0\1\0\0\0\0\0\0\360\77\2\0\0\0ok\377\377\377\377";
    SB_CHECK(sb_same((sb_bytes){buffer.data, buffer.length}, (sb_bytes){BYTES, sizeof BYTES - 1}));
    SB_CHECK(sb_read_fields((sb_bytes){buffer.data, buffer.length}, &read, &LOG) && read.count == 0x0102 && sb_is(read.entries, "ok"));
    for (size_t end = 0; end < buffer.length; end++) SB_CHECK(!sb_read_fields((sb_bytes){buffer.data, end}, &read, &LOG));
    buffer.data[4] = 2; /* no bool */
    SB_CHECK(!sb_read_fields((sb_bytes){buffer.data, buffer.length}, &read, &LOG));
    sb_free(&buffer);
}

static void formats(void) {
    SB_CHECK(sluicebox_udf.aggregate->format() == 1 && sluicebox_udf.aggregate->migrates(0) && !sluicebox_udf.aggregate->migrates(2));
    sb_buffer buffer = {0};
    struct pair old = one((sb_bytes){"\7\0\0\0", 4}), bad = one((sb_bytes){"\7\0\0", 3});
    check_accumulator(sb_call_migrate(0, packed(&old))->ok, log_of(&buffer, 7, ""));
    const sb_migrated *refused = sb_call_migrate(0, packed(&bad));
    SB_CHECK(refused->is_error);
    SB_CHECK_TEXT(((sb_bytes){refused->ok.data.data, refused->ok.data.length}), "an accumulator of 3 bytes is not read as one of format 0");
    sb_release();
    sb_free(&buffer);
}

int main(void) {
    failed_rows_leave_no_trace_however_many_and_wherever();
    merges();
    the_layout_is_fixed_and_lies_are_found();
    formats();
    return sb_test_failures();
}
