// The orders of in.jsonl through the filter, compared with out.jsonl: `make test`.
#include "sluicebox_testing.h"

int main() {
    sb_test *test = sb_test_start(R"({"minimum":1000})");
    sb_test_add_file(test, "tests/in.jsonl", nullptr);
    sb_test_run(test);
    sb_test_expect_file(test, "tests/out.jsonl");
    SB_CHECK(test->error_count == 1); // the last line is no order
    sb_test_end(test);
    return sb_test_failures();
}
