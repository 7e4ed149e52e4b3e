// What C++ maps can return: shapes, keys, headers, tombstones, other formats.
#include "sluicebox.hpp"
#include "sluicebox_testing.h"

namespace sb = sluicebox;

// A format of its own.
struct Shout {
    std::string text;
    static sb::Result<Shout> decode(sb::Bytes bytes) {
        if (!bytes) return sb::fail("no bytes");
        return Shout{std::string(*bytes)};
    }
    void encode(std::string &out) const { out += text + "!"; }
};

static sb::Result<std::vector<sb::Output<Shout>>> dress(const sb::Record<Shout> &record) {
    using Output = sb::Output<Shout>;
    std::vector<Output> outputs;
    const std::string &text = record.value.text;
    if (text == "bad") return sb::fail("bad");
    if (text == "none") return outputs;
    if (text == "two") {
        outputs.push_back(Output(Shout{"one"}).key(std::string("a") + "key"));
        outputs.push_back(Output(Shout{"two"}).header("c", "3"));
        return outputs;
    }
    Output output = text == "gone" ? Output::tombstone() : text == "same" ? Output::same_value() : Output(Shout{text});
    if (text == "nokey") output.key(std::nullopt);
    if (text == "bare") output.without_headers();
    if (text == "other") output = std::move(output).without_headers().header("d", std::nullopt).header("d", "");
    outputs.push_back(std::move(output));
    return outputs;
}
SLUICEBOX_MAP(dress)

int main() {
    sb_test *test = sb_test_start(nullptr);
    for (const char *value : {"none", "two", "bad", "gone", "same", "nokey", "bare", "other"}) {
        sb_test_add(test, "k", value), sb_test_header(test, "a", "1");
    }
    sb_test_add(test, "k", nullptr);
    sb_test_run(test);
    SB_CHECK(test->output_count == 7 && test->error_count == 2);
    const char *const VALUES[] = {"one!", "two!", nullptr, "same", "nokey!", "bare!", "other!"};
    const char *const KEYS[] = {"akey", "k", "k", "k", nullptr, "k", "k"};
    for (std::size_t i = 0; i < test->output_count; i++) {
        SB_CHECK_TEXT(test->outputs[i].value, VALUES[i]);
        SB_CHECK_TEXT(test->outputs[i].key, KEYS[i]);
        SB_CHECK_TEXT(sb_test_output_header(&test->outputs[i], "a"), i < 5 ? "1" : nullptr);
    }
    SB_CHECK_TEXT(sb_test_output_header(&test->outputs[1], "c"), "3");
    SB_CHECK_TEXT(sb_test_output_header(&test->outputs[6], "d"), "");
    SB_CHECK_TEXT(test->errors[0].message, "bad");
    SB_CHECK_TEXT(test->errors[1].message, "no bytes");
    sb_test_end(test);
    return sb_test_failures();
}
