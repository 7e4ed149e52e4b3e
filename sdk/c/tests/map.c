/* What maps can return: none, one or many; keys, headers, tombstones, errors half-way. */
#include "sluicebox_testing.h"

static bool dress(const sb_record *record, sb_outputs *outputs, sb_error *error) {
    sb_bytes value = record->value;
    if (!value.data) return sb_fail(error, "no value");
    if (sb_is(value, "none")) return true;
    if (sb_is(value, "half")) {
        sb_emit_bytes(outputs, sb_text("half"));
        sb_set_key(outputs, sb_text("key"));
        return sb_fail(error, "no other half");
    }
    if (sb_is(value, "open")) {
        sb_begin_object(sb_emit(outputs), NULL);
        sb_emit_same(outputs);
        return true;
    }
    if (sb_is(value, "two")) {
        sb_buffer *json = sb_emit(outputs);
        sb_set_key(outputs, sb_text("first"));
        sb_begin_array(json, NULL);
        sb_write_u64(json, NULL, 1);
        sb_end_array(json);
        json = sb_emit(outputs);
        sb_write_u64(json, NULL, 2);
        sb_add_header(outputs, "c", sb_text("3"));
        return true;
    }
    if (sb_is(value, "gone"))
        sb_emit_bytes(outputs, sb_text(NULL));
    else if (sb_is(value, "empty"))
        sb_emit_bytes(outputs, sb_text(""));
    else
        sb_emit_same(outputs);
    if (sb_is(value, "rekey")) sb_set_key(outputs, sb_format("%s-%d", "new", -7));
    if (sb_is(value, "nokey")) sb_set_key(outputs, sb_text(NULL));
    if (sb_is(value, "emptykey")) sb_set_key(outputs, sb_text(""));
    if (sb_is(value, "bare")) sb_drop_headers(outputs);
    if (sb_is(value, "more")) sb_add_header(outputs, "c", sb_text("3")), sb_add_header(outputs, "c", sb_text(NULL));
    if (sb_is(value, "other")) sb_drop_headers(outputs), sb_add_header(outputs, "d", sb_text(NULL));
    return true;
}
SB_MAP(dress)

static const char *const NAMES[] = {"same", "gone", "rekey", "nokey", "emptykey", "bare", "more", "other", "empty", "ünïcode €"};
#define COUNT (sizeof NAMES / sizeof *NAMES)

/* All headers as text: name=value, null as -. */
static const char *headers(sb_bytes packed) {
    static char text[200];
    char *to = text;
    sb_header header;
    while (sb_next_header(&packed, &header)) {
        memcpy(to, header.name.data, header.name.length), to += header.name.length;
        *to++ = '=';
        if (header.value.data) memcpy(to, header.value.data, header.value.length), to += header.value.length;
        if (!header.value.data) *to++ = '-';
        *to++ = ' ';
    }
    *to = 0;
    return text;
}

static void keys_headers_and_nulls(void) {
    sb_test *test = sb_test_start("{}");
    for (size_t i = 0; i < COUNT; i++) {
        sb_test_add(test, i == 0 ? NULL : "old", NAMES[i]);
        sb_test_header(test, "a", "1");
        sb_test_header(test, "a", NULL);
        sb_test_at_ms(test, 5);
    }
    sb_test_run(test);
    SB_CHECK(test->error_count == 0 && test->output_count == COUNT);
    static const char *const KEYS[COUNT] = {NULL, "old", "new--7", NULL, "", "old", "old", "old", "old", "old"};
    static const char *const HEADERS[COUNT] = {"a=1 a=- ", "a=1 a=- ", "a=1 a=- ", "a=1 a=- ", "a=1 a=- ", "", "a=1 a=- c=3 c=- ", "d=- ", "a=1 a=- ", "a=1 a=- "};
    for (size_t i = 0; i < COUNT; i++) {
        SB_CHECK_TEXT(test->outputs[i].key, KEYS[i]);
        SB_CHECK_TEXT(test->outputs[i].value, i == 1 ? NULL : i == 8 ? "" : NAMES[i]);
        SB_CHECK_TEXT(sb_text(headers(test->outputs[i].headers)), HEADERS[i]);
        SB_CHECK(test->outputs[i].timestamp_ms == 5 && test->outputs[i].parent == i);
    }
    SB_CHECK(sb_test_output_header(&test->outputs[6], "c").data == NULL);
    SB_CHECK_TEXT(sb_test_output_header(&test->outputs[0], "b"), NULL);
    sb_test_end(test);
}

static void none_one_or_many_and_errors_on_chosen_rows(void) {
    sb_test *test = sb_test_start(NULL);
    static const char *const ROWS[] = {"none", "two", "half", "same", "open", NULL, "two"};
    for (size_t i = 0; i < 7; i++) sb_test_add(test, "k", ROWS[i]);
    sb_test_run(test);
    SB_CHECK(test->output_count == 5);
    static const size_t PARENTS[] = {1, 1, 3, 6, 6};
    static const char *const VALUES[] = {"[1]", "2", "same", "[1]", "2"}, *const KEYS[] = {"first", "k", "k", "first", "k"};
    for (size_t i = 0; i < 5; i++) {
        SB_CHECK(test->outputs[i].parent == PARENTS[i]);
        SB_CHECK_TEXT(test->outputs[i].value, VALUES[i]);
        SB_CHECK_TEXT(test->outputs[i].key, KEYS[i]);
    }
    SB_CHECK_TEXT(sb_test_output_header(&test->outputs[1], "c"), "3");
    SB_CHECK(test->error_count == 3 && test->errors[0].row == 2 && test->errors[1].row == 4 && test->errors[2].row == 5);
    SB_CHECK_TEXT(test->errors[0].message, "no other half");
    SB_CHECK_TEXT(test->errors[1].message, "the output's JSON has an object or array that is not ended");
    sb_test_end(test);
}

static void no_rows_are_no_outputs(void) {
    sb_test *test = sb_test_start(NULL);
    sb_test_run(test);
    SB_CHECK(test->output_count == 0 && test->error_count == 0);
    sb_test_end(test);
}

static void many_rows_more_than_is_kept(void) {
    sb_test *test = sb_test_start(NULL);
    char *large = sb_alloc(1 << 20);
    memset(large, 'x', 1 << 20);
    for (int i = 0; i < 12; i++) sb_test_add_bytes(test, sb_text("k"), (sb_bytes){large, 1 << 20});
    sb_release();
    sb_test_run(test);
    SB_CHECK(test->output_count == 12 && test->outputs[11].value.length == 1 << 20);
    sb_test_end(test);
}

int main(void) {
    keys_headers_and_nulls();
    none_one_or_many_and_errors_on_chosen_rows();
    no_rows_are_no_outputs();
    many_rows_more_than_is_kept();
    sb_test *test = sb_test_start("{\"a\":1}");
    SB_CHECK_TEXT(test->refusal, "config is not the JSON expected: unknown field `a`");
    sb_test_end(test);
    return sb_test_failures();
}
