//! Ctrl-C and SIGTERM: the first asks the job to commit its epoch and leave, a second one leaves at once. Leaving at
//! once is safe: what was not committed never happened, and the next start repeats it.

use crate::output::stderr_paint;
use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Handle the signals from now on. The flag becomes true at the first of them; whoever has it may raise it as well.
pub fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag down and raises it, so only the second one exits. The exit
        // happens in the handler, so it works however stuck the threads are.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&heard))
            .and_then(|_| flag::register(signal, Arc::clone(&heard)))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .context("can't handle Ctrl-C")?;
    }
    announce(heard)?;
    Ok(stop)
}

/// Tell people that they were heard. A handler may not print, so a thread looks at the flag.
fn announce(heard: Arc<AtomicBool>) -> anyhow::Result<()> {
    const LOOK_EVERY: Duration = Duration::from_millis(50);
    let watch = move || {
        while !heard.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK_EVERY);
        }
        let text = "committing the running epoch; Ctrl-C again leaves at once";
        eprintln!("{}", stderr_paint().dim(text));
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(watch)
        .context("can't start a thread")?;
    Ok(())
}
