// Natively, what the sandbox does with it: `make -C .. test`.
#include "sluicebox_testing.h"

static void keeps_what_is_large_enough_and_in_a_known_currency() {
    sb_test *test = sb_test_start("{\"minimum\":1000}");
    sb_test_add(test, nullptr, "{\"order\":1,\"user\":\"u\",\"amount\":1999,\"currency\":\"EUR\",\"item\":\"/a\"}");
    sb_test_add(test, nullptr, "{\"amount\":999,\"currency\":\"EUR\"}");
    sb_test_add(test, nullptr, "{\"amount\":5000,\"currency\":\"XXX\"}");
    sb_test_add(test, nullptr, "{\"amount\":5000}");
    sb_test_run(test);
    SB_CHECK(test->kept_count == 1 && test->kept[0] == 0);
    SB_CHECK(test->error_count == 1 && test->errors[0].row == 3);
    SB_CHECK_TEXT(test->errors[0].message, "value is not the JSON expected: missing field `currency`");
    sb_test_end(test);
}

static void takes_currencies_from_the_config() {
    sb_test *test = sb_test_start("{\"currencies\":[\"XXX\"]}");
    sb_test_add(test, nullptr, "{\"amount\":1,\"currency\":\"EUR\"}");
    sb_test_add(test, nullptr, "{\"amount\":1,\"currency\":\"XXX\"}");
    sb_test_run(test);
    SB_CHECK(test->kept_count == 1 && test->kept[0] == 1);
    sb_test_end(test);
}

static void refuses_a_config_it_does_not_know() {
    sb_test *test = sb_test_start("{\"minimun\":1}");
    SB_CHECK_TEXT(test->refusal, "config is not the JSON expected: unknown field `minimun`");
    sb_test_end(test);
}

int main() {
    keeps_what_is_large_enough_and_in_a_known_currency();
    takes_currencies_from_the_config();
    refuses_a_config_it_does_not_know();
    return sb_test_failures();
}
