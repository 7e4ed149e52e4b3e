//! Guests that take too much: time, stack, memory, handles, log, instances.

use crate::{CALL_CPU_MS_MAX, batch, guest, rows, start, start_logging, trap};
use sluicebox_core::udf::CallError;
use sluicebox_wasm::{Kind, Level, Limits, LogSink, Sandbox, Settings};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[test]
fn an_endless_loop_ends_at_its_deadline_and_harms_nobody() {
    let mut neighbour = start(Kind::Filter, "");
    for mode in ["loop", "fill"] {
        let began = Instant::now();
        let mut udf = start(Kind::Map, mode);
        let looping = std::thread::spawn(move || trap(udf.map(&rows(1))));
        while !looping.is_finished() {
            assert_eq!(neighbour.filter(&rows(1)).unwrap().bitmap, [1]);
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "{mode} does not end"
            );
        }
        let text = looping.join().unwrap();
        assert!(text.contains("used more than 200 ms of CPU time"), "{text}");
    }
}

#[test]
fn a_deadline_counts_cpu_time_not_waiting() {
    // Its log line blocks the call for longer than the deadline, without using the CPU.
    let slow: LogSink =
        Arc::new(|_, _| std::thread::sleep(Duration::from_millis(3 * CALL_CPU_MS_MAX)));
    let mut udf = start_logging(Kind::Filter, "log once", slow).unwrap();
    udf.filter(&rows(1)).unwrap();
}

#[test]
fn a_loop_on_one_record_is_condemned_by_fuel_and_only_there() {
    let mut udf = start(Kind::Map, "loop on poison");
    assert!(trap(udf.map(&batch(&["good", "poison"]))).contains("CPU time"));
    udf.next_call_under_fuel();
    assert_eq!(udf.map(&batch(&["good"])).unwrap().parents, [0]);
    udf.next_call_under_fuel();
    let text = trap(udf.map(&batch(&["poison"])));
    assert!(text.contains("budget of instructions"), "{text}");
    assert_eq!(
        udf.map(&batch(&["good"])).unwrap().parents,
        [0],
        "the next call is ordinary again"
    );
}

#[test]
fn deep_recursion_is_a_trap() {
    let cases = [
        ("recurse", "used up its stack", "attacks::down"),
        (
            "recurse with frames",
            "accessed memory out of bounds",
            "attacks::down_with_frames",
        ),
    ];
    for (mode, want, function) in cases {
        let text = trap(start(Kind::Filter, mode).filter(&rows(1)));
        assert!(text.starts_with(want), "{text}");
        let named = text.lines().filter(|line| line.ends_with(function)).count();
        assert_eq!(named, 1, "the backtrace names the function, once: {text}");
    }
}

#[test]
fn memory_beyond_the_limit_is_refused_not_given() {
    // The guest panics if it ever gets more than 64 MiB, and works on if it is refused.
    let mut udf = start(Kind::Filter, "bomb");
    assert_eq!(udf.filter(&rows(1)).unwrap().bitmap, [1]);
}

#[test]
fn an_instance_that_leaks_is_followed_by_a_fresh_one_in_time() {
    let mut udf = start(Kind::Filter, "leak");
    // Three times what there is.
    for _ in 0..200 {
        assert_eq!(udf.filter(&rows(1)).unwrap().bitmap, [1]);
        assert!(udf.memory_bytes() <= 48 << 20);
    }
}

#[test]
fn an_instance_may_have_less_than_the_sandbox_allows() {
    let large = Sandbox::new(Settings {
        cache_dir: None,
        limits: Limits {
            memory_bytes_max: 128 << 20,
            ..Limits::default()
        },
    })
    .unwrap();
    let module = large.load(&guest("hostile")).unwrap();
    let start = |memory_bytes_max| {
        let silent: LogSink = Arc::new(|_, _| {});
        large
            .instantiate_within(&module, Kind::Filter, "bomb", silent, memory_bytes_max)
            .unwrap()
    };
    // It panics once it has more than 64 MiB.
    trap(start(usize::MAX).filter(&rows(1)));
    assert_eq!(start(64 << 20).filter(&rows(1)).unwrap().bitmap, [1]);
}

#[test]
fn a_log_flood_is_cut_cleaned_and_thinned() {
    let lines: Arc<Mutex<Vec<(Level, String)>>> = Arc::default();
    let sink = lines.clone();
    let mut udf = start_logging(
        Kind::Filter,
        "log flood",
        Arc::new(move |level, line| sink.lock().unwrap().push((level, line.to_owned()))),
    )
    .unwrap();
    // 10,000 long lines may take longer than the deadline here; both ends are fine.
    let began = Instant::now();
    let _ = udf.filter(&rows(1));
    let seconds = began.elapsed().as_secs() as usize + 1;
    let lines = lines.lock().unwrap();
    assert!(
        (100..=100 * seconds + seconds).contains(&lines.len()),
        "{} lines",
        lines.len()
    );
    for (_, line) in lines.iter() {
        assert!(
            line.len() <= 1024 && !line.chars().any(char::is_control),
            "{line:?}"
        );
        assert!(!line.contains('\u{202e}'));
    }
    let _ = start(Kind::Filter, "log bomb").filter(&rows(1));
}

#[test]
fn when_instances_run_out_the_host_says_so() {
    let small = Sandbox::new(Settings {
        cache_dir: None,
        limits: Limits {
            instances_max: 2,
            ..Limits::default()
        },
    })
    .unwrap();
    let module = small.load(&guest("hostile")).unwrap();
    let start = || small.instantiate(&module, Kind::Filter, "", Arc::new(|_, _| {}));
    let (first, _second) = (start().unwrap(), start().unwrap());
    let Err(CallError::Host(text)) = start() else {
        panic!("three of two");
    };
    assert!(text.contains("instances_max"), "{text}");
    drop(first);
    start().unwrap();
}

#[test]
fn leaked_handles_end_in_a_trap() {
    let text = trap(start(Kind::Filter, "leak handles").filter(&rows(1)));
    assert!(text.contains("handle"), "{text}");
}
