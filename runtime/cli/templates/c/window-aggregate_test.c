/* The orders of a minute, by user: in.jsonl has them, out.jsonl the result of each user. `make test`. */
#include "sluicebox_testing.h"

int main(void) {
    sb_test *test = sb_test_start(NULL);
    sb_test_add_file(test, "tests/in.jsonl", "user");
    sb_test_run_window(test, 0, 60000);
    sb_test_expect_file(test, "tests/out.jsonl");
    /* An accumulator for each order, then merged: the same. */
    SB_CHECK(test->merged_count == test->output_count);
    for (size_t i = 0; i < test->output_count; i++) SB_CHECK(sb_same(test->merged[i].value, test->outputs[i].value));
    SB_CHECK(test->error_count == 1); /* the last line is no order */
    sb_test_end(test);
    return sb_test_failures();
}
