//! Keeps orders of at least `minimum` cents in a known currency, with no SDK at all: the canonical ABI by hand, as
//! docs/sdk-for-another-language.md tells it. Bad JSON is a row error, an unwanted order is not.

const std = @import("std");
const builtin = @import("builtin");

// ---- the module ----

const Order = struct { amount: i64, currency: []const u8 };

const Config = struct {
    /// Smallest amount to keep, in cents.
    minimum: i64 = 1,
    currencies: []const []const u8 = &.{ "EUR", "USD", "GBP" },
};

var config: Config = .{};

fn valid(order: Order) bool {
    if (order.amount < config.minimum) return false;
    for (config.currencies) |known| {
        if (std.mem.eql(u8, known, order.currency)) return true;
    }
    return false;
}

// ---- the border ----

/// What the host passes and what the result needs; emptied when the host has read the result.
var call = std.heap.ArenaAllocator.init(if (builtin.cpu.arch.isWasm()) std.heap.wasm_allocator else std.heap.page_allocator);
/// What the config needs: as long as the instance.
var forever = std.heap.ArenaAllocator.init(if (builtin.cpu.arch.isWasm()) std.heap.wasm_allocator else std.heap.page_allocator);

/// A list or a string in memory: pointer and length, 4 bytes each.
fn List(comptime T: type) type {
    return extern struct {
        at: ?[*]const T = null,
        length: usize = 0,

        /// Zig's empty slices may point anywhere; the host checks also the address of an empty list.
        fn of(items: []const T) @This() {
            return .{ .at = if (items.len == 0) null else items.ptr, .length = items.len };
        }
    };
}

/// record row-error
const RowError = extern struct { row: u32, message: List(u8) };
/// record kept
const Kept = extern struct { bitmap: List(u8), errors: List(RowError) };
/// result<_, string>
const Initialised = extern struct { is_error: u8 = 0, message: List(u8) = .{} };

const null_length = 0xffffffff;

fn init(text: []const u8) Initialised {
    const memory = forever.allocator();
    const copy = memory.dupe(u8, if (std.mem.eql(u8, text, "null")) "{}" else text) catch @trap();
    config = std.json.parseFromSliceLeaky(Config, memory, copy, .{}) catch |why| {
        const message = std.fmt.allocPrint(memory, "config: {s}", .{@errorName(why)}) catch @trap();
        return .{ .is_error = 1, .message = .of(message) };
    };
    return .{};
}

fn keep(data: []const u8, index: []const u32) Kept {
    const memory = call.allocator();
    const rows = index.len / 6;
    const bitmap = memory.alloc(u8, (rows + 7) / 8) catch @trap();
    @memset(bitmap, 0);
    var errors: std.ArrayList(RowError) = .empty;
    for (0..rows) |row| {
        const value = index[row * 6 + 2 ..][0..2];
        const bytes = if (value[1] == null_length) "null" else data[value[0]..][0..value[1]];
        if (std.json.parseFromSliceLeaky(Order, memory, bytes, .{ .ignore_unknown_fields = true })) |order| {
            bitmap[row / 8] |= @as(u8, @intFromBool(valid(order))) << @intCast(row % 8);
        } else |why| {
            const message = std.fmt.allocPrint(memory, "value is not the JSON expected: {s}", .{@errorName(why)}) catch @trap();
            errors.append(memory, .{ .row = @intCast(row), .message = .of(message) }) catch @trap();
        }
    }
    return .{ .bitmap = .of(bitmap), .errors = .of(errors.items) };
}

// ---- exports, flattened ----

fn exportedRealloc(old: ?[*]u8, old_size: usize, alignment: usize, size: usize) callconv(.c) ?[*]u8 {
    _ = alignment;
    const memory = call.allocator().alignedAlloc(u8, .@"8", @max(size, 1)) catch @trap();
    if (old) |from| @memcpy(memory[0..@min(old_size, size)], from[0..@min(old_size, size)]);
    return memory.ptr;
}

var initialised: Initialised = .{};

fn exportedInit(text: [*]const u8, length: usize) callconv(.c) *const Initialised {
    initialised = init(text[0..length]);
    return &initialised;
}

var kept: Kept = undefined;

fn exportedKeep(data: [*]const u8, data_length: usize, index: [*]const u32, index_length: usize, _: [*]const i64, _: usize) callconv(.c) *const Kept {
    kept = keep(data[0..data_length], index[0..index_length]);
    return &kept;
}

fn exportedPost(_: *const anyopaque) callconv(.c) void {
    _ = call.reset(.retain_capacity);
}

comptime {
    if (builtin.cpu.arch.isWasm()) {
        std.debug.assert(@sizeOf(Kept) == 16 and @sizeOf(RowError) == 12 and @sizeOf(Initialised) == 12);
        @export(&exportedRealloc, .{ .name = "cabi_realloc" });
        @export(&exportedInit, .{ .name = "sluicebox:udf/lifecycle@0.1.0#init" });
        @export(&exportedKeep, .{ .name = "sluicebox:udf/filter@0.1.0#keep" });
        @export(&exportedPost, .{ .name = "cabi_post_sluicebox:udf/filter@0.1.0#keep" });
    }
}

// ---- natively: `zig test src/orders_valid.zig` ----

test "keeps what is large enough and in a known currency" {
    try std.testing.expectEqual(0, init("{\"minimum\":1000}").is_error);
    const data = "{\"order\":1,\"amount\":1999,\"currency\":\"EUR\"}" ++ "{\"amount\":999,\"currency\":\"EUR\"}" ++ "{\"amount\":5000}";
    const n = null_length;
    const index = [_]u32{ 0, n, 0, 42, 0, n, 0, n, 42, 31, 0, n, 0, n, 73, 15, 0, n, 0, n, 0, n, 0, n };
    const done = keep(data, &index);
    try std.testing.expectEqual(1, done.bitmap.at.?[0]);
    try std.testing.expectEqual(2, done.errors.length);
    try std.testing.expectEqual(2, done.errors.at.?[0].row);
    const message = done.errors.at.?[0].message;
    try std.testing.expectEqualStrings("value is not the JSON expected: MissingField", message.at.?[0..message.length]);
}

test "refuses a config it does not know" {
    const refused = init("{\"minimun\":1}");
    try std.testing.expectEqual(1, refused.is_error);
    try std.testing.expectEqualStrings("config: UnknownField", refused.message.at.?[0..refused.message.length]);
}
