/* Numbers as text, and back: integers, and doubles exactly. Most doubles in records have few digits and take a short way that is exact
 * too (Clinger, "How to Read Floating Point Numbers Accurately", 1990); the others go through integers of any size. */
#include "../sluicebox.h"
#include <math.h>

static size_t sb_print_u64(uint64_t value, char *text) {
    char digits[20];
    size_t count = 0;
    do digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    for (size_t i = 0; i < count; i++) text[i] = digits[count - 1 - i];
    return count;
}

int64_t sb_round(double value) {
    if (value != value) return 0;
    if (value >= 0x1p63) return INT64_MAX;
    if (value < -0x1p63) return INT64_MIN;
    int64_t whole = (int64_t)value;
    double rest = value - (double)whole;
    return rest >= 0.5 ? whole + 1 : rest <= -0.5 ? whole - 1 : whole;
}

/* A decimal number: digits, then `exponent` zeros, or a point so many digits from the end. */
typedef struct sb_decimal {
    uint8_t digits[800]; /* 768 decide (and whether any digit follows) */
    int count;
    int exponent;
} sb_decimal;

/* An integer of any size, least significant limb first. */
typedef struct sb_big {
    uint32_t limbs[192];
    int count;
} sb_big;

static void sb_big_multiply(sb_big *big, uint32_t factor, uint32_t plus) {
    uint64_t carry = plus;
    for (int i = 0; i < big->count; i++) {
        carry += (uint64_t)big->limbs[i] * factor;
        big->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry) big->limbs[big->count++] = (uint32_t)carry;
}

/* Divide, and answer the rest. */
static uint32_t sb_big_divide(sb_big *big, uint32_t divisor) {
    uint64_t rest = 0;
    for (int i = big->count - 1; i >= 0; i--) {
        rest = rest << 32 | big->limbs[i];
        big->limbs[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
    }
    while (big->count && !big->limbs[big->count - 1]) big->count--;
    return (uint32_t)rest;
}

static void sb_big_shift(sb_big *big, int bits) {
    int limbs = bits / 32;
    memmove(big->limbs + limbs, big->limbs, (size_t)big->count * sizeof(uint32_t));
    memset(big->limbs, 0, (size_t)limbs * sizeof(uint32_t));
    big->count += big->count ? limbs : 0;
    sb_big_multiply(big, (uint32_t)1 << bits % 32, 0);
}

#define SB_FIVES 13
#define SB_FIVE_TO_13 1220703125u

static uint32_t sb_five_to(int power) {
    uint32_t five = 1;
    while (power--) five *= 5;
    return five;
}

/* Whether bit `at` is set. */
static bool sb_big_bit(const sb_big *big, int at) {
    return at >= 0 && at < big->count * 32 && big->limbs[at / 32] >> at % 32 & 1;
}

/* big * 2^exponent, and a little more if `is_more`, to the nearest double; half goes to the even one. */
static double sb_big_double(const sb_big *big, int exponent, bool is_more) {
    int bits = big->count * 32;
    while (bits && !sb_big_bit(big, bits - 1)) bits--;
    if (!bits) return 0;
    int lowest = bits - 53; /* number of the last bit that stays */
    if (lowest + exponent < -1074) lowest = -1074 - exponent;
    uint64_t mantissa = 0;
    for (int i = bits - 1; i >= lowest; i--) mantissa = mantissa << 1 | sb_big_bit(big, i);
    bool is_half = sb_big_bit(big, lowest - 1);
    for (int i = lowest - 2; i >= 0 && !is_more; i--) is_more = sb_big_bit(big, i);
    if (is_half && (is_more || (mantissa & 1))) mantissa++;
    return ldexp((double)mantissa, lowest + exponent);
}

/* The nearest double to a decimal; infinite if there is none. */
static double sb_decimal_double(const sb_decimal *decimal) {
    int magnitude = decimal->count + decimal->exponent;
    if (!decimal->count || magnitude < -330) return 0;
    if (magnitude > 310) return HUGE_VAL;
    sb_big big = {.count = 0};
    for (int i = 0; i < decimal->count; i++) sb_big_multiply(&big, 10, decimal->digits[i]);
    int fives = decimal->exponent;
    if (fives >= 0) {
        for (; fives >= SB_FIVES; fives -= SB_FIVES) sb_big_multiply(&big, SB_FIVE_TO_13, 0);
        sb_big_multiply(&big, sb_five_to(fives), 0);
        return sb_big_double(&big, decimal->exponent, false);
    }
    /* Enough bits that 64 and more remain after the division. */
    int shift = 96 + -fives * 7 / 3;
    sb_big_shift(&big, shift);
    bool is_more = false;
    for (fives = -fives; fives; ) {
        int step = fives < SB_FIVES ? fives : SB_FIVES;
        is_more |= sb_big_divide(&big, sb_five_to(step)) != 0;
        fives -= step;
    }
    return sb_big_double(&big, decimal->exponent - shift, is_more);
}

static const double SB_TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#define SB_TENS_MAX 22
#define SB_MANTISSA_MAX ((uint64_t)1 << 53)

/* Digits of a number, from `at` (behind its sign), into a decimal without zeros around them. */
static void sb_read_decimal(const char *at, const char *end, sb_decimal *decimal) {
    int point = 0, exponent = 0;
    bool is_fraction = false, is_more = false;
    decimal->count = 0;
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            is_fraction = true;
            continue;
        }
        if (is_fraction && point > -1000000000) point--;
        if (!decimal->count && *at == '0') continue;
        if (decimal->count < 780)
            decimal->digits[decimal->count++] = (uint8_t)(*at - '0');
        else {
            is_more |= *at != '0';
            if (point < 1000000000) point++;
        }
    }
    if (is_more) { /* one more digit stands for all that follow */
        decimal->digits[decimal->count++] = 1;
        point--;
    }
    if (at < end) {
        bool is_negative = *++at == '-';
        if (*at == '-' || *at == '+') at++;
        for (; at < end; at++)
            if (exponent < 100000000) exponent = exponent * 10 + (*at - '0');
        if (is_negative) exponent = -exponent;
    }
    decimal->exponent = point + exponent;
    while (decimal->count && !decimal->digits[decimal->count - 1]) {
        decimal->count--;
        decimal->exponent++;
    }
}

/* The double of a number in JSON's grammar; infinite if it is too large. */
static double sb_parse_double(const char *at, const char *end) {
    bool is_negative = *at == '-';
    if (is_negative) at++;
    uint64_t mantissa = 0;
    int digits = 0, exponent = 0;
    const char *from = at;
    for (bool is_fraction = false; at < end && digits < 19 && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            is_fraction = true;
            continue;
        }
        mantissa = mantissa * 10 + (uint64_t)(*at - '0');
        digits += mantissa != 0;
        exponent -= is_fraction;
    }
    double value;
    if (at == end && mantissa <= SB_MANTISSA_MAX && -exponent <= SB_TENS_MAX) {
        value = (double)mantissa / SB_TENS[-exponent];
    } else {
        sb_decimal decimal;
        sb_read_decimal(from, end, &decimal);
        value = sb_decimal_double(&decimal);
    }
    return is_negative ? -value : value;
}

/* All digits of a positive double. */
static void sb_exact(double value, sb_decimal *decimal) {
    int exponent;
    uint64_t mantissa = (uint64_t)(frexp(value, &exponent) * 0x1p53);
    exponent -= 53;
    while (!(mantissa & 1)) {
        mantissa >>= 1;
        exponent++;
    }
    sb_big big = {.limbs = {(uint32_t)mantissa, (uint32_t)(mantissa >> 32)}, .count = mantissa >> 32 ? 2 : 1};
    if (exponent > 0) sb_big_shift(&big, exponent);
    for (int i = 0; i < -exponent; i++) sb_big_multiply(&big, 5, 0);
    decimal->exponent = exponent < 0 ? exponent : 0;
    uint8_t digits[800];
    int count = 0;
    while (big.count) digits[count++] = (uint8_t)sb_big_divide(&big, 10);
    for (int i = 0; i < count; i++) decimal->digits[i] = digits[count - 1 - i];
    decimal->count = count;
    while (decimal->count > 1 && !decimal->digits[decimal->count - 1]) {
        decimal->count--;
        decimal->exponent++;
    }
}

/* The first `count` digits, rounded. */
static void sb_rounded(const sb_decimal *exact, int count, sb_decimal *decimal) {
    *decimal = *exact;
    if (count >= exact->count) return;
    decimal->count = count;
    decimal->exponent += exact->count - count;
    bool is_up = exact->digits[count] > 5 || (exact->digits[count] == 5 && (exact->count > count + 1 || exact->digits[count - 1] & 1));
    for (int i = count - 1; is_up && i >= 0; i--) {
        is_up = decimal->digits[i] == 9;
        decimal->digits[i] = is_up ? 0 : decimal->digits[i] + 1;
    }
    if (is_up) { /* all were nines */
        decimal->digits[0] = 1;
        decimal->count = 1;
        decimal->exponent += count;
    }
}

/* The fewest digits that read back as this positive double. */
static void sb_shortest(double value, sb_decimal *decimal) {
    for (int places = 0; places <= SB_TENS_MAX && value * SB_TENS[places] < (double)SB_MANTISSA_MAX / 8; places++) {
        uint64_t mantissa = (uint64_t)(value * SB_TENS[places] + 0.5);
        if ((double)mantissa / SB_TENS[places] != value) continue;
        char text[20];
        decimal->count = (int)sb_print_u64(mantissa, text);
        for (int i = 0; i < decimal->count; i++) decimal->digits[i] = (uint8_t)(text[i] - '0');
        decimal->exponent = -places;
        break;
    }
    if (!decimal->count) {
        sb_decimal exact = {.count = 0};
        sb_exact(value, &exact);
        /* 15 digits tell any two numbers apart that have no more, but those near 0 have fewer bits. */
        int count = value < 0x1p-1022 ? 1 : 15;
        do sb_rounded(&exact, count, decimal);
        while (sb_decimal_double(decimal) != value && ++count <= 17);
    }
    while (decimal->count > 1 && !decimal->digits[decimal->count - 1]) {
        decimal->count--;
        decimal->exponent++;
    }
}

/* Print a finite double as serde_json and Ryu do, in at most 25 bytes: 1.0, 0.001, 1e16, 1.5e-7. */
static size_t sb_print_double(double value, char *text) {
    size_t length = 0;
    if (signbit(value)) {
        text[length++] = '-';
        value = -value;
    }
    if (!isfinite(value)) {
        memcpy(text + length, isnan(value) ? "nan" : "inf", 3);
        return length + 3;
    }
    if (value == 0) {
        memcpy(text + length, "0.0", 3);
        return length + 3;
    }
    sb_decimal decimal = {.count = 0};
    sb_shortest(value, &decimal);
    int point = decimal.count + decimal.exponent; /* digits before the point */
    bool is_plain = point > -5 && point <= 16;
    int whole = is_plain ? point : 1;
    if (whole <= 0) text[length++] = '0', text[length++] = '.';
    for (int i = whole; i < 0; i++) text[length++] = '0';
    for (int i = 0; i < decimal.count || (is_plain && i < whole); i++) {
        if (i == whole && i > 0) text[length++] = '.';
        text[length++] = i < decimal.count ? (char)('0' + decimal.digits[i]) : '0';
    }
    if (is_plain) {
        if (decimal.count <= whole) text[length++] = '.', text[length++] = '0';
        return length;
    }
    text[length++] = 'e';
    int exponent = point - 1;
    if (exponent < 0) text[length++] = '-';
    return length + sb_print_u64((uint64_t)(exponent < 0 ? -exponent : exponent), text + length);
}
