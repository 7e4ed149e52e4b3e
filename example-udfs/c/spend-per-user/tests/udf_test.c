/* Natively, what the sandbox does with it: `make -C .. test`. */
#include "sluicebox_testing.h"

int main(void) {
    sb_test *test = sb_test_start(NULL);
    sb_test_add(test, "ann", "{\"order\":1,\"value_cents\":5}");
    sb_test_add(test, "bob", "{\"order\":1,\"value_cents\":7}");
    sb_test_add(test, "ann", "{\"order\":1,\"value_cents\":-3}");
    sb_test_add(test, "ann", "{\"order\":1,\"value_cents\":9223372036854775807}");
    sb_test_run_window(test, 0, 60000);
    SB_CHECK(test->output_count == 2 && test->merged_count == 2);
    const char *ann = "{\"user\":\"ann\",\"window_start\":0,\"count\":2,\"sum_cents\":2,\"min_cents\":-3,\"max_cents\":5}";
    const char *bob = "{\"user\":\"bob\",\"window_start\":0,\"count\":1,\"sum_cents\":7,\"min_cents\":7,\"max_cents\":7}";
    SB_CHECK_TEXT(test->outputs[0].value, ann);
    SB_CHECK_TEXT(test->outputs[1].value, bob);
    SB_CHECK_TEXT(test->merged[0].value, ann);
    SB_CHECK_TEXT(test->merged[1].value, bob);
    SB_CHECK(test->error_count == 1 && test->errors[0].row == 3);
    SB_CHECK_TEXT(test->errors[0].message, "the sum overflows");
    sb_test_end(test);
    return sb_test_failures();
}
