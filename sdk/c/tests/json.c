/* JSON, good and hostile: each text lies in memory of exactly its size, so that the sanitizers see a step too far. */
#include "sluicebox_testing.h"
#include <stdio.h>
#include <stdlib.h>

static bool ignore(const sb_record *record, bool *keep, sb_error *error) {
    (void)record, (void)error;
    return *keep = true;
}
SB_FILTER(ignore)

struct all {
    bool flag;
    int32_t narrow;
    uint32_t natural;
    int64_t wide;
    uint64_t huge;
    double real;
    sb_bytes text;
    sb_json any;
};
static const sb_shape ALL =
    SB_SHAPE(SB_FIELD(struct all, flag), SB_FIELD(struct all, narrow), SB_FIELD(struct all, natural), SB_FIELD(struct all, wide),
             SB_FIELD(struct all, huge), SB_FIELD(struct all, real), SB_FIELD_NAMED(struct all, text, "tëxt"), SB_FIELD(struct all, any));
static const sb_shape OPTIONAL = SB_SHAPE(SB_OPTIONAL(struct all, narrow), SB_OPTIONAL(struct all, text));

/* A copy of exactly its size. */
static sb_bytes exactly(const char *text, size_t length) {
    char *copy = malloc(length ? length : 1);
    memcpy(copy, text, length);
    return (sb_bytes){copy, length};
}

/* Whether the text is JSON, by the three ways through it, which must agree. */
static bool is_json_of(const char *text, size_t length) {
    sb_error error;
    sb_bytes copy = exactly(text, length);
    sb_reader reader = sb_reader_start(copy, &error);
    bool skips = sb_skip(&reader) && sb_reader_end(&reader);
    sb_buffer wrapped = {0};
    sb_put(&wrapped, "{\"narrow\":1,\"other\":", 20);
    sb_put(&wrapped, text, length);
    sb_put(&wrapped, "}", 1);
    sb_bytes object = exactly(wrapped.data, wrapped.length);
    struct all all;
    sb_json found;
    bool in_object = sb_read_json(object, &all, &OPTIONAL, &error);
    bool finds = sb_find(object, "other", &found, &error);
    SB_CHECK(skips == in_object && skips == finds);
    if (finds) SB_CHECK(found.length <= length && sb_is_utf8((sb_bytes){found.data, found.length}));
    free((char *)copy.data), free((char *)object.data), sb_free(&wrapped);
    sb_release();
    return skips;
}

static bool is_json(const char *text) {
    return is_json_of(text, strlen(text));
}

static void good_and_bad_texts(void) {
    static const char *const GOOD[] = {"null", "true", "false", "0", "-0", "-1.5e+10", "1E5", "0.0", "\"\"", "\"\\u00e4\\n\\/\\\"\"",
                                       "\"\\ud83d\\ude00\"", "\"ä€😀\"", "[]", "{}", " [ 1 , [ ] , { } ] ", "{\"a\":{\"b\":[null]},\"\":1}",
                                       "\t\r\n1 ", "\"\x7f\"", "123456789012345678901234567890", "1e999", "\"12345678\\\\\"", "\"/\""};
    static const char *const BAD[] = {
        "", " ", "nul", "nulll", "True", "01", "-", "-a", "+1", "1.", ".5", "1e", "1e+", "0x1", "1 2", "NaN", "Infinity", "\"", "\"a", "\"\\",
        "\"\\\"", "\"\\x\"", "\"\\u\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"",
        "\"\\udc00\"", "\"\n\"", "\"\t\"", "\"\x1f\"", "\"\x80\"", "\"\xc0\x80\"", "\"\xc3\"", "\"\xe2\x82\"", "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"", "\"\xf0\x80\x80\x80\"", "\"\xff\"", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"", "{\"a\":",
        "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{a:1}", "{1:1}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "[}", "{]", "'a'", "/**/1", "1//",
        "\"12345678\n\"", "\"1234567", "\"\\u0000", "tru", "fals", "\xef\xbb\xbf 1"};
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++)
        if (!is_json(GOOD[i])) SB_CHECK_TEXT(sb_text("refused"), GOOD[i]);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        if (is_json(BAD[i])) SB_CHECK_TEXT(sb_text("taken"), BAD[i]);
    SB_CHECK(!is_json_of("\"\0\"", 3) && !is_json_of("1\0", 2) && !is_json_of("\0", 1));
}

static void depth_has_a_limit(void) {
    for (int depth = 120; depth < 140; depth++) {
        char text[600];
        int at = 0;
        for (int i = 0; i < depth; i++) text[at++] = '[';
        for (int i = 0; i < depth; i++) text[at++] = ']';
        sb_error error;
        sb_reader reader = sb_reader_start((sb_bytes){text, (size_t)at}, &error);
        SB_CHECK((sb_skip(&reader) && sb_reader_end(&reader)) == (depth <= SB_DEPTH_MAX));
    }
    size_t length = 1 << 20;
    char *open = malloc(length);
    memset(open, '[', length);
    SB_CHECK(!is_json_of(open, length));
    for (size_t i = 0; i + 5 <= length; i += 5) memcpy(open + i, "{\"a\":", 5);
    SB_CHECK(!is_json_of(open, length));
    free(open);
}

#define EVERYTHING                                                                                                                  \
    "{\"flag\":true,\"narrow\":-2147483648,\"natural\":4294967295,\"wide\":-9223372036854775808,\"huge\":18446744073709551615,"      \
    "\"real\":-1.5e-7,\"tëxt\":\"a\\\"\\\\\\u0001\\ud83d\\ude00ä\",\"any\":[1, {\"x\" : null}]}"

/* Cut anywhere, and with any byte changed, it is read or refused, but nothing else happens. */
static void any_cut_and_any_change_of_a_byte(void) {
    size_t length = strlen(EVERYTHING);
    struct all all;
    sb_error error;
    for (size_t cut = 0; cut < length; cut++) {
        sb_bytes text = exactly(EVERYTHING, cut);
        SB_CHECK(!sb_read_json(text, &all, &ALL, &error) && error.length > 0 && !is_json_of(EVERYTHING, cut));
        free((char *)text.data);
    }
    for (size_t at = 0; at < length; at++)
        for (int byte = 0; byte < 256; byte += at % 3 + 1) {
            char *changed = (char *)exactly(EVERYTHING, length).data;
            changed[at] = (char)byte;
            bool is_read = sb_read_json((sb_bytes){changed, length}, &all, &ALL, &error);
            if (is_read) SB_CHECK(is_json_of(changed, length));
            free(changed);
        }
    sb_release();
}

static void a_record_of_every_type_comes_back(void) {
    struct all all;
    sb_error error;
    SB_CHECK(sb_read_json(sb_text(EVERYTHING), &all, &ALL, &error));
    SB_CHECK(all.flag && all.narrow == INT32_MIN && all.natural == UINT32_MAX && all.wide == INT64_MIN && all.huge == UINT64_MAX);
    SB_CHECK(all.real == -1.5e-7);
    SB_CHECK_TEXT(all.text, "a\"\\\1😀ä");
    sb_buffer json = {0};
    sb_write_object(&json, NULL, &all, &ALL);
    sb_bytes written = {json.data, json.length};
    SB_CHECK_TEXT(written, "{\"flag\":true,\"narrow\":-2147483648,\"natural\":4294967295,\"wide\":-9223372036854775808,"
                           "\"huge\":18446744073709551615,\"real\":-1.5e-7,\"tëxt\":\"a\\\"\\\\\\u0001😀ä\",\"any\":[1, {\"x\" : null}]}");
    sb_free(&json);
    sb_release();
}

static void what_does_not_fit_is_refused_with_its_name(void) {
    static const char *const CASES[][2] = {
        {"{\"narrow\":2147483648}", "value is not the JSON expected: `narrow`: an integer out of range at byte 20"},
        {"{\"narrow\":1.0}", "value is not the JSON expected: `narrow`: expected an integer, not a fraction at byte 10"},
        {"{\"narrow\":\"1\"}", "value is not the JSON expected: `narrow`: expected an integer at byte 10"},
        {"{\"narrow\":99999999999999999999}", "value is not the JSON expected: `narrow`: an integer out of range at byte 10"},
        {"{\"text\":1}", "value is not the JSON expected: `text`: expected text at byte 8"},
        {"{\"text\":\"a\",\"text\":\"b\"}", "value is not the JSON expected: duplicate field `text`"},
        {"{\"narrow\":1}x", "value is not the JSON expected: trailing characters at byte 12"},
        {"{\"x\":1,,}", "value is not the JSON expected: expected a name at byte 7"},
        {"{\"x\":?}", "value is not the JSON expected: expected a value at byte 5"},
        {"7", "value is not the JSON expected: expected an object at byte 0"},
    };
    struct all all;
    sb_error error;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        SB_CHECK(!sb_read_json(sb_text(CASES[i][0]), &all, &OPTIONAL, &error));
        SB_CHECK_TEXT(((sb_bytes){error.text, error.length}), CASES[i][1]);
    }
    SB_CHECK(!sb_read_json(sb_text("{}"), &all, &ALL, &error));
    SB_CHECK_TEXT(((sb_bytes){error.text, error.length}), "value is not the JSON expected: missing field `flag`");
    all = (struct all){.narrow = 7, .text = {"kept", 4}};
    SB_CHECK(sb_read_json(sb_text("{\"text\":null,\"t\\u0065xt2\":1}"), &all, &OPTIONAL, &error) && all.narrow == 7 && sb_is(all.text, "kept"));
    SB_CHECK(sb_read_json(sb_text("{\"t\\u0065xt\":\"x\"}"), &all, &OPTIONAL, &error) && sb_is(all.text, "x"));
}

static void fields_are_found_without_a_struct(void) {
    sb_json found;
    sb_error error;
    SB_CHECK(sb_find(sb_text("{\"a\":{\"b\":1},\"b\":[2],\"b\":3}"), "b", &found, &error));
    SB_CHECK_TEXT(((sb_bytes){found.data, found.length}), "[2]");
    SB_CHECK(sb_find(sb_text("{}"), "b", &found, &error) && !found.data);
    SB_CHECK(!sb_find(sb_text("{\"b\":1"), "b", &found, &error) && !sb_find(sb_text("[]"), "b", &found, &error));
    SB_CHECK(!sb_find(sb_text(NULL), "b", &found, &error));
}

static void texts_are_escaped(void) {
    sb_buffer json = {0};
    sb_begin_object(&json, NULL);
    sb_begin_array(&json, "a\"");
    sb_write_text(&json, NULL, (sb_bytes){"\0\1\b\t\n\v\f\r\x1f \"\\/\x7f", 14});
    sb_write_text(&json, NULL, sb_text("12345678\"1234567ä\xff\xe2\x82"));
    sb_write_text(&json, NULL, sb_text(NULL));
    sb_write_text(&json, NULL, sb_text(""));
    sb_begin_object(&json, NULL);
    sb_end_object(&json);
    sb_end_array(&json);
    sb_write_bool(&json, "b", false);
    sb_write_name(&json, sb_text("{"));
    sb_write_i64(&json, NULL, INT64_MIN);
    sb_write_null(&json, "[");
    sb_write_json(&json, "j", (sb_json){NULL, 0});
    sb_end_object(&json);
    SB_CHECK(json.depth == 0);
    SB_CHECK_TEXT(((sb_bytes){json.data, json.length}),
                  "{\"a\\\"\":[\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \\\"\\\\/\x7f\",\"12345678\\\"1234567ä\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
                  "null,\"\",{}],\"b\":false,\"{\":-9223372036854775808,\"[\":null,\"j\":null}");
    SB_CHECK(is_json_of(json.data, json.length));
    sb_free(&json);
}

/* Whatever bytes are written as text: it is JSON, and reads back as the same if it was UTF-8. */
static void any_bytes_as_text(void) {
    uint64_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        char bytes[40];
        size_t length = (size_t)round % 40;
        for (size_t i = 0; i < length; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = "\"\\ab\xc3\xa4\xe2\x82\xac\xf0\x9f\n\0\x1f"[(seed >> 33) % (round % 2 ? 4 : 14)];
        }
        sb_bytes text = exactly(bytes, length), read;
        sb_buffer json = {0};
        sb_error error;
        sb_write_text(&json, NULL, text);
        sb_reader reader = sb_reader_start((sb_bytes){json.data, json.length}, &error);
        SB_CHECK(sb_read_text(&reader, &read) && sb_reader_end(&reader));
        SB_CHECK(sb_is_utf8(read) && (!sb_is_utf8(text) || sb_same(read, text)));
        free((char *)text.data), sb_free(&json);
        sb_release();
    }
}

int main(void) {
    good_and_bad_texts();
    depth_has_a_limit();
    any_cut_and_any_change_of_a_byte();
    a_record_of_every_type_comes_back();
    what_does_not_fit_is_refused_with_its_name();
    fields_are_found_without_a_struct();
    texts_are_escaped();
    any_bytes_as_text();
    return sb_test_failures();
}
