//! A receiver of traces: takes OTLP as JSON over HTTP on a loopback port, or takes it and never answers.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

/// A receiver. Its threads end with the process.
#[derive(Clone, Debug)]
pub struct Receiver {
    endpoint: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

/// What a receiver knows of a span.
#[derive(Clone, Debug)]
pub struct Span {
    /// As it came.
    pub json: Value,
}

impl Span {
    /// What was done.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// A field.
    pub fn text(&self, key: &str) -> &str {
        self.json[key].as_str().unwrap_or_default()
    }

    /// The value of an attribute, as text.
    pub fn attribute(&self, key: &str) -> Option<String> {
        let attributes = self.json["attributes"].as_array()?;
        let found = attributes
            .iter()
            .find(|attribute| attribute["key"] == key)?;
        let (_, value) = found["value"].as_object()?.iter().next()?;
        Some(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )
    }
}

impl Receiver {
    /// One that takes everything.
    pub fn start() -> Result<Self> {
        Self::listen(true)
    }

    /// One that takes everything, and says nothing.
    pub fn silent() -> Result<Self> {
        Self::listen(false)
    }

    fn listen(answers: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let receiver = Self {
            endpoint: format!("http://{}", listener.local_addr()?),
            spans: Arc::default(),
        };
        let spans = receiver.spans.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let spans = spans.clone();
                // A connection that breaks is the sender's concern.
                thread::spawn(move || serve(stream, answers, &spans));
            }
        });
        Ok(receiver)
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What has come.
    pub fn spans(&self) -> Vec<Span> {
        (self.spans.lock().unwrap_or_else(PoisonError::into_inner)).clone()
    }

    /// Wait until what has come satisfies this.
    pub fn wait_for(&self, what: &str, condition: impl Fn(&[Span]) -> bool) -> Result<Vec<Span>> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let spans = self.spans();
            if condition(&spans) {
                return Ok(spans);
            }
            if Instant::now() > deadline {
                bail!("the receiver never saw {what}: {spans:#?}");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Requests of one connection, one after the other.
fn serve(stream: TcpStream, answers: bool, spans: &Mutex<Vec<Span>>) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let (_, body) = request(&mut reader)?;
        let body: Value = serde_json::from_slice(&body)?;
        let new = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
        let new = new.as_array().into_iter().flatten().cloned();
        let mut all = spans.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(new.map(|json| Span { json }));
        drop(all);
        if !answers {
            thread::sleep(Duration::from_secs(3_600));
        }
        writer.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        )?;
    }
}

/// A request's header fields, by their names in small letters, and its body.
pub(crate) fn request(reader: &mut impl BufRead) -> Result<(HashMap<String, String>, Vec<u8>)> {
    let mut head = HashMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            bail!("the connection ended");
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            head.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = head.get("content-length").map(|length| length.parse());
    let mut body = vec![0; length.transpose()?.unwrap_or_default()];
    reader.read_exact(&mut body)?;
    Ok((head, body))
}
