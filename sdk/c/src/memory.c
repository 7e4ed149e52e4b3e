/* Memory of a call: blocks that are filled from the front and emptied at once. What the host passes, what rows take and what outlives
 * them until the host has read the result all comes from here, so that a warm instance asks for nothing. */
#include "../sluicebox.h"
#include <stdlib.h>

#define SB_ALIGNMENT 16
#define SB_BLOCK_BYTES_MIN (64 * 1024)
/* What an instance keeps between calls, at most. */
#define SB_KEPT_BYTES_MAX (8 * 1024 * 1024)

typedef struct sb_block {
    struct sb_block *next;
    size_t size; /* bytes after this header */
    size_t used;
    size_t padding;
} sb_block;

_Static_assert(sizeof(sb_block) % SB_ALIGNMENT == 0, "what follows a block's header is aligned");

/* A place to go back to. */
typedef struct sb_mark {
    sb_block *block;
    size_t used;
} sb_mark;

/* First block, and the one being filled; those after it are empty. */
static sb_block *sb_blocks, *sb_filling;
/* What `init` took. */
static sb_block *sb_permanent;

static void *sb_allocated(void *memory) {
    if (!memory) sb_trap("out of memory");
    return memory;
}

static void sb_free_blocks(sb_block **block) {
    while (*block) {
        sb_block *next = (*block)->next;
        free(*block);
        *block = next;
    }
}

/* A block with room for `size` bytes behind the one being filled. */
static sb_block *sb_next_block(size_t size) {
    sb_block **place = sb_filling ? &sb_filling->next : &sb_blocks;
    if (*place && (*place)->size >= size) {
        (*place)->used = 0;
        return *place;
    }
    sb_free_blocks(place);
    size_t twice = sb_filling ? sb_filling->size * 2 : SB_BLOCK_BYTES_MIN;
    size = size > twice ? size : twice;
    sb_block *block = sb_allocated(malloc(sizeof(sb_block) + size));
    *block = (sb_block){.next = NULL, .size = size};
    return *place = block;
}

void *sb_alloc(size_t size) {
    if (size > SIZE_MAX / 4) sb_trap("out of memory");
    size = (size + SB_ALIGNMENT - 1) & ~(size_t)(SB_ALIGNMENT - 1);
    if (!sb_filling || sb_filling->size - sb_filling->used < size) sb_filling = sb_next_block(size);
    void *memory = (char *)(sb_filling + 1) + sb_filling->used;
    sb_filling->used += size;
    return memory;
}

sb_bytes sb_copy(sb_bytes bytes) {
    if (!bytes.data) return bytes;
    char *copy = sb_alloc(bytes.length);
    if (bytes.length) memcpy(copy, bytes.data, bytes.length);
    return (sb_bytes){copy, bytes.length};
}

static sb_mark sb_mark_now(void) {
    return (sb_mark){sb_filling, sb_filling ? sb_filling->used : 0};
}

static void sb_rewind(sb_mark mark) {
    sb_filling = mark.block;
    if (mark.block) mark.block->used = mark.used;
}

/* Empty all. Several blocks become one that holds as much, so that the next call finds room in one piece. */
static void sb_empty_blocks(void) {
    size_t size = 0;
    for (sb_block *block = sb_blocks; block; block = block->next) size += block->size;
    if (sb_blocks && (sb_blocks->next || size > SB_KEPT_BYTES_MAX)) {
        sb_free_blocks(&sb_blocks);
        sb_filling = NULL;
        if (size <= SB_KEPT_BYTES_MAX) sb_filling = sb_next_block(size);
    }
    sb_filling = NULL;
}

/* What was taken until now stays until the next `init`. */
static void sb_keep_blocks(void) {
    sb_permanent = sb_blocks;
    sb_blocks = sb_filling = NULL;
}

void sb_free(sb_buffer *buffer) {
    free(buffer->data);
    *buffer = (sb_buffer){0};
}

/* Empty a buffer, and let go what is too much to keep. */
static void sb_clear(sb_buffer *buffer) {
    if (buffer->capacity > SB_KEPT_BYTES_MAX) sb_free(buffer);
    buffer->length = buffer->start = buffer->depth = 0;
}

static __attribute__((noinline)) void sb_grow(sb_buffer *buffer, size_t length) {
    if (length > SIZE_MAX / 4 - buffer->length) sb_trap("out of memory");
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : 4096;
    while (capacity - buffer->length < length) capacity *= 2;
    buffer->data = sb_allocated(realloc(buffer->data, capacity));
    buffer->capacity = capacity;
}

static inline void sb_reserve(sb_buffer *buffer, size_t length) {
    if (buffer->capacity - buffer->length < length) sb_grow(buffer, length);
}

/* As memcpy, without a call for what is as short as most fields. */
static inline void sb_copy_bytes(char *to, const char *from, size_t length) {
    if (length > 32) {
        memcpy(to, from, length);
    } else if (length >= 16) {
        memcpy(to, from, 16);
        memcpy(to + length - 16, from + length - 16, 16);
    } else if (length >= 8) {
        memcpy(to, from, 8);
        memcpy(to + length - 8, from + length - 8, 8);
    } else if (length >= 4) {
        memcpy(to, from, 4);
        memcpy(to + length - 4, from + length - 4, 4);
    } else {
        for (size_t i = 0; i < length; i++) to[i] = from[i];
    }
}

void sb_put(sb_buffer *buffer, const void *data, size_t length) {
    sb_reserve(buffer, length);
    sb_copy_bytes(buffer->data + buffer->length, data, length);
    buffer->length += length;
}

static inline void sb_put_byte(sb_buffer *buffer, char byte) {
    sb_reserve(buffer, 1);
    buffer->data[buffer->length++] = byte;
}
