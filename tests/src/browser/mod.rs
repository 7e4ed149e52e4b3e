//! A real browser, as a person uses it: headless Chromium, driven through chromedriver. Things are found by what they are and
//! what they are called, as assistive technology finds them; nothing waits for some time, everything for what must be seen.

mod driver;
mod logs;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::host::release_folder;
use driver::Session;

/// For anything to be seen.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Name of a reference to an element, in WebDriver's JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
const FIND: &str = include_str!("find.js");

/// Keys that are no text, as WebDriver writes them.
pub mod key {
    /// To what is next.
    pub const TAB: &str = "\u{e004}";
    /// Does what the focus is on.
    pub const ENTER: &str = "\u{e007}";
    /// Leaves.
    pub const ESCAPE: &str = "\u{e00c}";
    /// Presses what the focus is on.
    pub const SPACE: &str = " ";
    /// Back in time.
    pub const LEFT: &str = "\u{e012}";
}

/// A browser with one window. Ended when dropped.
#[derive(Debug)]
pub struct Browser {
    session: Session,

    host: String,
}

/// What a thing is and what it is called.
#[derive(Clone, Copy, Debug)]
pub enum The<'a> {
    /// A button.
    Button(&'a str),
    /// A link.
    Link(&'a str),
    /// A field with this label.
    Field(&'a str),
}

impl Browser {
    /// Start it, at a page of the host at `url`. Says what is missing where it does not start.
    pub fn start(url: &str) -> Result<Self> {
        let browser = Self {
            session: Session::start()?,
            host: url.to_owned(),
        };
        browser.open("/")?;
        Ok(browser)
    }

    /// Go to a place of the host.
    pub fn open(&self, path: &str) -> Result<()> {
        let url = format!("{}{path}", self.host);
        self.session.post("url", &json!({ "url": url })).map(drop)
    }

    /// Load the page again.
    pub fn reload(&self) -> Result<()> {
        self.session.post("refresh", &json!({})).map(drop)
    }

    /// Run a function's body in the page; `find(role, name)` and `text()` are there.
    pub fn script(&self, body: &str) -> Result<Value> {
        let script = json!({ "script": format!("{FIND}\n{body}"), "args": [] });
        self.session.post("execute/sync", &script)
    }

    /// Wait until an expression is true of the page, and answer its value.
    pub fn wait(&self, what: &str, expression: &str) -> Result<Value> {
        self.wait_while(what, expression, || Ok(()))
    }

    /// As [`Browser::wait`], doing something in between.
    pub fn wait_while(
        &self,
        what: &str,
        expression: &str,
        mut meanwhile: impl FnMut() -> Result<()>,
    ) -> Result<Value> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let value = self.script(&format!("return {expression}"))?;
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return Ok(value);
            }
            if Instant::now() > deadline {
                let picture = self.picture("failed")?;
                let seen = self.script("return document.body.innerText")?;
                bail!(
                    "{what}: not seen within {TIMEOUT:?} ({}):\n{}",
                    picture.display(),
                    seen.as_str().unwrap_or_default()
                );
            }
            meanwhile()?;
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Wait until this text stands somewhere.
    pub fn sees(&self, words: &str) -> Result<()> {
        let expression = format!("text().includes({})", json!(words));
        self.wait(words, &expression).map(drop)
    }

    /// Click it, once it is there and can be clicked.
    pub fn click(&self, the: The<'_>) -> Result<()> {
        let element = self.find(the)?;
        let path = format!("element/{element}/click");
        self.session
            .post(&path, &json!({}))
            .map(drop)
            .with_context(|| format!("{the:?}"))
    }

    /// Write into a field, after what is there; into a field for files, write a path.
    pub fn write(&self, the: The<'_>, text: &str) -> Result<()> {
        let path = format!("element/{}/value", self.find(the)?);
        let sent = self.session.post(&path, &json!({ "text": text }));
        sent.map(drop).with_context(|| format!("{the:?}"))
    }

    /// Empty a field.
    pub fn clear(&self, the: The<'_>) -> Result<()> {
        let path = format!("element/{}/clear", self.find(the)?);
        self.session.post(&path, &json!({})).map(drop)
    }

    /// Press and release keys, one after the other, wherever the focus is.
    pub fn press(&self, keys: &str) -> Result<()> {
        let each = keys.chars().flat_map(|key| {
            let act = |kind: &str| json!({ "type": kind, "value": key.to_string() });
            [act("keyDown"), act("keyUp")]
        });
        let keyboard =
            json!({ "type": "key", "id": "keyboard", "actions": each.collect::<Vec<_>>() });
        let actions = json!({ "actions": [keyboard] });
        self.session.post("actions", &actions).map(drop)
    }

    /// Press Tab until the focus is on it. Wherever the focus is on the way, it can be seen.
    pub fn tab_to(&self, the: The<'_>) -> Result<()> {
        for _ in 0..80 {
            self.press(key::TAB)?;
            ensure!(
                self.script("return focusIsSeen()")? == Value::Bool(true),
                "the focus is not seen on {}",
                self.script("return document.activeElement?.outerHTML")?
            );
            let (role, name) = the.words();
            if self.script(&format!("return isFocused({role:?}, {})", json!(name)))?
                == Value::Bool(true)
            {
                return Ok(());
            }
        }
        bail!("{the:?} is not reached by Tab")
    }

    /// Emulate `light` or `dark`, as the system says it.
    pub fn prefers(&self, scheme: &str) -> Result<()> {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        )
    }

    /// Give the page another size.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        )
    }

    /// Keep a picture of what is seen, in `page/` of the target folder; answers where.
    pub fn picture(&self, name: &str) -> Result<PathBuf> {
        let png = self.session.get("screenshot")?;
        let bytes = driver::base64(png.as_str().context("no picture")?)?;
        let release = release_folder()?;
        let folder = release.parent().unwrap_or(Path::new("")).join("page");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, bytes)?;
        Ok(path)
    }

    fn find(&self, the: The<'_>) -> Result<String> {
        let (role, name) = the.words();
        let expression = format!("find({role:?}, {})", json!(name));
        let element = self.wait(&format!("{the:?}"), &expression)?;
        let id = element[ELEMENT].as_str().context("no element")?;
        Ok(id.to_owned())
    }

    fn devtools(&self, command: &str, params: &Value) -> Result<()> {
        let call = json!({ "cmd": command, "params": params });
        self.session.post("goog/cdp/execute", &call).map(drop)
    }
}

impl The<'_> {
    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Button(name) => ("button", name),
            Self::Link(name) => ("link", name),
            Self::Field(name) => ("field", name),
        }
    }
}
