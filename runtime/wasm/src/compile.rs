//! Compiling, in a process of its own wherever the program offers one: a small module can cost a compiler minutes and
//! gigabytes (many of its algorithms grow faster than their input), and only another process can be stopped.

use crate::engine::{Stop, compiling_engine};
use crate::error::ModuleError;
use crate::limits::Limits;
use crate::sys::limit_this_process;
use crate::text::clean;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use wasmtime::Engine;
use wasmtime::component::Component;

/// First argument of the process that compiles. Then: how calls are stopped, seconds of CPU time, bytes of memory.
const ASKED: &str = "__compile-module";
/// Most of the compiled code that is read back, in bytes.
const CODE_BYTES_MAX: u64 = 1 << 30;
const MESSAGE_BYTES_MAX: usize = 1024;

/// Whether `main` of this program begins with `serve_as_compiler`.
static SERVES: AtomicBool = AtomicBool::new(false);

/// The first line of a program's `main`: where the process was started to compile one module, do that and answer
/// the exit code to leave with. Elsewhere remember that this program can be started so: from then on sandboxes
/// compile in child processes, under `Limits::compile_cpu_s_max` and `Limits::compile_memory_bytes_max`. Without
/// it they compile in their own process, without these two limits.
pub fn serve_as_compiler() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != ASKED) {
        SERVES.store(true, Ordering::Relaxed);
        return None;
    }
    let answer = serve(arguments, &mut io::stdin().lock());
    let (bytes, code) = match &answer {
        Ok(code) => (code.as_slice(), ExitCode::SUCCESS),
        Err(message) => (message.as_bytes(), ExitCode::FAILURE),
    };
    match io::stdout().lock().write_all(bytes) {
        Ok(()) => Some(code),
        Err(_) => Some(ExitCode::FAILURE),
    }
}

/// The child's side: a module in, machine code or a message out.
fn serve(
    mut arguments: impl Iterator<Item = OsString>,
    module: &mut impl Read,
) -> Result<Vec<u8>, String> {
    let stop = match arguments.next() {
        Some(stop) if stop == Stop::Fuel.name() => Stop::Fuel,
        _ => Stop::Deadline,
    };
    let mut number = || arguments.next()?.to_str()?.parse::<u64>().ok();
    let (Some(cpu_s_max), Some(memory_bytes_max)) = (number(), number()) else {
        return Err("started without its limits".into());
    };
    limit_this_process(cpu_s_max, memory_bytes_max)
        .map_err(|error| format!("cannot limit itself: {error}"))?;
    let mut bytes = Vec::new();
    module
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    let engine = compiling_engine(stop).map_err(|error| error.to_string())?;
    engine
        .precompile_component(&bytes)
        .map_err(|error| format!("{error:#}"))
}

/// Compile a module that has passed inspection.
pub(crate) fn compile(
    bytes: &[u8],
    engine: &Engine,
    stop: Stop,
    limits: &Limits,
) -> Result<Component, ModuleError> {
    if SERVES.load(Ordering::Relaxed) {
        return from_child(engine, &in_child(bytes, stop, limits)?);
    }
    // Should the compiler ever panic over what strangers wrote, that must cost this module only.
    match catch_unwind(AssertUnwindSafe(|| Component::from_binary(engine, bytes))) {
        Ok(Ok(component)) => Ok(component),
        Ok(Err(error)) => Err(refused(&format!("{error:#}"))),
        Err(_) => Err(refused(
            "the compiler failed on it; please report this module",
        )),
    }
}

#[allow(unsafe_code)]
fn from_child(engine: &Engine, code: &[u8]) -> Result<Component, ModuleError> {
    // SAFETY: the code comes from `precompile_component` in a process that runs this very program, through a pipe
    // that nobody else has. The engine checks that version and settings are its own.
    unsafe { Component::deserialize(engine, code) }.map_err(|error| refused(&format!("{error:#}")))
}

/// The parent's side.
fn in_child(bytes: &[u8], stop: Stop, limits: &Limits) -> Result<Vec<u8>, ModuleError> {
    let failed = |error: io::Error| refused(&format!("the compiling process failed: {error}"));
    let mut child = Command::new(this_program().map_err(failed)?)
        .args([ASKED, stop.name()])
        .args(
            [limits.compile_cpu_s_max, limits.compile_memory_bytes_max]
                .map(|limit| limit.to_string()),
        )
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let talked = talk(&mut child, bytes);
    if talked.is_err() {
        // It may still be waiting for the rest.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    match talked {
        Ok(answer) if status.success() => Ok(answer),
        Ok(message) if status.code() == Some(1) && !message.is_empty() => {
            Err(refused(&String::from_utf8_lossy(&message)))
        }
        // Killed while talking looks like a broken pipe: the status says more.
        _ => Err(refused(&stopped(status, limits))),
    }
}

/// This program's own file; on Linux even if another one has been put in its place since it started.
fn this_program() -> io::Result<PathBuf> {
    match cfg!(target_os = "linux") {
        true => Ok("/proc/self/exe".into()),
        false => std::env::current_exe(),
    }
}

/// The child reads everything before it writes anything, so neither side waits for the other.
fn talk(child: &mut Child, bytes: &[u8]) -> io::Result<Vec<u8>> {
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(bytes)?;
    }
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(CODE_BYTES_MAX).read_to_end(&mut answer)?;
    }
    Ok(answer)
}

fn stopped(status: ExitStatus, limits: &Limits) -> String {
    match status.signal() {
        Some(libc::SIGXCPU | libc::SIGKILL) => format!(
            "compiling takes more than {} s of CPU time: split its largest functions, or leave out large dependencies",
            limits.compile_cpu_s_max
        ),
        Some(libc::SIGABRT) => format!(
            "compiling takes more than {} MiB of memory: split its largest functions, or leave out large dependencies",
            limits.compile_memory_bytes_max >> 20
        ),
        _ => format!("the compiling process ended with {status}; please report this module"),
    }
}

fn refused(why: &str) -> ModuleError {
    ModuleError::Compile(clean(why, MESSAGE_BYTES_MAX))
}
