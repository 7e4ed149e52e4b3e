//! chromedriver's process, and what is said to it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// No sandbox: it needs rights that containers don't give, and only our own page is opened. The other switches keep the browser
/// from asking its maker for anything.
const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--window-size=1280,900",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    // It ends when nobody holds the pipe any more, however chromedriver ended.
    "--remote-debugging-pipe",
];

/// A browser's window, through its driver.
#[derive(Debug)]
pub(super) struct Session {
    driver: Child,
    agent: ureq::Agent,
    url: String,
    _profile: tempfile::TempDir,
}

impl Session {
    /// Start the driver, and the browser through it.
    pub fn start() -> Result<Self> {
        let profile = tempfile::Builder::new()
            .prefix("sluicebox-page-")
            .tempdir()?;
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver does not start: run `cargo xtask test`, which installs it")?;
        let port = port(&mut driver);
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build();
        let mut session = Self {
            driver,
            agent: config.into(),
            url: format!("http://127.0.0.1:{}/session", port?),
            _profile: profile,
        };
        let made = session.post("", &session.capabilities())?;
        let id = made["sessionId"].as_str().context("no session")?;
        session.url = format!("{}/{id}", session.url);
        Ok(session)
    }

    fn capabilities(&self) -> Value {
        let profile = format!("--user-data-dir={}", self._profile.path().display());
        let arguments: Vec<_> = ARGUMENTS.into_iter().chain([profile.as_str()]).collect();
        json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        }}})
    }

    /// Ask for something.
    pub fn get(&self, path: &str) -> Result<Value> {
        let url = format!("{}/{path}", self.url);
        let mut answer = self.agent.get(&url).call()?;
        value(
            path,
            &answer
                .body_mut()
                .with_config()
                .limit(64 << 20)
                .read_to_string()?,
        )
    }

    /// Have something done.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/{path}", self.url);
        let url = url.trim_end_matches('/');
        let mut answer = self.agent.post(url).send(body.to_string())?;
        value(
            path,
            &answer
                .body_mut()
                .with_config()
                .limit(64 << 20)
                .read_to_string()?,
        )
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.url).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// What an answer has, or the error that it is.
fn value(path: &str, text: &str) -> Result<Value> {
    let mut answer: Value = serde_json::from_str(text).with_context(|| text.to_owned())?;
    let value = answer["value"].take();
    if let Some(error) = value["error"].as_str() {
        let message = value["message"].as_str().unwrap_or_default();
        bail!("{path}: {error}: {message}");
    }
    Ok(value)
}

/// The port that the driver has chosen.
fn port(driver: &mut Child) -> Result<u16> {
    let stdout = driver.stdout.take().context("chromedriver is silent")?;
    let mut lines = BufReader::new(stdout).lines();
    let port = loop {
        let line = lines.next().context("chromedriver ended")??;
        if let Some((_, port)) = line.split_once("successfully on port ") {
            break port.trim_end_matches('.').parse()?;
        }
    };
    // Whatever else it says is taken and dropped, or it would stand when the pipe is full.
    std::thread::spawn(move || lines.for_each(drop));
    Ok(port)
}

/// Decode base64.
pub(super) fn base64(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => bail!("no base64"),
        };
        bits = bits << 6 | u32::from(digit);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    ensure!(held < 6, "base64 is cut short");
    Ok(bytes)
}
