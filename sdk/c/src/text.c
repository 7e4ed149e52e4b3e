/* Text: UTF-8, formatted messages, the log. A small formatter of our own, because the C library's would bring files along. */
#include "../sluicebox.h"
#include <stdarg.h>
#ifndef __wasm__
#include <stdio.h>
#include <stdlib.h>
#endif

static size_t sb_print_double(double value, char *text);
static size_t sb_print_u64(uint64_t value, char *text);

/* Bytes of the character at `at`, 1 to 4; 0 if it isn't UTF-8 (Unicode 15, table 3-7). */
static inline size_t sb_utf8_length(const char *at, const char *end) {
    const unsigned char *b = (const unsigned char *)at;
    size_t left = (size_t)(end - at);
    if (b[0] < 0x80) return 1;
    if (left < 2 || (b[1] & 0xc0) != 0x80) return 0;
    if (b[0] >= 0xc2 && b[0] <= 0xdf) return 2;
    if (left < 3 || (b[2] & 0xc0) != 0x80) return 0;
    if (b[0] == 0xe0) return b[1] >= 0xa0 ? 3 : 0;
    if (b[0] == 0xed) return b[1] <= 0x9f ? 3 : 0;
    if (b[0] >= 0xe1 && b[0] <= 0xef) return 3;
    if (left < 4 || (b[3] & 0xc0) != 0x80) return 0;
    if (b[0] == 0xf0) return b[1] >= 0x90 ? 4 : 0;
    if (b[0] == 0xf4) return b[1] <= 0x8f ? 4 : 0;
    return b[0] >= 0xf1 && b[0] <= 0xf3 ? 4 : 0;
}

bool sb_is_utf8(sb_bytes text) {
    const char *at = text.data, *end = text.data + text.length;
    while (at < end) {
        size_t length = sb_utf8_length(at, end);
        if (!length) return false;
        at += length;
    }
    return true;
}

/* Append as UTF-8: what isn't becomes U+FFFD. */
static void sb_put_utf8(sb_buffer *buffer, sb_bytes text) {
    const char *at = text.data, *end = text.data + text.length;
    while (at < end) {
        size_t length = sb_utf8_length(at, end);
        if (length)
            sb_put(buffer, at, length);
        else
            sb_put(buffer, "\xef\xbf\xbd", 3);
        at += length ? length : 1;
    }
}

/* The front of it that a message has room for, without half a character. */
static sb_bytes sb_front(sb_bytes text) {
    if (text.length <= SB_MESSAGE_BYTES_MAX) return text;
    text.length = SB_MESSAGE_BYTES_MAX;
    while (text.length && (text.data[text.length] & 0xc0) == 0x80) text.length--;
    return text;
}

static void sb_put_signed(sb_buffer *buffer, int64_t value) {
    char text[20];
    if (value < 0) sb_put_byte(buffer, '-');
    sb_put(buffer, text, sb_print_u64(value < 0 ? -(uint64_t)value : (uint64_t)value, text));
}

static void sb_put_unsigned(sb_buffer *buffer, uint64_t value) {
    char text[20];
    sb_put(buffer, text, sb_print_u64(value, text));
}

static void sb_put_hex(sb_buffer *buffer, uint64_t value) {
    int shift = 60;
    while (shift && !(value >> shift)) shift -= 4;
    for (; shift >= 0; shift -= 4) sb_put_byte(buffer, "0123456789abcdef"[value >> shift & 15]);
}

/* One conversion, from behind its `%`; answers what follows it. */
static const char *sb_put_conversion(sb_buffer *buffer, const char *at, va_list *arguments) {
    int precision = -1, longs = 0;
    if (at[0] == '.' && at[1] == '*') {
        precision = va_arg(*arguments, int);
        at += 2;
    }
    for (; *at == 'l' || *at == 'z'; at++) longs += *at == 'z' ? (sizeof(size_t) == sizeof(long) ? 1 : 2) : 1;
    bool is_wide = longs > 1, is_long = longs == 1;
    switch (*at) {
    case 's': {
        const char *text = va_arg(*arguments, const char *);
        if (!text) text = "(null)";
        const char *end = precision >= 0 ? memchr(text, 0, (size_t)precision) : NULL;
        sb_put(buffer, text, end ? (size_t)(end - text) : precision >= 0 ? (size_t)precision : strlen(text));
        break;
    }
    case 'c':
        sb_put_byte(buffer, (char)va_arg(*arguments, int));
        break;
    case 'd':
    case 'i':
        sb_put_signed(buffer, is_wide   ? va_arg(*arguments, long long)
                              : is_long ? va_arg(*arguments, long)
                                        : va_arg(*arguments, int));
        break;
    case 'u':
    case 'x': {
        uint64_t value = is_wide   ? va_arg(*arguments, unsigned long long)
                         : is_long ? va_arg(*arguments, unsigned long)
                                   : va_arg(*arguments, unsigned);
        if (*at == 'u')
            sb_put_unsigned(buffer, value);
        else
            sb_put_hex(buffer, value);
        break;
    }
    case 'f':
    case 'g': {
        char text[32];
        sb_put(buffer, text, sb_print_double(va_arg(*arguments, double), text));
        break;
    }
    case '%':
        sb_put_byte(buffer, '%');
        break;
    default:
        sb_trap("a format has a conversion that sluicebox.h doesn't name");
    }
    return at + 1;
}

static void sb_put_formatted(sb_buffer *buffer, const char *format, va_list given) {
    va_list arguments;
    va_copy(arguments, given);
    while (*format) {
        size_t plain = strcspn(format, "%");
        sb_put(buffer, format, plain);
        format += plain;
        if (*format == '%') format = sb_put_conversion(buffer, format + 1, &arguments);
    }
    va_end(arguments);
}

void sb_putf(sb_buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    sb_put_formatted(buffer, format, arguments);
    va_end(arguments);
}

static sb_buffer sb_formatted, sb_checked;

/* The text, UTF-8 and no longer than a message may be; there until the next one is formatted. */
static sb_bytes sb_message(const char *format, va_list arguments) {
    sb_clear(&sb_formatted);
    sb_clear(&sb_checked);
    sb_put_formatted(&sb_formatted, format, arguments);
    sb_put_utf8(&sb_checked, (sb_bytes){sb_formatted.data, sb_formatted.length});
    return sb_front((sb_bytes){sb_checked.data, sb_checked.length});
}

bool sb_fail(sb_error *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    sb_bytes message = sb_message(format, arguments);
    va_end(arguments);
    if (message.length) memcpy(error->text, message.data, message.length);
    error->length = message.length;
    return false;
}

sb_bytes sb_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    sb_clear(&sb_formatted);
    sb_put_formatted(&sb_formatted, format, arguments);
    va_end(arguments);
    return sb_copy((sb_bytes){sb_formatted.data ? sb_formatted.data : "", sb_formatted.length});
}

#ifdef __wasm__
__attribute__((import_module("sluicebox:udf/log@0.1.0"), import_name("log"))) void sb_host_log(int32_t level, const char *text,
                                                                                                 size_t length);
#else
static void sb_host_log(int32_t level, const char *text, size_t length) {
    static const char *const NAMES[] = {"debug", "info", "warn", "error"};
    fprintf(stderr, "%s: %.*s\n", NAMES[level], (int)length, text);
}
#endif

static void sb_log_formatted(sb_level level, const char *format, va_list arguments) {
    sb_bytes line = sb_message(format, arguments);
    sb_host_log((int32_t)level, line.data ? line.data : "", line.length);
}

void sb_log(sb_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    sb_log_formatted(level, format, arguments);
    va_end(arguments);
}

void sb_trap(const char *format, ...) {
    static bool is_trapping; /* out of memory while the message is made */
    va_list arguments;
    va_start(arguments, format);
    if (!is_trapping) {
        is_trapping = true;
        sb_log_formatted(SB_ERROR, format, arguments);
    }
    va_end(arguments);
#ifdef __wasm__
    __builtin_trap();
#else
    abort();
#endif
}
