/* Runs the window aggregate natively over the orders of a minute, with the packing of the sandbox: `make test`. */
#include "sluicebox_testing.h"

int main(void) {
    sb_test *test = sb_test_start(NULL);
    sb_test_add(test, "ann", "{\"amount\":1000}");
    sb_test_add(test, "ann", "{\"amount\":9223372036854775807}");
    sb_test_add(test, "ann", "{\"amount\":-1}");
    sb_test_run_window(test, 0, 60000);
    SB_CHECK(test->output_count == 1);
    SB_CHECK_TEXT(test->outputs[0].value, "{\"user\":\"ann\",\"window_start_ms\":0,\"orders\":2,\"amount\":999}");
    SB_CHECK(test->error_count == 1 && test->errors[0].row == 1);
    SB_CHECK_TEXT(test->errors[0].message, "the sum overflows");
    /* An accumulator for each order, then merged: the same. */
    SB_CHECK(test->merged_count == 1 && sb_same(test->merged[0].value, test->outputs[0].value));
    sb_test_end(test);
    return sb_test_failures();
}
