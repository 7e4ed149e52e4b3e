//! A host's API as a test uses it: plain HTTP on loopback. Deliberately apart from the command line's own client.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::host::guest;

/// An API with a token.
#[derive(Clone, Debug)]
pub struct Api {
    url: String,
    token: String,
    agent: ureq::Agent,
}

/// The bytes of a built module.
pub fn module(name: &str) -> Result<Vec<u8>> {
    let path = guest(name);
    std::fs::read(&path)
        .with_context(|| format!("{} is not built: run `cargo xtask test`", path.display()))
}

/// Status and body of an answer; the body is null where it is no JSON.
pub type Answer = (u16, Value);

impl Api {
    /// The API at `http://127.0.0.1:PORT`.
    pub fn new(url: &str, token: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self {
            url: url.to_owned(),
            token: token.trim().to_owned(),
            agent: config.into(),
        }
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The same API with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self::new(&self.url, token)
    }

    /// Make a request with a body; `GET` and `DELETE` send none.
    pub fn call(&self, method: &str, path: &str, body: &[u8]) -> Result<Answer> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token));
        let request = match body.first() {
            Some(b'{') => request.header("content-type", "application/json"),
            Some(0) => request.header("content-type", "application/wasm"),
            _ => request.header("content-type", "application/yaml"),
        };
        let mut answer = match method {
            "GET" | "DELETE" => self.agent.run(request.body(())?)?,
            _ => self.agent.run(request.body(body)?)?,
        };
        let text = answer.body_mut().read_to_string()?;
        Ok((
            answer.status().as_u16(),
            serde_json::from_str(&text).unwrap_or(Value::Null),
        ))
    }

    /// Make a request that must succeed.
    pub fn ok(&self, method: &str, path: &str, body: &[u8]) -> Result<Value> {
        let (status, answer) = self.call(method, path, body)?;
        ensure!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer:#}"
        );
        Ok(answer)
    }

    /// Get what is no JSON.
    pub fn text(&self, path: &str) -> Result<String> {
        let request = ureq::http::Request::builder()
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token))
            .body(())?;
        let mut answer = self.agent.run(request)?;
        let text = answer.body_mut().read_to_string()?;
        ensure!(answer.status().is_success(), "GET {path}: {text}");
        Ok(text)
    }

    /// Push a built module.
    pub fn push(&self, tenant: &str, name: &str) -> Result<()> {
        self.push_bytes(tenant, name, &module(name)?).map(drop)
    }

    /// Push the bytes of a module. Answers its name, version and digest.
    pub fn push_bytes(&self, tenant: &str, name: &str, wasm: &[u8]) -> Result<Value> {
        self.ok("PUT", &format!("/v1/tenants/{tenant}/modules/{name}"), wasm)
    }

    /// Deploy a job.
    pub fn deploy(&self, tenant: &str, job: &str, spec: &str) -> Result<Value> {
        let path = format!("/v1/tenants/{tenant}/jobs/{job}");
        self.ok("PUT", &path, spec.as_bytes())
    }

    /// How a job is, as the host sees it.
    pub fn job(&self, tenant: &str, job: &str) -> Result<Value> {
        self.ok("GET", &format!("/v1/tenants/{tenant}/jobs/{job}"), b"")
    }

    /// Ask until `condition` holds of a job, which this host may have yet to hear of.
    pub fn wait_for_job(
        &self,
        tenant: &str,
        job: &str,
        what: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let mut last = Value::Null;
        for _ in 0..600 {
            let (status, answer) =
                self.call("GET", &format!("/v1/tenants/{tenant}/jobs/{job}"), b"")?;
            last = answer;
            if status == 200 && condition(&last) {
                return Ok(last);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("{what}: not within a minute; the job is {last:#}")
    }
}
