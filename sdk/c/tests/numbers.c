/* Numbers, against the C library's: read to the nearest double, written with as few digits as tell it from its neighbours. */
#include "sluicebox_testing.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool ignore(const sb_record *record, bool *keep, sb_error *error) {
    (void)record, (void)error;
    return *keep = true;
}
SB_FILTER(ignore)

static double read(const char *text) {
    sb_error error;
    double value = -77;
    sb_reader reader = sb_reader_start(sb_text(text), &error);
    if (sb_read_double(&reader, &value)) SB_CHECK(sb_reader_end(&reader));
    return value;
}

static const char *written(double value) {
    static sb_buffer json;
    json.length = 0;
    sb_write_double(&json, NULL, value);
    sb_put(&json, "", 1);
    return json.data;
}

static void check_read(const char *text) {
    double is = read(text), should = strtod(text, NULL);
    if (isinf(should)) should = -77; /* refused */
    sb_check(memcmp(&is, &should, sizeof is) == 0, text, __FILE__, __LINE__);
}

/* It reads back, and with a digit less it wouldn't. */
static void check_written(double value) {
    const char *text = written(value);
    double back = strtod(text, NULL);
    sb_check(memcmp(&back, &value, sizeof back) == 0, text, __FILE__, __LINE__);
    check_read(text);
    int digits = 0, zeros = 0;
    for (const char *at = text; *at && *at != 'e'; at++) {
        if (*at < '0' || *at > '9') continue;
        if (digits || *at != '0') digits++;
        zeros = *at == '0' ? zeros + 1 : 0;
    }
    digits -= zeros;
    if (digits < 2) return;
    char shorter[40];
    snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
    sb_check(strtod(shorter, NULL) != value, shorter, __FILE__, __LINE__);
}

static uint64_t seed = 11;
static uint64_t next(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed ^ seed >> 29;
}

int main(void) {
    static const char *const TEXTS[] = {
        "0", "-0", "1", "0.1", "0.3", "123456.789", "1e22", "1e23", "9007199254740993", "9007199254740992.5", "9007199254740993.0000000000000001",
        "2.2250738585072011e-308", "2.2250738585072012e-308", "4.9e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-400",
        "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "1e309", "-1e400", "0e99999999999", "0.0e-5",
        "1e-99999999999999999999", "8.5e-99999", "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880",
        "0.000000000000000000000000000000000000000000000000000000000000000000001", "100000000000000000000000000000000000000000000", "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124", "1.00000000000000011102230246251565404236316680908203126"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) check_read(TEXTS[i]);
    char *digits = malloc(2001);
    for (int i = 0; i < 2000; i++) digits[i] = (char)('0' + i * 7 % 10);
    digits[0] = '1', digits[1] = '.', digits[2000] = 0;
    check_read(digits);
    memset(digits + 2, '0', 1998);
    digits[1999] = '1';
    check_read(digits);
    free(digits);

    static const double VALUES[] = {0.1, 1.5, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.30000000000000004, 123456789012345680.0, 1e16, 1e15, 1e21, 1e22, 1e23, 9007199254740993.0, 4503599627370497.5, 1e-5, 1e-7, 123e-7, 1.0 / 3};
    for (size_t i = 0; i < sizeof VALUES / sizeof *VALUES; i++) check_written(VALUES[i]), check_written(-VALUES[i]);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = next();
        double value;
        memcpy(&value, &bits, sizeof value);
        if (value - value == 0) check_written(value);
        check_written((double)(int64_t)(next() % 2000000) / 100);
        char text[80];
        snprintf(text, sizeof text, "%llu.%llue%d", (unsigned long long)(next() >> (next() % 60)), (unsigned long long)next(), (int)(next() % 660) - 340);
        check_read(text);
    }
    static const struct {
        double value;
        const char *text;
    } FORMS[] = {{0, "0.0"}, {-0.0, "-0.0"}, {1, "1.0"}, {100, "100.0"}, {0.001, "0.001"}, {0.00001, "0.00001"}, {1e-6, "1e-6"}, {1.5e-7, "1.5e-7"},
                 {1e15, "1000000000000000.0"}, {1e16, "1e16"}, {1.25e17, "1.25e17"}, {-12.5, "-12.5"}, {INFINITY, "null"}, {-INFINITY, "null"}, {NAN, "null"}, {1e300, "1e300"}};
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) SB_CHECK_TEXT(sb_text(written(FORMS[i].value)), FORMS[i].text);

    SB_CHECK(sb_round(0.5) == 1 && sb_round(-0.5) == -1 && sb_round(2.5) == 3 && sb_round(-2.5) == -3 && sb_round(0.49999999999999994) == 0);
    SB_CHECK(sb_round(1e300) == INT64_MAX && sb_round(-1e300) == INT64_MIN && sb_round(NAN) == 0 && sb_round(4503599627370497.5) == 4503599627370498);
    SB_CHECK_TEXT(sb_format("%d %u %ld %lu %lld %llu %zu %x %c%% %g %s %.*s", -1, 4294967295u, -2L, 2UL, (long long)INT64_MIN, (unsigned long long)UINT64_MAX, (size_t)3, 0xbeefu, 'c', 0.1, "s", 2, "text"),
                  "-1 4294967295 -2 2 -9223372036854775808 18446744073709551615 3 beef c% 0.1 s te");
    int64_t sum = 5;
    SB_CHECK(!sb_add(INT64_MAX, 1, &sum) && sum == 5 && sb_add(2, 3, &sum) && sum == 5);
    sb_release();
    return sb_test_failures();
}
