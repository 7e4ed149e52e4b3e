/* Window aggregates: each group's accumulator is read once a call, its rows folded in, and written once. */
#include "../sluicebox.h"

static sb_buffer sb_packed_data, sb_packed_index;

/* A group's state in a call. */
enum { SB_LIVE = 1 /* not new */, SB_CAREFUL = 2 /* a row of it failed */ };

typedef struct sb_fold {
    const sb_aggregate *udf;
    sb_packed accumulators;
    const uint32_t *groups;
    sb_batch input;
    char *states;
    uint8_t *flags;
    size_t stride;
} sb_fold;

static void sb_read_state(const sb_aggregate *udf, void *state, sb_bytes bytes) {
    if (!udf->read(state, bytes))
        sb_trap("an accumulator of %zu bytes can't be read: was it written by a version of this module with other fields?", bytes.length);
}

static void sb_drop_state(const sb_aggregate *udf, void *state) {
    if (udf->drop) udf->drop(state);
}

static void sb_put_packed(sb_bytes item) {
    uint32_t index[2] = {(uint32_t)sb_packed_data.length, item.data ? (uint32_t)item.length : SB_NULL};
    if (item.data) sb_put(&sb_packed_data, item.data, item.length);
    sb_put(&sb_packed_index, index, sizeof index);
}

/* Append a state, and drop it. */
static void sb_put_state(const sb_aggregate *udf, void *state) {
    uint32_t index[2] = {(uint32_t)sb_packed_data.length, 0};
    udf->write(state, &sb_packed_data);
    sb_drop_state(udf, state);
    index[1] = (uint32_t)sb_packed_data.length - index[0];
    sb_put(&sb_packed_index, index, sizeof index);
}

static sb_packed sb_packed_now(void) {
    return (sb_packed){sb_list_of(&sb_packed_data, 1), sb_list_of(&sb_packed_index, sizeof(uint32_t))};
}

static const sb_accumulated *sb_accumulated_now(void) {
    static sb_accumulated accumulated;
    accumulated = (sb_accumulated){sb_packed_now(), sb_error_list()};
    return &accumulated;
}

static void sb_start(void) {
    sb_clear(&sb_errors);
    sb_clear(&sb_packed_data);
    sb_clear(&sb_packed_index);
}

/* Fold one row into its group, a new one if need be. */
static bool sb_fold_row(const sb_fold *fold, size_t row, sb_error *error) {
    uint32_t group = fold->groups[row];
    void *state = fold->states + group * fold->stride;
    sb_record record = sb_row(fold->input, row);
    if (!(fold->flags[group] & SB_LIVE)) {
        fold->udf->create(state);
        fold->flags[group] |= SB_LIVE;
    }
    error->length = 0;
    return fold->udf->accumulate(state, &record, error);
}

/* Make the state what these bytes say; null is a new one. */
static void sb_set_state(const sb_fold *fold, uint32_t group, sb_bytes bytes) {
    void *state = fold->states + group * fold->stride;
    if (fold->flags[group] & SB_LIVE) sb_drop_state(fold->udf, state);
    fold->flags[group] &= (uint8_t)~SB_LIVE;
    if (!bytes.data) return;
    sb_read_state(fold->udf, state, bytes);
    fold->flags[group] |= SB_LIVE;
}

/* A failed row must leave its accumulator as it was; saving it before each row would cost everybody, folding all again after each
 * failure is quadratic. So the first failure in a group folds its good rows again; from then on it is saved before each row. */
static void sb_undo(const sb_fold *fold, size_t row, sb_bytes saved) {
    uint32_t group = fold->groups[row];
    sb_error ignored;
    if (fold->flags[group] & SB_CAREFUL) {
        sb_set_state(fold, group, sb_copy(saved));
        return;
    }
    sb_set_state(fold, group, sb_item(fold->accumulators, group));
    for (size_t before = 0; before < row; before++)
        if (fold->groups[before] == group && !sb_is_failed(before)) sb_fold_row(fold, before, &ignored);
    fold->flags[group] |= SB_CAREFUL;
}

/* The bytes of a careful group's state, null for a new one. */
static sb_bytes sb_save(const sb_fold *fold, uint32_t group) {
    static sb_buffer bytes;
    if ((fold->flags[group] & (SB_CAREFUL | SB_LIVE)) != (SB_CAREFUL | SB_LIVE)) return (sb_bytes){NULL, 0};
    sb_clear(&bytes);
    fold->udf->write(fold->states + group * fold->stride, &bytes);
    return (sb_bytes){bytes.data ? bytes.data : "", bytes.length};
}

const sb_accumulated *sb_call_accumulate(sb_packed accumulators, sb_list groups, sb_batch input) {
    static sb_error error;
    const sb_aggregate *udf = sluicebox_udf.aggregate;
    size_t count = sb_items(accumulators), rows = sb_rows(input), stride = (udf->size + 15) & ~(size_t)15;
    if (groups.length < rows) sb_trap("a row has no group");
    sb_start();
    sb_fold fold = {udf, accumulators, groups.data, input, sb_alloc(count * stride), sb_alloc(count), stride};
    memset(fold.flags, 0, count);
    for (size_t group = 0; group < count; group++) sb_set_state(&fold, (uint32_t)group, sb_item(accumulators, group));
    for (size_t row = 0; row < rows; row++) {
        if (fold.groups[row] >= count) sb_trap("a row's group has no accumulator");
        sb_bytes saved = sb_save(&fold, fold.groups[row]);
        if (sb_fold_row(&fold, row, &error)) continue;
        sb_row_error failed = {.row = (uint32_t)row};
        sb_bytes message = sb_copy((sb_bytes){error.text, error.length});
        failed.message = (sb_list){message.data, message.length};
        sb_undo(&fold, row, saved);
        sb_put(&sb_errors, &failed, sizeof failed);
    }
    for (size_t group = 0; group < count; group++) {
        if (fold.flags[group] & SB_LIVE)
            sb_put_state(udf, fold.states + group * stride);
        else
            sb_put_packed((sb_bytes){NULL, 0});
    }
    return sb_accumulated_now();
}

/* One pair: the right one covers the later rows. A new accumulator covers none, so the other one stays. */
static bool sb_merge_pair(const sb_aggregate *udf, void *state, void *later, sb_bytes left, sb_bytes right, sb_error *error) {
    if (!left.data || !right.data) {
        sb_put_packed(left.data ? left : right);
        return true;
    }
    sb_read_state(udf, state, left);
    sb_read_state(udf, later, right);
    error->length = 0;
    bool is_done = udf->merge(state, later, error);
    sb_drop_state(udf, later);
    if (is_done) {
        sb_put_state(udf, state);
    } else {
        sb_drop_state(udf, state);
        sb_put_packed(left);
    }
    return is_done;
}

const sb_accumulated *sb_call_merge(sb_packed left, sb_packed right) {
    static sb_error error;
    const sb_aggregate *udf = sluicebox_udf.aggregate;
    size_t pairs = sb_items(left);
    if (sb_items(right) < pairs) sb_trap("an accumulator has none to be merged with");
    sb_start();
    void *state = sb_alloc(udf->size), *later = sb_alloc(udf->size);
    sb_mark mark = sb_mark_now();
    for (size_t pair = 0; pair < pairs; pair++) {
        bool is_done = sb_merge_pair(udf, state, later, sb_item(left, pair), sb_item(right, pair), &error);
        sb_rewind(mark);
        if (is_done) continue;
        sb_add_error(pair, &error);
        mark = sb_mark_now();
    }
    return sb_accumulated_now();
}

const sb_emitted *sb_call_finish(sb_packed keys, sb_list windows, sb_packed accumulators) {
    static sb_error error;
    const sb_aggregate *udf = sluicebox_udf.aggregate;
    const int64_t *spans = windows.data;
    size_t groups = sb_items(keys);
    if (windows.length / 2 < groups || sb_items(accumulators) < groups) sb_trap("a key has no window or no accumulator");
    sb_start();
    sb_outputs_clear(&sb_sent);
    void *state = sb_alloc(udf->size);
    sb_mark mark = sb_mark_now();
    for (size_t group = 0; group < groups; group++) {
        sb_window window = {sb_item(keys, group), spans[group * 2], spans[group * 2 + 1]};
        sb_bytes bytes = sb_item(accumulators, group);
        if (bytes.data)
            sb_read_state(udf, state, bytes);
        else
            udf->create(state);
        sb_outputs_mark sent = sb_outputs_now(&sb_sent);
        sb_outputs_begin(&sb_sent, (uint32_t)group, (sb_bytes){NULL, 0}, true);
        error.length = 0;
        bool is_done = udf->finish(state, &window, &sb_sent, &error) && sb_outputs_end(&sb_sent, &error);
        sb_drop_state(udf, state);
        sb_rewind(mark);
        if (is_done) continue;
        sb_outputs_rewind(&sb_sent, sent);
        sb_add_error(group, &error);
        mark = sb_mark_now();
    }
    return sb_emitted_now();
}

const sb_migrated *sb_call_migrate(uint8_t format, sb_packed accumulators) {
    static sb_migrated migrated;
    static sb_error error;
    const sb_aggregate *udf = sluicebox_udf.aggregate;
    sb_start();
    void *state = sb_alloc(udf->size);
    for (size_t item = 0; item < sb_items(accumulators); item++) {
        sb_bytes bytes = sb_item(accumulators, item);
        if (!udf->migrate(format, bytes, state)) {
            sb_fail(&error, "an accumulator of %zu bytes is not read as one of format %u", bytes.length, format);
            migrated = (sb_migrated){.is_error = 1, .ok = {.data = {error.text, error.length}}};
            return &migrated;
        }
        sb_put_state(udf, state);
    }
    migrated = (sb_migrated){.is_error = 0, .ok = sb_packed_now()};
    return &migrated;
}
