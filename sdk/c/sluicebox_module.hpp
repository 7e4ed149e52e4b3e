// What makes C++ functions a module: one of SLUICEBOX_FILTER, SLUICEBOX_MAP and SLUICEBOX_WINDOW_AGGREGATE, once, in one source.
// Included by sluicebox.hpp.
#ifndef SLUICEBOX_MODULE_HPP
#define SLUICEBOX_MODULE_HPP

#include "sluicebox.hpp"

// A filter: `bool keep(T)`, or `Result<bool> keep(T, const Config &)`.
#define SLUICEBOX_FILTER(function)                                                                                                 \
    const sb_udf sluicebox_udf = {::sluicebox::detail::init<::sluicebox::detail::ConfigOf<&function>>,                             \
                                  ::sluicebox::detail::keep<&function>, nullptr, nullptr};                                         \
    SB_EXPORT_FILTER

// A map: takes what a filter takes, and returns one output (a value or an Output), a std::optional or std::vector of outputs, or a
// Result of one of these.
#define SLUICEBOX_MAP(function)                                                                                                    \
    const sb_udf sluicebox_udf = {::sluicebox::detail::init<::sluicebox::detail::ConfigOf<&function>>, nullptr,                    \
                                  ::sluicebox::detail::apply<&function>, nullptr};                                                 \
    SB_EXPORT_MAP

// A window aggregate: a struct with fields, which are what the host keeps of it, and
//     void accumulate(T record);              or Result<void>
//     void merge(const Self &later);          or Result<void>; `later` covers the later rows
//     finish(const Window &window) const;     returns what a map may
// After a row error the state is as it was before the row. With `using Config = ...;` in it each may take a last `const Config &`; a
// new state is value-initialised, or what `static Self create(const Config &)` returns.
//
// A version with other fields is SLUICEBOX_VERSIONED_WINDOW_AGGREGATE and has, too,
//     static constexpr std::uint8_t format = 1;
//     static bool migrates(std::uint8_t format);
//     static std::optional<Self> migrate(std::uint8_t format, std::string_view bytes);     `read_state` reads bytes as a struct
#define SLUICEBOX_WINDOW_AGGREGATE(type)                                                                                           \
    const sb_udf sluicebox_udf = {::sluicebox::detail::init<::sluicebox::detail::ConfigIn<type>>, nullptr, nullptr,                \
                                  &::sluicebox::detail::Aggregate<type>::table};                                                   \
    SB_EXPORT_WINDOW_AGGREGATE
#define SLUICEBOX_VERSIONED_WINDOW_AGGREGATE(type)                                                                                 \
    SLUICEBOX_WINDOW_AGGREGATE(type)                                                                                               \
    SB_EXPORT_ACCUMULATOR_FORMAT

namespace sluicebox {

// The struct that these bytes of an accumulator are, all of them.
template <class T> std::optional<T> read_state(std::string_view bytes) {
    T state{};
    return detail::take_all(bytes, state) ? std::optional<T>(std::move(state)) : std::nullopt;
}

namespace detail {

// ---- config ----

struct NoConfig {
    SLUICEBOX_DEFAULTS()
};

// The config of the module, and its text, which its views may be of.
template <class C> inline std::unique_ptr<C> config_of;

template <class C> bool init(sb_bytes text, sb_error *error) {
    auto config = std::make_unique<C>();
    sb_reader reader = sb_config_reader(text, error);
    if (!read_fields(reader, *config, true) || !sb_reader_end(&reader)) return false;
    config_of<C> = std::move(config);
    return true;
}

template <class F> struct Signature;
template <class R, class A> struct Signature<R (*)(A)> {
    using Argument = std::remove_cvref_t<A>;
    using Config = NoConfig;
};
template <class R, class A, class C> struct Signature<R (*)(A, C)> {
    using Argument = std::remove_cvref_t<A>;
    using Config = std::remove_cvref_t<C>;
};
template <class S, class R, class... A> struct Signature<R (S::*)(A...)> : Signature<R (*)(A...)> {};

template <auto function> using ArgumentOf = Signature<decltype(function)>::Argument;
template <auto function> using ConfigOf = Signature<decltype(function)>::Config;

template <class S> struct ConfigInside {
    using Type = NoConfig;
};
template <class S>
    requires requires { typename S::Config; }
struct ConfigInside<S> {
    using Type = S::Config;
};
template <class S> using ConfigIn = ConfigInside<S>::Type;

// Call with the config if it is taken.
template <class C, class F, class... A> decltype(auto) with_config(F &&function, A &&...arguments) {
    if constexpr (std::invocable<F, A..., const C &>)
        return function(std::forward<A>(arguments)..., *config_of<C>);
    else
        return function(std::forward<A>(arguments)...);
}

// ---- rows ----

template <class V> bool from_value(sb_bytes bytes, V &value, sb_error *error) {
    if constexpr (std::same_as<V, Raw>) {
        value.bytes = optional_of(bytes);
        return true;
    } else if constexpr (requires { V::decode(Bytes()); }) {
        auto decoded = V::decode(optional_of(bytes));
        if (!decoded) return set_error(error, decoded.error().message);
        value = std::move(*decoded);
        return true;
    } else {
        sb_reader reader = sb_reader_start(bytes, error);
        return read(reader, value) && sb_reader_end(&reader);
    }
}

template <class V> bool from_record(const sb_record *record, V &value, sb_error *error) { return from_value(record->value, value, error); }

template <class V> bool from_record(const sb_record *record, Record<V> &to, sb_error *error) {
    to.key = optional_of(record->key);
    to.timestamp_ms = record->timestamp_ms;
    to.headers = record->headers;
    return from_value(record->value, to.value, error);
}

template <auto function> bool keep(const sb_record *record, bool *is_kept, sb_error *error) {
    ArgumentOf<function> argument{};
    if (!from_record(record, argument, error)) return false;
    auto verdict = with_config<ConfigOf<function>>(function, argument);
    if constexpr (std::same_as<decltype(verdict), bool>) {
        *is_kept = verdict;
        return true;
    } else {
        *is_kept = verdict && *verdict;
        return verdict || set_error(error, verdict.error().message);
    }
}

template <auto function> bool apply(const sb_record *record, sb_outputs *outputs, sb_error *error) {
    ArgumentOf<function> argument{};
    if (!from_record(record, argument, error)) return false;
    return send(outputs, with_config<ConfigOf<function>>(function, argument), error);
}

// ---- window aggregates ----

// Whether it went well: of a function that returns nothing, or a Result<void>.
template <class F> bool went_well(F &&call, sb_error *error) {
    if constexpr (std::is_void_v<decltype(call())>) {
        call();
        return true;
    } else {
        auto done = call();
        return done || set_error(error, done.error().message);
    }
}

template <class S> struct Aggregate {
    using C = ConfigIn<S>;
    static S &at(void *state) { return *std::launder(static_cast<S *>(state)); }
    static const S &at(const void *state) { return *std::launder(static_cast<const S *>(state)); }

    static void create(void *state) {
        if constexpr (requires { S::create(*config_of<C>); })
            new (state) S(S::create(*config_of<C>));
        else
            new (state) S{};
    }
    static bool read(void *state, sb_bytes bytes) {
        new (state) S{};
        if (take_all(view_of(bytes), at(state))) return true;
        drop(state);
        return false;
    }
    static void write(const void *state, sb_buffer *bytes) { put(bytes, at(state)); }
    static void drop(void *state) { std::destroy_at(&at(state)); }

    static bool accumulate(void *state, const sb_record *record, sb_error *error) {
        ArgumentOf<&S::accumulate> argument{};
        if (!from_record(record, argument, error)) return false;
        auto call = [&](auto &&...more) -> decltype(at(state).accumulate(argument, more...)) { return at(state).accumulate(argument, more...); };
        return went_well([&] { return with_config<C>(call); }, error);
    }
    static bool merge(void *state, const void *later, sb_error *error) {
        auto call = [&](auto &&...more) -> decltype(at(state).merge(at(later), more...)) { return at(state).merge(at(later), more...); };
        return went_well([&] { return with_config<C>(call); }, error);
    }
    static bool finish(const void *state, const sb_window *of, sb_outputs *outputs, sb_error *error) {
        Window window{optional_of(of->key), of->start_ms, of->end_ms};
        auto call = [&](auto &&...more) -> decltype(at(state).finish(window, more...)) { return at(state).finish(window, more...); };
        return send(outputs, with_config<C>(call), error);
    }

    static std::uint8_t format() {
        if constexpr (requires { S::format; }) return S::format;
        return 0;
    }
    static bool migrates(std::uint8_t format) {
        if constexpr (requires { S::migrates(format); }) return S::migrates(format);
        return false;
    }
    static bool migrate(std::uint8_t format, sb_bytes bytes, void *state) {
        if constexpr (requires { S::migrate(format, view_of(bytes)); }) {
            std::optional<S> migrated = S::migrate(format, view_of(bytes));
            if (migrated) new (state) S(std::move(*migrated));
            return migrated.has_value();
        }
        return false;
    }

    static constexpr sb_aggregate table = {sizeof(S), create, read,   write,    drop,    accumulate,
                                           merge,     finish, format, migrates, migrate};
    static_assert(alignof(S) <= 16, "states are aligned to 16 bytes");
};

} // namespace detail
} // namespace sluicebox

#endif
