/* Runs the map natively, with the packing of the sandbox: `make test`. */
#include "sluicebox_testing.h"

int main(void) {
    sb_test *test = sb_test_start("{\"large\":1000}");
    sb_test_add(test, "ann", "{\"user\":\"ann\",\"amount\":1000}");
    sb_test_add(test, "bob", "{\"user\":\"bob\",\"amount\":\"?\"}");
    sb_test_run(test);
    SB_CHECK(test->output_count == 1 && test->outputs[0].parent == 0);
    SB_CHECK_TEXT(test->outputs[0].value, "{\"user\":\"ann\",\"amount\":1000,\"large\":true}");
    SB_CHECK_TEXT(test->outputs[0].key, "ann");
    SB_CHECK(test->error_count == 1 && test->errors[0].row == 1);
    sb_test_end(test);
    return sb_test_failures();
}
