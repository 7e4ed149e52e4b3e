// Natively, what the sandbox does with it: `make -C .. test`.
#include "sluicebox_testing.h"

int main() {
    sb_test *test = sb_test_start("{\"currency\":\"EUR\",\"rates\":{\"USD\":0.9}}");
    sb_test_add(test, "user-0042", "{\"order\":17,\"user\":\"user-0042\",\"amount\":1999,\"currency\":\"USD\",\"item\":\"/shop/item/007\"}");
    sb_test_add(test, "user-0042", "{\"order\":18,\"user\":\"user-0042\",\"amount\":5,\"currency\":\"XXX\",\"item\":\"/\"}");
    sb_test_add(test, "user-0042", "{\"order\":19,\"user\":\"\\u0041\\n\",\"amount\":-5,\"currency\":\"EUR\",\"item\":\"/\"}");
    sb_test_run(test);
    SB_CHECK(test->output_count == 2 && test->error_count == 1 && test->errors[0].row == 1);
    SB_CHECK_TEXT(test->outputs[0].value, "{\"order\":17,\"user\":\"user-0042\",\"item\":\"/shop/item/007\",\"amount_cents\":1999,"
                                          "\"currency\":\"USD\",\"value_cents\":1799,\"value_currency\":\"EUR\"}");
    SB_CHECK_TEXT(test->outputs[0].key, "user-0042");
    SB_CHECK_TEXT(test->outputs[1].value, "{\"order\":19,\"user\":\"A\\n\",\"item\":\"/\",\"amount_cents\":-5,\"currency\":\"EUR\","
                                          "\"value_cents\":-5,\"value_currency\":\"EUR\"}");
    SB_CHECK_TEXT(test->errors[0].message, "no rate for currency XXX");
    sb_test_end(test);
    return sb_test_failures();
}
