//! Requests to a host: time-outs on each step, bodies of bounded size, no redirects (a token goes nowhere but where its
//! owner sent it), and every failure as an [`Error`].

use super::error::{Error, Refusal};
use super::names::name;
use super::profiles::Profile;
use super::{roots, wire};
use crate::failure::{Usage, advised};
use crate::output::{Format, print, print_json};
use anyhow::Result;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::cell::OnceCell;
use std::io::BufRead;
use std::time::Duration;
use ureq::http::{Method, Request, Response};
use ureq::tls::RootCerts;
use ureq::{Agent, Body};

/// For all of a request and its answer: the largest module, on a slow line.
const TOTAL_WAIT: Duration = Duration::from_secs(20 * 60);
/// Largest JSON answer, in bytes.
const JSON_BYTES_MAX: u64 = 32 << 20;
/// Largest module, in bytes.
const MODULE_BYTES_MAX: u64 = 64 << 20;
/// Larger bodies are sent once the host says that it wants them: what it refuses at once need not cross the network.
const ASK_FIRST_BYTES: usize = 64 << 10;

/// A host, and who one is there.
pub struct Client {
    agent: Agent,
    url: String,
    token: String,
    tenant: OnceCell<String>,
}

/// An answer in JSON.
#[derive(Debug)]
pub struct Answer {
    url: String,
    /// As the host wrote it.
    pub value: Value,
}

impl Answer {
    /// Read it.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(&self.value).map_err(|error| Error::Foreign {
            url: self.url.clone(),
            why: format!("{error} (another version of sluicebox?)"),
        })
    }

    /// Print it: as it is, or as `text` has it.
    pub fn print<T: DeserializeOwned>(
        &self,
        format: Format,
        text: impl Fn(T) -> String,
    ) -> Result<()> {
        match format {
            Format::Json => print_json(&self.value),
            Format::Text => print(&text(self.read()?)),
        }
    }
}

impl Client {
    /// A client; nothing is asked yet.
    pub fn new(target: Profile, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let url = wire::address(&target.url)?;
        let roots = match url.starts_with("https:") {
            true => roots::read(target.ca.as_deref(), env)?,
            false => RootCerts::from([]),
        };
        let tenant = match target.tenant {
            Some(tenant) => OnceCell::from(tenant),
            None => OnceCell::new(),
        };
        Ok(Self {
            agent: wire::agent(roots),
            url,
            token: target.token,
            tenant,
        })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whose modules and jobs are meant, as far as it is known without asking.
    pub fn named_tenant(&self) -> Option<&str> {
        self.tenant.get().map(String::as_str)
    }

    /// Whose modules and jobs are meant. If nothing says so, the token does, unless it is for all.
    pub fn tenant(&self) -> Result<&str> {
        if let Some(tenant) = self.tenant.get() {
            return Ok(tenant);
        }
        let whoami: super::answers::Whoami = self.get("/v1/whoami")?.read()?;
        let Some(tenant) = whoami.tenant else {
            return Err(advised(
                Usage("this token is for the whole installation, so it doesn't say which tenant is meant".to_owned()),
                "add --tenant NAME, or set SLUICEBOX_TENANT; `sluicebox tenants list` shows which there are",
            ));
        };
        Ok(self.tenant.get_or_init(|| tenant))
    }

    /// The path of something of the tenant's.
    pub fn of_tenant(&self, path: &str) -> Result<String> {
        Ok(format!("/v1/tenants/{}{path}", self.tenant()?))
    }

    /// The path of a job's something.
    pub fn of_job(&self, job: &str, path: &str) -> Result<String> {
        self.of_tenant(&format!("/jobs/{}{path}", name("job", job)?))
    }

    /// Ask.
    pub fn get(&self, path: &str) -> Result<Answer, Error> {
        self.json(Method::GET, path, "", &[])
    }

    /// Ask for something to be done that needs no words.
    pub fn post(&self, path: &str) -> Result<Answer, Error> {
        self.json(Method::POST, path, "", &[])
    }

    /// Send JSON.
    pub fn send(&self, method: Method, path: &str, body: &Value) -> Result<Answer, Error> {
        self.json(
            method,
            path,
            "application/json",
            body.to_string().as_bytes(),
        )
    }

    /// Send bytes.
    pub fn put(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Answer, Error> {
        self.json(Method::PUT, path, content_type, body)
    }

    /// Delete.
    pub fn delete(&self, path: &str) -> Result<(), Error> {
        self.call(Method::DELETE, path, "", &[]).map(drop)
    }

    /// Fetch bytes.
    pub fn bytes(&self, path: &str) -> Result<Vec<u8>, Error> {
        let response = self.call(Method::GET, path, "", &[])?;
        self.all(response, MODULE_BYTES_MAX)
    }

    /// Fetch something whose end is open.
    pub fn lines(&self, path: &str) -> Result<impl BufRead + use<>, Error> {
        let request = self.request(Method::GET, path, "").body(());
        let request = request.map_err(|error| self.failed(error.into()))?;
        let response = self.checked(self.agent.run(request))?;
        Ok(std::io::BufReader::new(response.into_body().into_reader()))
    }

    /// What a failed read means.
    pub fn read_failed(&self, error: std::io::Error) -> Error {
        self.failed(ureq::Error::from(error))
    }

    fn json(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, Error> {
        let response = self.call(method, path, content_type, body)?;
        let bytes = self.all(response, JSON_BYTES_MAX)?;
        let value = serde_json::from_slice(&bytes)
            .map_err(|_| self.foreign("its answer is no JSON".to_owned()))?;
        let url = self.url.clone();
        Ok(Answer { url, value })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
    ) -> ureq::http::request::Builder {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token));
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        request
    }

    fn call(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> Result<Response<Body>, Error> {
        let mut request = self.request(method.clone(), path, content_type);
        if body.len() > ASK_FIRST_BYTES {
            request = request.header("expect", "100-continue");
        }
        let has_body = matches!(method, Method::POST | Method::PUT | Method::PATCH);
        let wait = Some(TOTAL_WAIT);
        let sent = match has_body {
            true => request
                .body(body)
                .map_err(ureq::Error::from)
                .and_then(|request| {
                    let request = self.agent.configure_request(request);
                    self.agent.run(request.timeout_global(wait).build())
                }),
            false => request
                .body(())
                .map_err(ureq::Error::from)
                .and_then(|request| {
                    let request = self.agent.configure_request(request);
                    self.agent.run(request.timeout_global(wait).build())
                }),
        };
        self.checked(sent)
    }

    fn checked(&self, sent: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, Error> {
        let response = sent.map_err(|error| self.failed(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            let to = response.headers().get("location");
            let to = to.and_then(|to| to.to_str().ok()).unwrap_or("elsewhere");
            return Err(self.foreign(format!("it points to {}", super::text::harmless(to))));
        }
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|text| text.to_str().ok()?.parse().ok());
        let bytes = self.all(response, JSON_BYTES_MAX)?;
        match serde_json::from_slice::<Refusal>(&bytes) {
            Ok(refusal) => Err(Error::Refused(Box::new(Refusal {
                status: status.as_u16(),
                retry_after_s: retry_after,
                ..refusal
            }))),
            // A proxy in between, for one: whether it may pass stands in the status.
            Err(_) if status.is_server_error() => Err(Error::Unreachable {
                url: self.url.clone(),
                why: format!("HTTP status {status}"),
            }),
            Err(_) => Err(self.foreign(format!("HTTP status {status}"))),
        }
    }

    fn all(&self, response: Response<Body>, bytes_max: u64) -> Result<Vec<u8>, Error> {
        let body = response.into_body().into_with_config().limit(bytes_max);
        body.read_to_vec().map_err(|error| self.failed(error))
    }

    fn foreign(&self, why: String) -> Error {
        let url = self.url.clone();
        Error::Foreign { url, why }
    }

    fn failed(&self, error: ureq::Error) -> Error {
        wire::failed(&self.url, error)
    }
}
