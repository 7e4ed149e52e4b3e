//! Attacks on time, stack, memory and the log: the same on every interface.

use crate::Hostile;
use crate::exports::tests::hostile::leaks;
use crate::sluicebox::udf::log::{Level, log};
use std::cell::Cell;
use std::hint::black_box;

/// Never returns.
pub fn endless_loop() {
    let mut n = 0u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Never returns, and spends its time in instructions that move megabytes each.
pub fn endless_bulk_work() {
    let mut block = vec![0u8; 16 << 20];
    loop {
        let byte = block[block.len() - 1].wrapping_add(1);
        black_box(&mut block).fill(byte);
    }
}

/// Uses up the stack that the host gives.
pub fn deep_recursion() {
    black_box(down(black_box(1)));
}

#[inline(never)]
fn down(n: u64) -> u64 {
    if n == u64::MAX {
        return 0; // not in this life
    }
    down(n + 1).wrapping_mul(3) ^ n
}

/// Uses up the stack that the module keeps in its own memory, for variables that have addresses.
pub fn deep_recursion_with_frames() {
    black_box(down_with_frames(black_box(1)));
}

#[inline(never)]
fn down_with_frames(n: u64) -> u64 {
    let frame = black_box([n; 16]);
    if n == u64::MAX {
        return 0; // not in this life either
    }
    down_with_frames(n + 1) + frame[(n % 16) as usize]
}

/// Takes memory until it is refused, touches all of it, and gives up with a panic only if it got more than it may.
pub fn memory_bomb() {
    const LIMIT_PAGES: usize = (64 << 20) / (64 << 10);
    while core::arch::wasm32::memory_grow(0, 16) != usize::MAX {}
    let pages = core::arch::wasm32::memory_size(0);
    assert!(pages <= LIMIT_PAGES, "got {pages} pages");
}

/// Never gives back a MiB, as some languages do with what they return; lives from as much of it as it gets.
pub fn leak() {
    assert!(
        core::arch::wasm32::memory_grow(0, 16) != usize::MAX,
        "no memory is left"
    );
}

/// Works once.
pub fn panic_on_the_second_call() {
    thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
    CALLS.set(CALLS.get() + 1);
    assert!(CALLS.get() < 2, "second call");
}

/// Ten thousand lines that would like to clear the screen and fake other lines.
pub fn log_flood() {
    for i in 0..10_000 {
        log(
            Level::Info,
            &format!("\u{1b}[2J\r\nline {i} \u{202e}{}", "x".repeat(5_000)),
        );
    }
}

/// A line for whoever reads the log in a browser.
pub fn log_markup() {
    log(
        Level::Warn,
        "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\"><b>bold</b>",
    );
}

/// Lines of many megabytes.
pub fn log_bomb() {
    let line = "y".repeat(20 << 20);
    for _ in 0..50 {
        log(Level::Warn, &line);
    }
}

/// Handles of a resource of its own, made in the host's table and never given back.
pub fn leak_handles() {
    loop {
        std::mem::forget(leaks::Handle::new(Thing));
    }
}

/// What the handles stand for.
pub struct Thing;

impl leaks::Guest for Hostile {
    type Handle = Thing;
}

impl leaks::GuestHandle for Thing {
    fn new() -> Self {
        Self
    }
}
