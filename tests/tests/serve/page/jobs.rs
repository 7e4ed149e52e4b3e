//! A job's life on the page: its modules are pushed, it is deployed, watched, changed, rolled back, stopped and deleted there.

use super::*;
use sluicebox_tests::host::guest;
use sluicebox_tests::truth::Truth;

/// A job that is watched on the page, while orders come in.
struct Watched {
    installation: Installation,
    host: Served,
    browser: Browser,
    job: Job,
    options: Options,
    workload: Workload,
    produced: u64,
}

impl Watched {
    fn new() -> Result<Self> {
        let options = Options::default();
        let (installation, job) = set_up(&options)?;
        let (host, browser) = open_signed_in(&installation)?;
        Ok(Self {
            installation,
            host,
            browser,
            job,
            options,
            workload: workload(50_000),
            produced: 0,
        })
    }

    /// Wait for something that orders bring about.
    fn wait_while_orders_come(&mut self, what: &str, expression: &str) -> Result<()> {
        let Self {
            browser,
            job,
            workload,
            produced,
            ..
        } = self;
        let order = || {
            let next = (*produced + 20).min(workload.per_partition);
            job.produce(workload, *produced, next)?;
            *produced = next;
            Ok(())
        };
        browser.wait_while(what, expression, order).map(drop)
    }

    fn push_modules(&self) -> Result<()> {
        self.browser.click(The::Link("Modules"))?;
        for module in spec::MODULES.into_iter().chain(["hostile"]) {
            let path = guest(module).display().to_string();
            self.browser.write(The::Field("File"), &path)?;
            self.browser.click(The::Button("Push"))?;
            self.browser.sees(&format!("{module}@1 is pushed"))?;
            let newest = format!("{} === '1'", cell("Modules", module, "Newest"));
            self.browser.wait(module, &newest)?;
        }
        // The same bytes again are the same version.
        let path = guest("hostile").display().to_string();
        self.browser.write(The::Field("File"), &path)?;
        self.browser.click(The::Button("Push"))?;
        self.browser.sees("hostile@1 was there already")
    }

    /// A spec with a mistake leads to its place; a good one is only looked at until it is deployed.
    fn deploy(&mut self) -> Result<()> {
        let spec = spec::deployed(&self.job, &self.options);
        let browser = &self.browser;
        browser.click(The::Link("Deploy"))?;
        let folder = tempfile::tempdir()?;
        let wrong = file(
            folder.path(),
            "wrong.yaml",
            &spec.replace("filter:", "fliter:"),
        )?;
        browser.write(The::Field("Spec from a file"), &wrong)?;
        browser.wait(
            "the name",
            &format!("find('field', 'Job').value === {}", json!(self.job.name)),
        )?;
        browser.click(The::Button("Dry run"))?;
        browser.sees("The job spec is refused")?;
        browser.wait(
            "the place",
            "document.querySelector('.problem button.link') !== null",
        )?;
        browser.script("document.querySelector('.problem button.link').click()")?;
        let chosen = browser.script(
            "const spec = find('field', 'Spec'); return document.activeElement === spec && spec.value.slice(spec.selectionStart, spec.selectionEnd)",
        )?;
        assert!(
            chosen.as_str().is_some_and(|c| c.contains("fliter")),
            "{chosen}"
        );

        let good = file(folder.path(), "good.yaml", &spec)?;
        browser.write(The::Field("Spec from a file"), &good)?;
        browser.wait(
            "the spec",
            "!find('field', 'Spec').value.includes('fliter')",
        )?;
        assert_eq!(
            browser.script("return find('button', 'Deploy')")?,
            Value::Null
        );
        browser.click(The::Button("Dry run"))?;
        browser.sees(&format!("This would be version 1 of {}", self.job.name))?;
        let (status, _) = self.host.api.call(
            "GET",
            &format!("/v1/tenants/{TENANT}/jobs/{}", self.job.name),
            b"",
        )?;
        assert_eq!(status, 404, "a dry run deployed it");
        browser.picture("deploy")?;
        browser.click(The::Button("Deploy"))?;
        browser.sees(&format!("Version 1 of {} is deployed", self.job.name))?;
        let uid = self.host.api.job(TENANT, &self.job.name)?["uid"].clone();
        self.job.group = format!(
            "sluicebox.{}.{TENANT}.{}.{uid}",
            self.installation.name(),
            self.job.name
        );
        browser.click(The::Link(&format!("See {} run", self.job.name)))
    }

    fn watch(&mut self) -> Result<()> {
        self.browser.wait("it runs", &badge("running"))?;
        let line = |chart: &str| {
            format!(
                "[...document.querySelectorAll('.chart')].some((c) => c.querySelector('figcaption span').textContent === {} && (c.querySelector('path.line')?.getAttribute('d').match(/L/g) ?? []).length >= 2)",
                json!(chart)
            )
        };
        for chart in [
            "Epoch duration",
            "Epoch size",
            "Lag (records)",
            "Watermark delay",
            "Records a second",
            "Where the time goes",
        ] {
            self.wait_while_orders_come(chart, &line(chart))?;
        }
        self.wait_while_orders_come(
            "rows flow",
            "document.querySelector('.graph .edge.flows') !== null",
        )?;
        let graph = self
            .browser
            .script("return document.querySelector('.graph').getAttribute('aria-label')")?;
        let graph = graph.as_str().unwrap_or_default();
        let Job {
            input,
            output,
            late,
            dead,
            ..
        } = &self.job;
        for part in [
            input,
            "valid (filter",
            "enrich (map",
            "spend (window-aggregate",
            output,
            late,
            dead,
            "busy",
            "back-pressured",
        ] {
            assert!(graph.contains(part), "{part}: {graph}");
        }
        let coloured = "[...document.querySelectorAll('.graph .operator, .graph .sink')].filter((box) => box.dataset.heat >= '0').length";
        assert_eq!(self.browser.script(&format!("return {coloured}"))?, 4);
        self.browser.wait("the lag", "/^[\\d,.]+K?$/.test([...document.querySelectorAll('.numbers div')].find((d) => d.textContent.startsWith('Lag')).querySelector('dd').textContent)")?;
        self.browser.picture("job").map(drop)
    }

    fn look_at_the_ledger(&mut self) -> Result<()> {
        self.browser.click(The::Link("Ledger"))?;
        for operator in ["valid", "enrich", "spend"] {
            let balance = format!("{} === '✓'", cell("Ledger", operator, "Balance"));
            self.wait_while_orders_come(operator, &balance)?;
        }
        let held = format!("parseInt({}) > 0", cell("Ledger", "spend", "Held"));
        self.wait_while_orders_come("windows hold rows", &held)?;
        self.browser.picture("ledger").map(drop)
    }

    fn pause_and_resume(&mut self) -> Result<()> {
        let browser = &self.browser;
        browser.click(The::Button("Pause"))?;
        browser.click(The::Button("Pause"))?;
        browser.wait("it stands", &badge("paused"))?;
        browser.click(The::Button("Resume"))?;
        browser.click(The::Button("Resume"))?;
        browser.wait("it goes on", &badge("running"))?;
        Ok(())
    }

    /// A module that writes markup into the log joins the job; then all is as it was before.
    fn upgrade_and_roll_back(&mut self) -> Result<()> {
        self.browser.click(The::Link("Edit spec"))?;
        self.browser.wait(
            "the spec",
            "find('field', 'Spec')?.value.includes('enrich')",
        )?;
        let spec = spec::deployed(&self.job, &self.options);
        let noisy =
            "operators:\n  - id: noisy\n    filter: { module: hostile@1, config: log markup }\n";
        let folder = tempfile::tempdir()?;
        let path = file(
            folder.path(),
            "noisy.yaml",
            &spec.replace("operators:\n", noisy),
        )?;
        self.browser.write(The::Field("Spec from a file"), &path)?;
        self.browser.wait(
            "the new spec",
            "find('field', 'Spec').value.includes('noisy')",
        )?;
        self.browser.click(The::Button("Dry run"))?;
        self.browser.sees("This would be version 2")?;
        self.browser.wait("the new lines", "[...document.querySelectorAll('.diff .plus')].some((l) => l.textContent.includes('log markup'))")?;
        self.browser.click(The::Button("Deploy"))?;
        self.browser
            .click(The::Link(&format!("See {} run", self.job.name)))?;
        self.wait_while_orders_come("version 2 has a graph", "document.querySelector('.graph')?.getAttribute('aria-label').includes('noisy (filter')")?;
        self.read_the_log()?;

        self.browser.click(The::Link("Versions"))?;
        self.browser
            .click(The::Button("Compare version 1 with the current one"))?;
        self.browser.wait("what differs", "[...document.querySelectorAll('.diff .minus')].some((l) => l.textContent.includes('noisy'))")?;
        self.browser.picture("versions")?;
        self.browser.click(The::Button("Roll back to version 1"))?;
        self.browser.click(The::Button("Roll back"))?;
        let repeats = format!("{} === '1'", cell("Versions", "3", "Repeats"));
        self.wait_while_orders_come("version 3", &repeats)?;
        self.browser.click(The::Link("Overview"))?;
        self.wait_while_orders_come(
            "version 3 runs",
            "!document.querySelector('.graph')?.getAttribute('aria-label').includes('noisy')",
        )?;
        self.browser.wait("it runs", &badge("running")).map(drop)
    }

    /// What looks like markup in a log is what it says, and does nothing.
    fn read_the_log(&mut self) -> Result<()> {
        self.browser.click(The::Link("Logs"))?;
        let shown = "[...document.querySelectorAll('.log .text')].some((t) => t.textContent.startsWith('<script>') && t.textContent.endsWith('<b>bold</b>'))";
        self.wait_while_orders_come("the line", shown)?;
        let made = "document.querySelectorAll('.log script, .log img, .log .text *').length";
        assert_eq!(self.browser.script(&format!("return {made}"))?, 0);
        let title = self.browser.script("return document.title")?;
        assert!(
            title
                .as_str()
                .is_some_and(|t| t.starts_with(&self.job.name)),
            "{title}"
        );
        self.browser
            .write(The::Field("Filter lines"), "VERSION 2 RUNS")?;
        self.browser.wait(
            "one line",
            "[...document.querySelectorAll('.log .line')].filter(isSeen).length === 1",
        )?;
        self.browser.clear(The::Field("Filter lines"))?;
        self.browser.picture("log").map(drop)
    }

    fn stop_and_delete(&mut self) -> Result<()> {
        let browser = &self.browser;
        for act in ["Stop", "Delete"] {
            browser.click(The::Button(act))?;
            browser.click(The::Button(act))?;
            if act == "Stop" {
                browser.wait("it stands", &badge("stopped"))?;
            }
        }
        browser.sees("no jobs: push a module, then deploy a spec")
    }
}

#[test]
fn a_job_lives_on_the_page() -> Result<()> {
    let mut watched = Watched::new()?;
    watched.push_modules()?;
    watched.deploy()?;
    watched.watch()?;
    watched.look_at_the_ledger()?;
    watched.pause_and_resume()?;
    watched.upgrade_and_roll_back()?;
    let workload = Workload {
        per_partition: watched.produced,
        ..watched.workload
    };
    // The last order closes all windows.
    watched
        .job
        .produce(&workload, watched.produced, workload.length())?;
    watched
        .job
        .wait_for_end(&mut [&mut watched.host.process], TIMEOUT)?;
    watched.job.check(&Truth::of(&workload))?;
    watched.stop_and_delete()?;
    // A dry run that is refused is an answer, and the browser writes down that it was 422.
    watched.browser.is_clean(Some("422"))
}
