// What C++ filters can take: a record with everything, a config, and every type of field.
#include "sluicebox.hpp"
#include "sluicebox_testing.h"

namespace sb = sluicebox;

struct Point {
    std::int8_t x;
    std::optional<double> y;
    SLUICEBOX_FIELDS(x, y)
};

struct Everything {
    bool flag;
    std::uint16_t natural;
    std::string text;
    std::string_view view;
    std::optional<std::int64_t> maybe;
    std::vector<Point> points;
    std::map<std::string, std::vector<bool>> flags;
    sb_json any;
    int preset = 7;
    SLUICEBOX_FIELDS(flag, natural, text, view, maybe, points, flags, any)
    SLUICEBOX_DEFAULTS(preset)
};

struct Config {
    std::int64_t since_ms = 0;
    SLUICEBOX_DEFAULTS(since_ms)
};

static sb::Result<bool> wanted(const sb::Record<std::optional<Everything>> &record, const Config &config) {
    if (!record.value) return record.key == "tombstone";
    if (auto why = record.header("fail")) return sb::fail("row of ", record.key.value_or("nobody"), " fails: ", *why, ' ', -1, ' ', 2u, ' ', 0.5);
    sb::log(SB_DEBUG, "a row at ", record.timestamp_ms);
    sb_buffer json{};
    sb::detail::write(&json, *record.value);
    bool is_same = std::string_view(json.data, json.length) ==
                   R"({"flag":true,"natural":65535,"text":"a\"","view":"\u0001","maybe":null,"points":[{"x":-128,"y":1.5},{"x":0,"y":null}],)"
                   R"("flags":{"a":[true,false],"b":[]},"any":[1, 2],"preset":7})";
    sb_free(&json);
    return is_same && record.timestamp_ms >= config.since_ms;
}
SLUICEBOX_FILTER(wanted)

#define GOOD                                                                                                                       \
    R"({"any":[1, 2],"flag":true,"natural":65535,"text":"a\"","view":"\u0001","points":[{"x":-128,"y":1.5},{"x":0}],"flags":{"b":[],"a":[true,false]},"more":{}})"

static void rows() {
    sb_test *test = sb_test_start(R"({"since_ms":5})");
    const char *const VALUES[] = {GOOD, GOOD, nullptr, nullptr, "null", "{}", R"({"flag":1})", R"({"natural":65536})", R"({"points":[{"x":-129}]})",
                                  R"({"flags":{"a":[0]}})", R"({"flag":true,"flag":true})", GOOD "x"};
    for (const char *value : VALUES) {
        sb_test_add(test, value ? "ann" : "tombstone", value);
        sb_test_at_ms(test, test->rows ? 5 : 0);
    }
    sb_test_add(test, nullptr, nullptr);
    sb_test_add(test, "bob", GOOD), sb_test_header(test, "fail", "ü"), sb_test_at_ms(test, 5);
    sb_test_add(test, "ann", GOOD), sb_test_at_ms(test, 4);
    sb_test_run(test);
    SB_CHECK(test->kept_count == 4 && test->kept[0] == 0 && test->kept[3] == 3);
    const char *const MESSAGES[] = {
        "value is not the JSON expected: missing field `flag`", "value is not the JSON expected: `flag`: expected true or false at byte 8",
        "value is not the JSON expected: `natural`: an integer out of range at byte 16", "value is not the JSON expected: `x`: an integer out of range at byte 20",
        "value is not the JSON expected: `a`: expected true or false at byte 15", "value is not the JSON expected: duplicate field `flag`"};
    SB_CHECK(test->error_count == 8);
    for (std::size_t i = 0; i < 6; i++) SB_CHECK_TEXT(test->errors[i].message, MESSAGES[i]);
    SB_CHECK_TEXT(test->errors[7].message, "row of bob fails: ü -1 2 0.5");
    sb_test_end(test);
}

static void configs() {
    const char *const CASES[][2] = {{R"({"since":1})", "config is not the JSON expected: unknown field `since`"},
                                    {R"({"since_ms":"x"})", "config is not the JSON expected: `since_ms`: expected an integer at byte 12"},
                                    {"null", nullptr},
                                    {"{}", nullptr}};
    for (auto [config, refusal] : CASES) {
        sb_test *test = sb_test_start(config);
        SB_CHECK_TEXT(test->refusal, refusal);
        sb_test_end(test);
    }
}

int main() {
    rows();
    configs();
    return sb_test_failures();
}
