// Runs the filter natively, with the packing of the sandbox: `make test`.
#include "sluicebox_testing.h"

int main() {
    sb_test *test = sb_test_start(R"({"minimum":1000})");
    sb_test_add(test, "ann", R"({"user":"ann","amount":1000})");
    sb_test_add(test, "bob", R"({"user":"bob","amount":999})");
    sb_test_add(test, "bob", R"({"user":"bob","amount":"?"})");
    sb_test_run(test);
    SB_CHECK(test->kept_count == 1 && test->kept[0] == 0);
    SB_CHECK(test->error_count == 1 && test->errors[0].row == 2);
    sb_test_end(test);
    return sb_test_failures();
}
