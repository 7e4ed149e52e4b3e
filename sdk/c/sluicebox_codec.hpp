// How values become JSON and accumulators' bytes, and back: a struct says its fields once. Included by sluicebox.hpp.
#ifndef SLUICEBOX_CODEC_HPP
#define SLUICEBOX_CODEC_HPP

#include "sluicebox.h"

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// Inside a struct: its fields, in the order in which they are written. Reading fails if one is missing (a std::optional may be), there
// twice, or of another type. Types: bool, integers, double, std::string_view, std::string, sb_json (any), std::optional, std::vector and
// std::map<std::string, ...> of these, and structs with fields. A struct has at most 64.
#define SLUICEBOX_FIELDS(...)                                                                                                      \
    template <class Self, class Visit> static constexpr bool sluicebox_fields([[maybe_unused]] Self &self, [[maybe_unused]] Visit &&visit) { \
        return SLUICEBOX_EACH(SLUICEBOX_VISIT, __VA_ARGS__) true;                                                                  \
    }
// The same for fields that stay as they are if they are missing; after those of SLUICEBOX_FIELDS.
#define SLUICEBOX_DEFAULTS(...)                                                                                                    \
    template <class Self, class Visit> static constexpr bool sluicebox_defaults([[maybe_unused]] Self &self, [[maybe_unused]] Visit &&visit) { \
        return SLUICEBOX_EACH(SLUICEBOX_VISIT, __VA_ARGS__) true;                                                                  \
    }

#define SLUICEBOX_VISIT(member) visit(::std::string_view(#member), self.member) &&
#define SLUICEBOX_PARENS ()
#define SLUICEBOX_EXPAND(...) SLUICEBOX_EXPAND3(SLUICEBOX_EXPAND3(SLUICEBOX_EXPAND3(SLUICEBOX_EXPAND3(__VA_ARGS__))))
#define SLUICEBOX_EXPAND3(...) SLUICEBOX_EXPAND2(SLUICEBOX_EXPAND2(SLUICEBOX_EXPAND2(SLUICEBOX_EXPAND2(__VA_ARGS__))))
#define SLUICEBOX_EXPAND2(...) SLUICEBOX_EXPAND1(SLUICEBOX_EXPAND1(SLUICEBOX_EXPAND1(SLUICEBOX_EXPAND1(__VA_ARGS__))))
#define SLUICEBOX_EXPAND1(...) __VA_ARGS__
#define SLUICEBOX_EACH(macro, ...) __VA_OPT__(SLUICEBOX_EXPAND(SLUICEBOX_ONE(macro, __VA_ARGS__)))
#define SLUICEBOX_ONE(macro, first, ...) macro(first) __VA_OPT__(SLUICEBOX_AGAIN SLUICEBOX_PARENS(macro, __VA_ARGS__))
#define SLUICEBOX_AGAIN() SLUICEBOX_ONE

namespace sluicebox {

// Bytes that may be null.
using Bytes = std::optional<std::string_view>;

namespace detail {

inline sb_bytes bytes_of(std::string_view text) { return {text.data() ? text.data() : "", text.size()}; }
inline sb_bytes bytes_of(const std::string &text) { return bytes_of(std::string_view(text)); }
inline sb_bytes bytes_of(const Bytes &bytes) { return bytes ? bytes_of(*bytes) : sb_bytes{nullptr, 0}; }
inline std::string_view view_of(sb_bytes bytes) { return {bytes.data, bytes.length}; }
inline Bytes optional_of(sb_bytes bytes) { return bytes.data ? Bytes(view_of(bytes)) : Bytes(); }

struct Nothing {
    template <class... T> constexpr bool operator()(T &&...) const { return true; }
};

template <class T> concept HasFields = requires(T &t) { T::sluicebox_fields(t, Nothing()); };
template <class T> concept HasDefaults = requires(T &t) { T::sluicebox_defaults(t, Nothing()); };
template <class T> concept Described = HasFields<T> || HasDefaults<T>;
template <class T> concept Number = std::integral<T> && !std::same_as<T, bool>;

template <class T> struct Optional : std::false_type {};
template <class T> struct Optional<std::optional<T>> : std::true_type {};
template <class T> struct Vector : std::false_type {};
template <class T> struct Vector<std::vector<T>> : std::true_type {};
template <class T> struct Map : std::false_type {};
template <class T> struct Map<std::map<std::string, T>> : std::true_type {};
template <class T> struct Map<std::map<std::string, T, std::less<>>> : std::true_type {};

// Each field: its name, itself, and whether it must be there.
template <class T, class Visit> constexpr bool each_field(T &of, Visit &&visit) {
    using Struct = std::remove_const_t<T>;
    if constexpr (HasFields<Struct>) {
        auto required = [&](std::string_view name, auto &field) {
            return visit(name, field, !Optional<std::remove_cvref_t<decltype(field)>>::value);
        };
        if (!Struct::sluicebox_fields(of, required)) return false;
    }
    if constexpr (HasDefaults<Struct>)
        return Struct::sluicebox_defaults(of, [&](std::string_view name, auto &field) { return visit(name, field, false); });
    return true;
}

// ---- JSON to values ----

template <class T> bool read(sb_reader &from, T &to);

template <class T> bool read_fields(sb_reader &from, T &to, bool is_strict) {
    std::uint64_t seen = 0;
    sb_bytes name;
    if (!sb_enter_object(&from)) return false;
    while (sb_next_member(&from, &name)) {
        int number = 0;
        bool is_known = false;
        auto take = [&](std::string_view field_name, auto &field, bool) {
            std::uint64_t bit = std::uint64_t(1) << number++;
            if (!sb_same(name, bytes_of(field_name))) return true;
            is_known = true;
            if (seen & bit) return sb_reader_refuse(&from, "duplicate", name);
            seen |= bit;
            from.field = name;
            if (read(from, field)) from.field.data = nullptr;
            return false; // found: no need to look on
        };
        each_field(to, take);
        if (from.has_failed) return false;
        if (is_known) continue;
        if (is_strict) return sb_reader_refuse(&from, "unknown", name);
        if (!sb_skip(&from)) return false;
    }
    int number = 0;
    return !from.has_failed && each_field(to, [&](std::string_view field_name, auto &, bool is_required) {
        bool is_there = seen >> number++ & 1;
        return is_there || !is_required || sb_reader_refuse(&from, "missing", bytes_of(field_name));
    });
}

template <class T> bool read_number(sb_reader &from, T &to) {
    std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t> wide;
    if constexpr (std::is_signed_v<T>) {
        if (!sb_read_i64(&from, &wide)) return false;
    } else {
        if (!sb_read_u64(&from, &wide)) return false;
    }
    to = static_cast<T>(wide);
    return to == wide || sb_reader_fail(&from, "an integer out of range");
}

template <class T> bool read_items(sb_reader &from, T &to) {
    to.clear();
    if (!sb_enter_array(&from)) return false;
    while (sb_next_item(&from)) {
        typename T::value_type item{};
        if (!read(from, item)) return false;
        to.push_back(std::move(item));
    }
    return !from.has_failed;
}

template <class T> bool read_map(sb_reader &from, T &to) {
    sb_bytes name;
    to.clear();
    if (!sb_enter_object(&from)) return false;
    while (sb_next_member(&from, &name)) {
        sb_bytes outer = std::exchange(from.field, name);
        if (!read(from, to[std::string(view_of(name))])) return false;
        from.field = outer;
    }
    return !from.has_failed;
}

// The value that comes next. What is not read is as it was, or default.
template <class T> bool read(sb_reader &from, T &to) {
    if constexpr (std::same_as<T, bool>) {
        return sb_read_bool(&from, &to);
    } else if constexpr (Number<T>) {
        return read_number(from, to);
    } else if constexpr (std::same_as<T, double>) {
        return sb_read_double(&from, &to);
    } else if constexpr (std::same_as<T, std::string_view> || std::same_as<T, std::string>) {
        sb_bytes text;
        if (!sb_read_text(&from, &text)) return false;
        to = view_of(text);
        return true;
    } else if constexpr (std::same_as<T, sb_json>) {
        return sb_read_any(&from, &to);
    } else if constexpr (Optional<T>::value) {
        to.reset();
        return sb_read_null(&from) || read(from, to.emplace());
    } else if constexpr (Vector<T>::value) {
        return read_items(from, to);
    } else if constexpr (Map<T>::value) {
        return read_map(from, to);
    } else {
        static_assert(Described<T>, "give the struct its SLUICEBOX_FIELDS(...)");
        return read_fields(from, to, false);
    }
}

// ---- values to JSON ----

// The value comes next: after its name, in an array, or as the whole.
template <class T> void write(sb_buffer *json, const T &value) {
    if constexpr (std::same_as<T, bool>) {
        sb_write_bool(json, nullptr, value);
    } else if constexpr (Number<T> && std::is_signed_v<T>) {
        sb_write_i64(json, nullptr, value);
    } else if constexpr (Number<T>) {
        sb_write_u64(json, nullptr, value);
    } else if constexpr (std::same_as<T, double>) {
        sb_write_double(json, nullptr, value);
    } else if constexpr (std::convertible_to<T, std::string_view>) {
        sb_write_text(json, nullptr, bytes_of(std::string_view(value)));
    } else if constexpr (std::same_as<T, sb_json>) {
        sb_write_json(json, nullptr, value);
    } else if constexpr (Optional<T>::value) {
        value ? write(json, *value) : sb_write_null(json, nullptr);
    } else if constexpr (Vector<T>::value) {
        sb_begin_array(json, nullptr);
        for (const auto &item : value) write<typename T::value_type>(json, item);
        sb_end_array(json);
    } else if constexpr (Map<T>::value) {
        sb_begin_object(json, nullptr);
        for (const auto &[name, item] : value) sb_write_name(json, bytes_of(name)), write(json, item);
        sb_end_object(json);
    } else {
        static_assert(Described<T>, "give the struct its SLUICEBOX_FIELDS(...)");
        sb_begin_object(json, nullptr);
        each_field(value, [json](std::string_view name, const auto &field, bool) {
            sb_write_name(json, bytes_of(name));
            write(json, field);
            return true;
        });
        sb_end_object(json);
    }
}

// ---- accumulators: fields in order, little endian, lengths in four bytes ----

template <class T> void put(sb_buffer *bytes, const T &value) {
    if constexpr (std::integral<T> || std::same_as<T, double>) {
        sb_put(bytes, &value, sizeof value);
    } else if constexpr (std::same_as<T, std::string>) {
        put(bytes, static_cast<std::uint32_t>(value.size()));
        sb_put(bytes, value.data(), value.size());
    } else if constexpr (Optional<T>::value) {
        put(bytes, value.has_value());
        if (value) put(bytes, *value);
    } else if constexpr (Vector<T>::value) {
        put(bytes, static_cast<std::uint32_t>(value.size()));
        for (const auto &item : value) put<typename T::value_type>(bytes, item);
    } else if constexpr (Map<T>::value) {
        put(bytes, static_cast<std::uint32_t>(value.size()));
        for (const auto &[name, item] : value) put(bytes, name), put(bytes, item);
    } else {
        static_assert(Described<T>, "accumulators own their fields: numbers, std::string, optional, vector, map, structs with fields");
        each_field(value, [bytes](std::string_view, const auto &field, bool) {
            put(bytes, field);
            return true;
        });
    }
}

// Take a value from the front; false if there is none.
template <class T> bool take(std::string_view &from, T &to) {
    if constexpr (std::integral<T> || std::same_as<T, double>) {
        if (from.size() < sizeof to) return false;
        if (std::same_as<T, bool> && static_cast<unsigned char>(from[0]) > 1) return false;
        memcpy(&to, from.data(), sizeof to);
        from.remove_prefix(sizeof to);
        return true;
    } else if constexpr (std::same_as<T, std::string>) {
        std::uint32_t length;
        if (!take(from, length) || from.size() < length) return false;
        to = from.substr(0, length);
        from.remove_prefix(length);
        return true;
    } else if constexpr (Optional<T>::value) {
        bool is_there;
        to.reset();
        return take(from, is_there) && (!is_there || take(from, to.emplace()));
    } else if constexpr (Vector<T>::value || Map<T>::value) {
        std::uint32_t count;
        if (!take(from, count)) return false;
        to.clear();
        while (count--) {
            std::conditional_t<Vector<T>::value, typename T::value_type, std::pair<std::string, typename T::value_type>> item{};
            if constexpr (Map<T>::value) {
                std::string name;
                if (!take(from, name) || !take(from, to[name])) return false;
            } else {
                if (!take(from, item)) return false;
                to.push_back(std::move(item));
            }
        }
        return true;
    } else {
        static_assert(Described<T>, "accumulators own their fields: numbers, std::string, optional, vector, map, structs with fields");
        return each_field(to, [&from](std::string_view, auto &field, bool) { return take(from, field); });
    }
}

template <class T> bool take_all(std::string_view from, T &to) { return take(from, to) && from.empty(); }

} // namespace detail
} // namespace sluicebox

#endif
