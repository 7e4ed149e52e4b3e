//! Kafka's protocol by hand, for the few questions that the client library has no call for. Only old versions of the
//! requests, which need nothing but numbers and short strings; one connection a question.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A request's body.
#[derive(Debug, Default)]
pub(crate) struct Body(Vec<u8>);

impl Body {
    pub fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }
    pub fn int(mut self, value: i32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }
    pub fn text(mut self, text: &str) -> Self {
        self.0.extend((text.len() as u16).to_be_bytes());
        self.0.extend(text.as_bytes());
        self
    }
}

/// An answer's body, read from its beginning.
#[derive(Debug)]
pub(crate) struct Answer(Vec<u8>);

impl Answer {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self
            .0
            .get(..N)
            .context("the answer is cut off")?
            .try_into()?;
        self.0.drain(..N);
        Ok(bytes)
    }
    pub fn short(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.take()?))
    }
    pub fn int(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.take()?))
    }
    /// A string; null is empty.
    pub fn text(&mut self) -> Result<String> {
        let length = usize::try_from(self.short()?).unwrap_or(0);
        ensure!(length <= self.0.len(), "the answer is cut off");
        let bytes: Vec<u8> = self.0.drain(..length).collect();
        Ok(String::from_utf8(bytes)?)
    }
}

/// Ask the broker at `address` (`host:port`, unencrypted).
pub(crate) fn ask(address: &str, api: i16, version: i16, body: Body) -> Result<Answer> {
    const CORRELATION: i32 = 7;
    let header = Body::default()
        .int(i32::from(api) << 16 | i32::from(version))
        .int(CORRELATION)
        .text("sluicebox-tests");
    let request = [header.0, body.0].concat();
    let mut stream = TcpStream::connect(address).with_context(|| address.to_owned())?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(&(request.len() as u32).to_be_bytes())?;
    stream.write_all(&request)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    let mut answer = Answer(bytes);
    ensure!(answer.int()? == CORRELATION, "the answer is another's");
    Ok(answer)
}
