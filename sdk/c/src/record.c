/* Records as they are packed: fields by their place in one buffer, headers one after the other. */
#include "../sluicebox.h"

/* Numbers a record has in the index, and numbers a byte string has. */
#define SB_RECORD_NUMBERS 6
#define SB_PACKED_NUMBERS 2

/* The host promises that fields lie inside the data; should it lie, the trap here harms nobody. Never NULL, unless null is meant. */
static inline sb_bytes sb_slice(sb_list data, const uint32_t *at) {
    if (at[1] == SB_NULL) return (sb_bytes){NULL, 0};
    if (at[0] > data.length || at[1] > data.length - at[0]) sb_trap("a field lies outside the batch");
    return (sb_bytes){data.data ? (const char *)data.data + at[0] : "", at[1]};
}

static inline size_t sb_rows(sb_batch batch) {
    return batch.index.length / SB_RECORD_NUMBERS;
}

static inline sb_record sb_row(sb_batch batch, size_t row) {
    const uint32_t *at = (const uint32_t *)batch.index.data + row * SB_RECORD_NUMBERS;
    return (sb_record){
        .key = sb_slice(batch.data, at),
        .value = sb_slice(batch.data, at + 2),
        .headers = sb_slice(batch.data, at + 4),
        .timestamp_ms = row < batch.timestamps.length ? ((const int64_t *)batch.timestamps.data)[row] : 0,
    };
}

static inline size_t sb_items(sb_packed packed) {
    return packed.index.length / SB_PACKED_NUMBERS;
}

static inline sb_bytes sb_item(sb_packed packed, size_t item) {
    return sb_slice(packed.data, (const uint32_t *)packed.index.data + item * SB_PACKED_NUMBERS);
}

/* One length and its bytes from the front of packed headers; false at the end. */
static bool sb_take_header_part(sb_bytes *rest, sb_bytes *part) {
    uint32_t length;
    if (rest->length < sizeof length) return false;
    memcpy(&length, rest->data, sizeof length);
    rest->data += sizeof length;
    rest->length -= sizeof length;
    if (length == SB_NULL) {
        *part = (sb_bytes){NULL, 0};
        return true;
    }
    if (length > rest->length) return false;
    *part = (sb_bytes){rest->data, length};
    rest->data += length;
    rest->length -= length;
    return true;
}

bool sb_next_header(sb_bytes *rest, sb_header *header) {
    return sb_take_header_part(rest, &header->name) && sb_take_header_part(rest, &header->value);
}

sb_bytes sb_header_value(const sb_record *record, const char *name) {
    sb_bytes rest = record->headers, found = {NULL, 0};
    sb_header header;
    while (sb_next_header(&rest, &header))
        if (sb_is(header.name, name)) found = header.value;
    return found;
}

static void sb_put_header_part(sb_buffer *headers, sb_bytes part) {
    uint32_t length = part.data ? (uint32_t)part.length : SB_NULL;
    sb_put(headers, &length, sizeof length);
    if (part.data) sb_put(headers, part.data, part.length);
}

bool sb_window_key(const sb_window *window, sb_bytes *key, sb_error *error) {
    *key = window->key;
    if (!key->data) return sb_fail(error, "the key is null");
    return sb_is_utf8(*key) || sb_fail(error, "the key is not UTF-8");
}
