//! A job's log on the other hosts: their lines as they say them, whole ones only.

use super::call::Call;
use crate::limits::LOG_LINE_BYTES_MAX;
use axum::body::Bytes;
use axum::http::HeaderValue;
use reqwest::Response;
use sluicebox_catalog::HostRecord;
use std::collections::BTreeSet;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Pieces of the others' lines that wait for whoever reads them.
const PIECES_MAX: usize = 16;

/// Lines of a host's log, each with its end, or why there are none.
pub type Piece = (HostRecord, Result<Bytes, String>);

/// Follows the logs of the other hosts, those that come later as well.
pub struct Others {
    /// Path of the log, without `tail`.
    path: String,
    token: HeaderValue,
    /// Hosts that are followed, by id.
    followed: BTreeSet<String>,
    /// Hosts of which it was said that they can't be.
    told: BTreeSet<String>,
    reading: JoinSet<()>,
    sender: mpsc::Sender<Piece>,
    pieces: mpsc::Receiver<Piece>,
}

impl Others {
    /// Nobody is followed yet.
    pub fn new(call: &Call, tenant: &str, job: &str, follow: bool) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        Self {
            path: format!("/v1/tenants/{tenant}/jobs/{job}/logs?this_host=true&follow={follow}"),
            token: call.authorization(),
            followed: BTreeSet::new(),
            told: BTreeSet::new(),
            reading: JoinSet::new(),
            sender,
            pieces,
        }
    }

    /// Begin with the hosts that are not followed, with so many of their last lines. Answers how many hosts were asked.
    pub async fn look(&mut self, call: &Call, tail: usize) -> usize {
        let hosts = call.app.peers.others().await;
        self.told
            .retain(|id| hosts.iter().any(|host| host.id == *id));
        while self.reading.try_join_next().is_some() {}
        let new = hosts
            .into_iter()
            .filter(|host| !self.followed.contains(&host.id));
        let mut asked = 0;
        for host in new.collect::<Vec<_>>() {
            asked += 1;
            self.followed.insert(host.id.clone());
            let (app, token, sender) = (call.app.clone(), self.token.clone(), self.sender.clone());
            let path = format!("{}&tail={tail}", self.path);
            self.reading.spawn(async move {
                let read = match app.peers.open(&host, &path, &token).await {
                    Ok(answer) => read(answer, &host, &sender).await,
                    Err(why) => Err(why),
                };
                // Whoever reads may be gone.
                let ended = read.err().unwrap_or_default();
                let _ = sender.send((host, Err(ended))).await;
            });
        }
        asked
    }

    /// The next lines of any of them; none where one has ended. Never ends by itself.
    pub async fn next(&mut self) -> Piece {
        // This holds a sender, so there always may be more.
        let Some((host, piece)) = self.pieces.recv().await else {
            return std::future::pending().await;
        };
        let Err(why) = piece else {
            self.told.remove(&host.id);
            return (host, piece);
        };
        // It is tried again at the next look; what is wrong is said once, and an ordinary end not at all.
        self.followed.remove(&host.id);
        let news = !why.is_empty() && self.told.insert(host.id.clone());
        let piece = if news { Err(why) } else { Ok(Bytes::new()) };
        (host, piece)
    }

    /// Whether nobody is being read any more.
    pub fn ended(&self) -> bool {
        self.followed.is_empty()
    }
}

/// Send whole lines until the answer ends.
async fn read(
    mut answer: Response,
    host: &HostRecord,
    sender: &mpsc::Sender<Piece>,
) -> Result<(), String> {
    let mut rest: Vec<u8> = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| error.to_string())? {
        rest.extend_from_slice(&piece);
        if let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') {
            let after = rest.split_off(end + 1);
            let lines = std::mem::replace(&mut rest, after);
            if sender.send((host.clone(), Ok(lines.into()))).await.is_err() {
                return Ok(());
            }
        }
        if rest.len() > LOG_LINE_BYTES_MAX {
            return Err("a line of its log has no end".to_owned());
        }
    }
    Ok(())
}
