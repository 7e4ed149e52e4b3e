//! Tokens of a connection: a thread fetches one after the other for as long as the connection is in use.

use super::Settings;
use super::endpoint::{Endpoint, NO_TOKEN};
use crate::ffi::login::{Lack, Logins};
use crate::limits::{TOKEN_PAUSE_MAX, TOKEN_PAUSE_MIN};
use sluicebox_core::log::{Error, Kind, Result};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The thread ends after the last use, at the latest after a request that is under way.
pub struct Tokens {
    logins: Arc<Logins>,
    /// Nothing is sent: that it is dropped says all.
    _in_use: Sender<()>,
}

impl Tokens {
    /// Begin to fetch. The first token comes later; that there is none is told to whoever asks the clients how they are.
    pub fn start(settings: &Settings) -> Result<Tokens> {
        let endpoint = Endpoint::new(settings)?;
        let waiting = format!("{NO_TOKEN} has come yet from {}", settings.url);
        let logins = Arc::new(Logins::new(waiting));
        let (in_use, ended) = channel();
        let clients = logins.clone();
        thread::Builder::new()
            .name("kafka-tokens".to_owned())
            .spawn(move || fetch_all(&endpoint, &clients, &ended))
            .map_err(|error| {
                Error::new(Kind::Retriable, format!("can't start a thread: {error}"))
            })?;
        Ok(Tokens {
            logins,
            _in_use: in_use,
        })
    }

    /// Who gets them.
    pub fn logins(&self) -> &Arc<Logins> {
        &self.logins
    }
}

fn fetch_all(endpoint: &Endpoint, logins: &Logins, ended: &Receiver<()>) {
    let mut schedule = Schedule::default();
    loop {
        let fetched = endpoint.fetch().and_then(|(token, life)| {
            let renewed = logins.renew(token);
            renewed.map(|()| life).map_err(|fault| Lack {
                refused: true,
                text: format!("{NO_TOKEN}: what the endpoint gave is none: {}", fault.text),
            })
        });
        let pause = match fetched {
            Ok(life) => schedule.after(life, Instant::now()),
            Err(failure) => {
                logins.fail(failure);
                schedule.again(Instant::now())
            }
        };
        if ended.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// When the next request is due.
#[derive(Debug, Default)]
struct Schedule {
    failures: u32,
    /// When the last token ends.
    end: Option<Instant>,
}

impl Schedule {
    /// A token that is good for `life` has come: most of that may pass, the rest is for failures.
    fn after(&mut self, life: Duration, now: Instant) -> Duration {
        self.failures = 0;
        self.end = now.checked_add(life);
        life.mul_f64(0.8).max(TOKEN_PAUSE_MIN)
    }

    /// None has come: longer and longer, but not past the end of the last one.
    fn again(&mut self, now: Instant) -> Duration {
        let pause = TOKEN_PAUSE_MIN * 2_u32.pow(self.failures.min(10));
        self.failures += 1;
        let left = self.end.map(|end| end.saturating_duration_since(now));
        let left = left.filter(|left| !left.is_zero());
        pause
            .min(TOKEN_PAUSE_MAX)
            .min(left.unwrap_or(TOKEN_PAUSE_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_token_is_renewed_before_it_ends_and_failures_wait_longer_and_longer() {
        let (mut schedule, start) = (Schedule::default(), Instant::now());
        assert_eq!(schedule.again(start), TOKEN_PAUSE_MIN);
        assert_eq!(schedule.again(start), TOKEN_PAUSE_MIN * 2);
        assert_eq!(schedule.after(100 * SECOND, start), 80 * SECOND);
        assert_eq!(schedule.again(start + 80 * SECOND), TOKEN_PAUSE_MIN);
        for _ in 0..20 {
            assert!(schedule.again(start + 80 * SECOND) <= 20 * SECOND);
        }
        // When it has ended, that is known at once.
        let close = start + 99 * SECOND + SECOND / 2;
        assert_eq!(schedule.again(close), SECOND / 2);
        assert_eq!(schedule.again(start + 100 * SECOND), TOKEN_PAUSE_MAX);
        assert_eq!(schedule.after(Duration::ZERO, start), TOKEN_PAUSE_MIN);
    }
}
