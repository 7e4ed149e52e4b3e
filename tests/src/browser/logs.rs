//! What the browser wrote down: what it complained of, and whom it asked for something.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Browser;

impl Browser {
    /// Nothing was complained of since the last look but what contains `expected`, nobody else than the host was asked, and no
    /// address had a token in it.
    pub fn is_clean(&self, expected: Option<&str>) -> Result<()> {
        let complaints = self.complaints()?;
        let unexpected = complaints
            .iter()
            .find(|c| !expected.is_some_and(|e| c.contains(e)));
        ensure!(unexpected.is_none(), "{complaints:#?}");
        let asked = self.asked()?;
        ensure!(!asked.is_empty(), "no request was written down");
        let own = format!("{}/", self.host);
        for url in &asked {
            ensure!(url.starts_with(&own), "{url} was asked");
            ensure!(!url.contains("sbx_"), "a token is in {url}");
        }
        Ok(())
    }

    /// Errors and warnings of the console since the last look, refused scripts and styles among them.
    pub fn complaints(&self) -> Result<Vec<String>> {
        let entries = self.log("browser")?;
        let bad = entries.iter().filter(|entry| {
            let level = entry["level"].as_str();
            level.is_some_and(|level| ["SEVERE", "WARNING"].contains(&level))
        });
        let message = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        Ok(bad.map(message).collect())
    }

    /// The addresses of all requests of the page since the last look.
    fn asked(&self) -> Result<Vec<String>> {
        let mut urls = Vec::new();
        for entry in self.log("performance")? {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap_or("null"))?;
            let event = &event["message"];
            if event["method"] == "Network.requestWillBeSent" {
                let url = event["params"]["request"]["url"].as_str();
                urls.push(url.context("a request without address")?.to_owned());
            }
        }
        urls.retain(|url| !url.starts_with("data:") && !url.starts_with("chrome:"));
        Ok(urls)
    }

    fn log(&self, kind: &str) -> Result<Vec<Value>> {
        let entries = self.session.post("se/log", &json!({ "type": kind }))?;
        Ok(entries.as_array().cloned().unwrap_or_default())
    }
}
