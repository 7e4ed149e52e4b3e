// Write UDFs for sluicebox in C++ 23, without exceptions: what may fail returns a Result.
//
//     #include "sluicebox.hpp"
//
//     struct Order {
//         std::int64_t amount;
//         std::string_view currency;
//         SLUICEBOX_FIELDS(amount, currency)
//     };
//
//     bool valid(const Order &order) { return order.amount > 0 && order.currency == "EUR"; }
//     SLUICEBOX_FILTER(valid)
//
// What a function takes says how a record's bytes become it: a struct with fields (JSON), Raw (bytes), or a Record of one of these, with
// key, headers and timestamp; a second parameter `const Config &` receives the operator's `config`. std::optional<T> takes tombstones, too.
// Views are of memory that is there until the function returns. A type with `static Result<T> decode(Bytes)` reads a format of its own, one
// with `void encode(std::string &) const` writes it. Compile sluicebox.c and sluicebox.cpp with the module.
#ifndef SLUICEBOX_HPP
#define SLUICEBOX_HPP

#include "sluicebox_codec.hpp"

#include <expected>
#include <memory>
#include <new>

namespace sluicebox {

// ---- errors and the log ----

// Why a row failed; the host keeps 1 KiB.
struct Error {
    std::string message;
};

// A value, or why there is none: the row is then a row error.
template <class T> using Result = std::expected<T, Error>;

namespace detail {

template <class T> void append(std::string &text, const T &part) {
    if constexpr (std::same_as<T, char>)
        text += part;
    else if constexpr (std::convertible_to<T, std::string_view>)
        text += std::string_view(part);
    else if constexpr (std::is_floating_point_v<T>)
        text += view_of(sb_format("%g", static_cast<double>(part)));
    else if constexpr (std::is_signed_v<T>)
        text += view_of(sb_format("%lld", static_cast<long long>(part)));
    else
        text += view_of(sb_format("%llu", static_cast<unsigned long long>(part)));
}

template <class... Parts> std::string joined(const Parts &...parts) {
    std::string text;
    (append(text, parts), ...);
    return text;
}

inline bool set_error(sb_error *error, std::string_view message) {
    return sb_fail(error, "%.*s", static_cast<int>(message.size()), message.data() ? message.data() : "");
}

} // namespace detail

// Text and numbers joined, as what a function that may fail returns: `return fail("no rate for currency ", currency);`
template <class... Parts> std::unexpected<Error> fail(const Parts &...parts) {
    return std::unexpected(Error{detail::joined(parts...)});
}

// Text and numbers joined, as a line of the job's log: `log(SB_INFO, "seen ", count);`
template <class... Parts> void log(sb_level level, const Parts &...parts) {
    std::string line = detail::joined(parts...);
    sb_log(level, "%.*s", static_cast<int>(line.size()), line.c_str());
}

// ---- what goes in ----

// A value as bytes, or null (a tombstone).
struct Raw {
    Bytes bytes;
};

// A value with its record's key, headers and timestamp.
template <class V = Raw> struct Record {
    V value;
    Bytes key;
    std::int64_t timestamp_ms = 0; // event time, since 1970
    sb_bytes headers{};            // packed: see `each_header`

    // Value of the last header of this name; null if there is none or it is null.
    Bytes header(std::string_view name) const {
        Bytes found;
        each_header([&](std::string_view of, Bytes value) {
            if (of == name) found = value;
        });
        return found;
    }

    // Visit the headers in order: `visit(std::string_view name, Bytes value)`; names may repeat.
    template <class Visit> void each_header(Visit &&visit) const {
        sb_bytes rest = headers;
        for (sb_header header; sb_next_header(&rest, &header);) visit(detail::view_of(header.name), detail::optional_of(header.value));
    }
};

// A closed window of one key.
struct Window {
    Bytes key;
    std::int64_t start_ms; // first millisecond since 1970 of the window
    std::int64_t end_ms;   // first millisecond after it

    // The key as text; an error if it is null or not UTF-8.
    Result<std::string_view> key_text() const {
        if (!key) return fail("the key is null");
        if (!sb_is_utf8(detail::bytes_of(key))) return fail("the key is not UTF-8");
        return *key;
    }
};

// ---- what comes out ----

// One output. Without more than a value, key and headers are the parent's (headers of a window's output: none); the timestamp always is
// the parent's, or the window's end - 1. What it is given is copied.
template <class V = Raw> class Output {
public:
    explicit Output(V value) : value_(std::move(value)) {}
    // The parent's value, unread and uncopied.
    static Output same_value() { return Output(); }
    static Output tombstone() {
        Output output;
        output.is_tombstone_ = true;
        return output;
    }

    // With this key, null is none. A job refuses rows whose key was changed before a keyed operator.
    Output &key(Bytes key) & {
        key_ = sb_copy(detail::bytes_of(key));
        has_key_ = true;
        return *this;
    }
    // Without the parent's headers.
    Output &without_headers() & {
        drops_headers_ = true;
        return *this;
    }
    // With one more header, after those that are there.
    Output &header(std::string name, Bytes value) & {
        added_.emplace_back(std::move(name), sb_copy(detail::bytes_of(value)));
        return *this;
    }
    Output key(Bytes key) && { return std::move(this->key(key)); }
    Output without_headers() && { return std::move(this->without_headers()); }
    Output header(std::string name, Bytes value) && { return std::move(this->header(std::move(name), value)); }

    void send(sb_outputs *outputs) const;

private:
    Output() = default;
    std::optional<V> value_;
    bool is_tombstone_ = false, has_key_ = false, drops_headers_ = false;
    sb_bytes key_{};
    std::vector<std::pair<std::string, sb_bytes>> added_;
};

namespace detail {

template <class V> void send_value(sb_outputs *outputs, const V &value) {
    if constexpr (std::same_as<V, Raw>) {
        sb_emit_bytes(outputs, bytes_of(value.bytes));
    } else if constexpr (requires(std::string &out) { value.encode(out); }) {
        std::string out;
        value.encode(out);
        sb_emit_bytes(outputs, bytes_of(out));
    } else {
        write(sb_emit(outputs), value);
    }
}

template <class T> struct IsResult : std::false_type {};
template <class T> struct IsResult<Result<T>> : std::true_type {};

// Send what a function returned: a Result, std::optional or std::vector of outputs, an Output, or a value.
template <class T> bool send(sb_outputs *outputs, const T &returned, sb_error *error) {
    if constexpr (IsResult<T>::value) {
        return returned ? send(outputs, *returned, error) : set_error(error, returned.error().message);
    } else if constexpr (Optional<T>::value) {
        return !returned || send(outputs, *returned, error);
    } else if constexpr (Vector<T>::value) {
        for (const auto &one : returned)
            if (!send(outputs, one, error)) return false;
        return true;
    } else if constexpr (requires { returned.send(outputs); }) {
        returned.send(outputs);
        return true;
    } else {
        send_value(outputs, returned);
        return true;
    }
}

} // namespace detail

template <class V> void Output<V>::send(sb_outputs *outputs) const {
    if (is_tombstone_)
        sb_emit_bytes(outputs, {nullptr, 0});
    else if (value_)
        detail::send_value(outputs, *value_);
    else
        sb_emit_same(outputs);
    if (has_key_) sb_set_key(outputs, key_);
    if (drops_headers_) sb_drop_headers(outputs);
    for (const auto &[name, value] : added_) sb_add_header(outputs, name.c_str(), value);
}

} // namespace sluicebox

#include "sluicebox_module.hpp"

#endif
