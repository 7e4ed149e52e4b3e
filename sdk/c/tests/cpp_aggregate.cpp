// C++ accumulators own memory: failed rows, merges, migrations and bytes, with the sanitizers looking for leaks.
#include "sluicebox.hpp"
#include "sluicebox_testing.h"

namespace sb = sluicebox;

// What version 0 kept.
struct First {
    std::vector<std::int64_t> entries;
    SLUICEBOX_FIELDS(entries)
};

struct Log {
    struct Config {
        std::int64_t first = 0;
        SLUICEBOX_DEFAULTS(first)
    };
    std::vector<std::int64_t> entries;
    std::map<std::string, std::optional<std::string>> by_kind;
    bool is_seen = false;
    SLUICEBOX_FIELDS(entries, by_kind, is_seen)

    static Log create(const Config &config) { return Log{{config.first}, {}, false}; }

    // Changes itself before it fails: the worst an author can do.
    sb::Result<void> accumulate(const std::int64_t &n) {
        entries.push_back(n);
        by_kind[n % 2 == 0 ? "even" : "odd: a text that is too long to be kept in place"] = "a text that is too long to be kept in place";
        is_seen = true;
        if (n < 0) return sb::fail(n, " is negative");
        return {};
    }

    void merge(const Log &later, const Config &config) {
        for (std::size_t i = config.first == later.entries[0] ? 1 : 0; i < later.entries.size(); i++) entries.push_back(later.entries[i]);
        for (const auto &[kind, text] : later.by_kind) by_kind[kind] = text;
        is_seen |= later.is_seen;
    }

    std::optional<sb::Output<std::vector<std::int64_t>>> finish(const sb::Window &window) const {
        if (window.key == "none") return std::nullopt;
        return sb::Output(entries).header("until", std::to_string(window.end_ms));
    }

    static constexpr std::uint8_t format = 1;
    static bool migrates(std::uint8_t format) { return format == 0; }
    static std::optional<Log> migrate(std::uint8_t, std::string_view bytes) {
        auto first = sb::read_state<First>(bytes);
        if (!first) return std::nullopt;
        return Log{std::move(first->entries), {}, true};
    }
};
SLUICEBOX_VERSIONED_WINDOW_AGGREGATE(Log)

static void failed_rows_leave_no_trace() {
    sb_test *test = sb_test_start(R"({"first":-7})");
    const char *const ROWS[][2] = {{"a", "1"}, {"b", "-1"}, {"a", "-2"}, {"a", "2"}, {"a", "x"}, {"a", "-3"}, {"a", "3"}, {"b", "5"}, {"none", "4"}, {nullptr, "-4"}};
    for (auto [key, value] : ROWS) sb_test_add(test, key, value);
    sb_test_run_window(test, 0, 1000);
    SB_CHECK(test->output_count == 3 && test->merged_count == 3 && test->error_count == 5);
    const char *const VALUES[] = {"[-7,1,2,3]", "[-7,5]", "[-7]"};
    for (std::size_t i = 0; i < test->output_count; i++) {
        SB_CHECK_TEXT(test->outputs[i].value, VALUES[i]);
        SB_CHECK_TEXT(test->merged[i].value, VALUES[i]);
        SB_CHECK_TEXT(sb_test_output_header(&test->outputs[i], "until"), "1000");
    }
    SB_CHECK_TEXT(test->errors[0].message, "-1 is negative");
    sb_test_end(test);
}

static void the_layout_is_fixed_and_lies_are_found() {
    Log log{{1, -1}, {{"k", "v"}, {"n", std::nullopt}}, true};
    sb_buffer bytes{};
    sb::detail::put(&bytes, log);
    std::string_view all(bytes.data, bytes.length);
    using namespace std::string_view_literals;
    SB_CHECK(all == "\2\0\0\0\1\0\0\0\0\0\0\0\377\377\377\377\377\377\377\377\2\0\0\0\1\0\0\0k\1\1\0\0\0v\1\0\0\0n\0\1"sv);
    for (std::size_t end = 0; end < all.size(); end++) SB_CHECK(!sb::read_state<Log>(all.substr(0, end)));
    auto again = sb::read_state<Log>(all);
    SB_CHECK(again && again->entries == log.entries && again->by_kind == log.by_kind && again->is_seen);
    SB_CHECK(!sb::read_state<Log>("\377\377\377\377"sv) && !sb::read_state<Log>(std::string(all) + "x"));
    sb_free(&bytes);
}

static void migrations() {
    const std::uint32_t index[] = {0, 12, 0, 3};
    const char data[] = "\1\0\0\0\7\0\0\0\0\0\0\0";
    SB_CHECK(sluicebox_udf.aggregate->format() == 1 && sluicebox_udf.aggregate->migrates(0) && !sluicebox_udf.aggregate->migrates(1));
    const sb_migrated *migrated = sb_call_migrate(0, {{data, 12}, {index, 2}});
    SB_CHECK(!migrated->is_error);
    auto log = sb::read_state<Log>({static_cast<const char *>(migrated->ok.data.data), migrated->ok.data.length});
    SB_CHECK(log && log->entries == std::vector<std::int64_t>{7} && log->is_seen);
    SB_CHECK(sb_call_migrate(0, {{data, 12}, {index + 2, 2}})->is_error);
    sb_release();
}

int main() {
    failed_rows_leave_no_trace();
    the_layout_is_fixed_and_lies_are_found();
    migrations();
    return sb_test_failures();
}
