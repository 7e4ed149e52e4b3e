/* The orders of in.jsonl through the map, compared with out.jsonl: `make test`. */
#include "sluicebox_testing.h"

int main(void) {
    sb_test *test = sb_test_start("{\"large\":1000}");
    sb_test_add_file(test, "tests/in.jsonl", NULL);
    sb_test_run(test);
    sb_test_expect_file(test, "tests/out.jsonl");
    SB_CHECK(test->error_count == 1); /* the last line is no order */
    sb_test_end(test);
    return sb_test_failures();
}
