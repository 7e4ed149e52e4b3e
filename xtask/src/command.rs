//! Running programs: where, with which target folder, and what is said while a long one runs.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::paths::Paths;

const HEARTBEAT: Duration = Duration::from_secs(60);

/// `cargo` in the repository, with the shared target folder.
pub fn cargo(paths: &Paths) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command
        .current_dir(&paths.root)
        .env("CARGO_TARGET_DIR", &paths.target);
    command
}

/// A program in the repository.
pub fn program(paths: &Paths, name: impl AsRef<Path>) -> Command {
    let mut command = Command::new(name.as_ref());
    command.current_dir(&paths.root);
    command
}

/// Print a line about what happens now.
pub fn say(text: &str) {
    eprintln!("xtask: {text}");
}

/// Run to the end; an error if it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Run without input; its output, and whether it succeeded. A program that does not exist has failed.
pub fn output(command: &mut Command) -> (bool, String) {
    match command.stdin(Stdio::null()).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            (
                output.status.success(),
                String::from_utf8_lossy(&text).into_owned(),
            )
        }
        Err(error) => (false, error.to_string()),
    }
}

/// Whether a program runs and succeeds.
pub fn works(program: &str, arguments: &[&str]) -> bool {
    output(Command::new(program).args(arguments)).0
}

/// Run cargo for what may take long. A terminal gets cargo's own progress bar; a log gets cargo's lines and, each
/// minute, one that says how far it is.
pub fn build(command: &mut Command) -> Result<()> {
    if std::io::stderr().is_terminal() {
        return run(command);
    }
    let shown = show(command);
    let mut child = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    let (crates, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| heartbeat(&crates, &done));
        pass_through(child.stderr.take(), &crates);
        done.store(true, Ordering::Relaxed);
    });
    let status = child.wait()?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

fn pass_through(stderr: Option<impl Read>, crates: &AtomicUsize) {
    let Some(stderr) = stderr else { return };
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    while reader
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        let text = String::from_utf8_lossy(&line);
        if text.trim_start().starts_with("Compiling") {
            crates.fetch_add(1, Ordering::Relaxed);
        }
        eprint!("{text}");
        line.clear();
    }
}

fn heartbeat(crates: &AtomicUsize, done: &AtomicBool) {
    let start = Instant::now();
    let mut next = HEARTBEAT;
    while !done.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(200));
        if start.elapsed() >= next {
            let (crates, minutes) = (crates.load(Ordering::Relaxed), next.as_secs() / 60);
            say(&format!(
                "still building after {minutes} min: {crates} crates begun"
            ));
            next += HEARTBEAT;
        }
    }
}

fn show(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}
