/* What filters can take and how their answers are packed. */
#include "sluicebox_testing.h"

struct click {
    sb_bytes page;
};
static const sb_shape CLICK = SB_SHAPE(SB_FIELD(struct click, page));
static struct config {
    int64_t since_ms;
} config;
static const sb_shape CONFIG = SB_SHAPE(SB_OPTIONAL(struct config, since_ms));

static bool configure(sb_bytes text, sb_error *error) {
    config = (struct config){0};
    return sb_read_config(text, &config, &CONFIG, error);
}

static bool wanted(const sb_record *record, bool *keep, sb_error *error) {
    struct click click;
    if (sb_is(record->value, "raw")) return *keep = true;
    if (sb_is(record->value, "bad message")) return sb_fail(error, "\xff and %.*s", 3, "\xe2\x82\xac");
    if (sb_is(record->value, "long message")) {
        char *euros = sb_alloc(3000);
        for (int i = 0; i < 3000; i++) euros[i] = "\xe2\x82\xac"[i % 3];
        return sb_fail(error, "%.*s", 3000, euros);
    }
    if (!sb_read_json(record->value, &click, &CLICK, error)) return false;
    if (sb_header_value(record, "fail").data) return sb_fail(error, "page %.*s fails", SB_ARG(click.page));
    *keep = sb_is(record->key, "ann") && record->timestamp_ms >= config.since_ms;
    return true;
}
SB_FILTER(wanted, .init = configure)

static void key_headers_and_timestamp_are_there(void) {
    sb_test *test = sb_test_start("{\"since_ms\":10}");
    const char *click = "{\"page\":\"/\\u00e4\"}";
    sb_test_add(test, "ann", click), sb_test_at_ms(test, 10);
    sb_test_add(test, "ann", click), sb_test_at_ms(test, 9);
    sb_test_add(test, "bob", click), sb_test_at_ms(test, 10);
    sb_test_add(test, NULL, click), sb_test_at_ms(test, 10);
    sb_test_add(test, "ann", click), sb_test_at_ms(test, 10);
    sb_test_header(test, "fail", NULL), sb_test_header(test, "fail", "1");
    sb_test_add(test, "ann", click), sb_test_at_ms(test, 10);
    sb_test_header(test, "fail", "1"), sb_test_header(test, "fail", NULL); /* the last one counts */
    sb_test_add(test, "ann", "{"), sb_test_at_ms(test, 10);
    sb_test_add(test, "ann", NULL), sb_test_at_ms(test, 10);
    sb_test_add(test, "ann", "raw");
    sb_test_run(test);
    SB_CHECK(test->kept_count == 3 && test->kept[0] == 0 && test->kept[1] == 5 && test->kept[2] == 8);
    SB_CHECK(test->error_count == 3 && test->errors[0].row == 4 && test->errors[1].row == 6 && test->errors[2].row == 7);
    SB_CHECK_TEXT(test->errors[0].message, "page /ä fails");
    SB_CHECK_TEXT(test->errors[1].message, "value is not the JSON expected: expected a name at byte 1");
    SB_CHECK_TEXT(test->errors[2].message, "value is not the JSON expected: expected an object at byte 0");
    sb_test_end(test);
}

static void more_than_a_byte_of_verdicts(void) {
    sb_test *test = sb_test_start(NULL);
    for (int i = 0; i < 21; i++) sb_test_add(test, NULL, i % 3 ? "?" : "raw");
    sb_test_run(test);
    SB_CHECK(test->kept_count == 7 && test->kept[6] == 18 && test->error_count == 14);
    sb_test_end(test);
}

static void no_rows_are_no_verdicts(void) {
    sb_test *test = sb_test_start(NULL);
    sb_test_run(test);
    SB_CHECK(test->kept_count == 0 && test->error_count == 0);
    sb_test_end(test);
}

static void messages_are_text_and_not_too_long(void) {
    sb_test *test = sb_test_start(NULL);
    sb_test_add(test, NULL, "bad message");
    sb_test_add(test, NULL, "long message");
    sb_test_run(test);
    SB_CHECK_TEXT(test->errors[0].message, "\xef\xbf\xbd and €");
    SB_CHECK(test->errors[1].message.length == 1023);
    sb_test_end(test);
}

static void a_config_that_does_not_fit_is_refused(void) {
    static const char *const BAD[][2] = {
        {"{\"since_ms\":\"x\"}", "config is not the JSON expected: `since_ms`: expected an integer at byte 12"},
        {"{\"since\":1}", "config is not the JSON expected: unknown field `since`"},
        {"{\"since_ms\":1,\"since_ms\":1}", "config is not the JSON expected: duplicate field `since_ms`"},
        {"[]", "config is not the JSON expected: expected an object at byte 0"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        sb_test *test = sb_test_start(BAD[i][0]);
        SB_CHECK_TEXT(test->refusal, BAD[i][1]);
        sb_test_end(test);
    }
}

int main(void) {
    key_headers_and_timestamp_are_there();
    more_than_a_byte_of_verdicts();
    no_rows_are_no_verdicts();
    messages_are_text_and_not_too_long();
    a_config_that_does_not_fit_is_refused();
    return sb_test_failures();
}
