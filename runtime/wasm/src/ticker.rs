//! The thread that makes deadlines happen: every 10 ms it advances the engines' epoch, and a guest that is running
//! then stops for a moment to have its CPU time compared with its limit. Wall time itself decides nothing.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use wasmtime::{Engine, EngineWeak};

const TICK: Duration = Duration::from_millis(10);

/// Ends its thread when dropped.
pub(crate) struct Ticker {
    engines: Sender<EngineWeak>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start() -> std::io::Result<Self> {
        let (engines, news) = channel::<EngineWeak>();
        let thread = std::thread::Builder::new()
            .name("sluicebox-tick".into())
            .spawn(move || {
                let mut ticked: Vec<EngineWeak> = Vec::new();
                loop {
                    match news.recv_timeout(TICK) {
                        Ok(engine) => ticked.push(engine),
                        Err(RecvTimeoutError::Timeout) => ticked
                            .iter()
                            .filter_map(EngineWeak::upgrade)
                            .for_each(|engine| engine.increment_epoch()),
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            })?;
        Ok(Self {
            engines,
            thread: Some(thread),
        })
    }

    /// Advance this engine's epoch too, for as long as it lives.
    pub(crate) fn watch(&self, engine: &Engine) {
        // The thread ends only with this value, so the message always arrives.
        let _ = self.engines.send(engine.weak());
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        let (closed, _) = channel();
        drop(std::mem::replace(&mut self.engines, closed));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
