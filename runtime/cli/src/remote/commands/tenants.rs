//! `sluicebox tenants`: who may use a host, and what their jobs may touch. For tokens of the whole installation.

use super::super::answers::{Tenant, Used};
use super::super::client::Client;
use super::super::names::name;
use super::super::target::HostArgs;
use super::super::text::{columns, harmless, list, time};
use crate::failure::{Usage, advised};
use crate::output::{Format, print};
use anyhow::Result;
use serde_json::{Map, Value, json};
use ureq::http::Method;

const EXAMPLES: &str = "\
Examples:
  sluicebox tenants list
  sluicebox tenants create shop --read 'orders.*' --write 'shop.*'
  sluicebox tenants update shop --read 'orders.*' --read clicks --quota jobs_max=20
  sluicebox tenants update shop --quota cpu_percent_max=default
  sluicebox tenants disable shop        # its tokens are refused, its jobs stop; `enable` undoes it

A pattern is a name, or a prefix that ends in `*`. What is not listed can't be touched.";

/// Arguments of `tenants`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// Which profile (see `sluicebox login`); else SLUICEBOX_PROFILE says so, or the first one is meant
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// How to print it
    #[arg(long, global = true, value_enum, default_value_t)]
    output: Format,
}

/// What to do.
#[derive(clap::Subcommand)]
enum What {
    /// List the tenants
    List,
    /// Show a tenant
    Show(Which),
    /// Create a tenant
    Create(Wanted),
    /// Change a tenant: each list that is named is replaced, the others stay
    Update(Wanted),
    /// Refuse a tenant's tokens and stop its jobs
    Disable(Which),
    /// Let a tenant go on
    Enable(Which),
}

#[derive(clap::Args)]
struct Which {
    /// The tenant's name
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(clap::Args)]
struct Wanted {
    /// The tenant's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Topics that its jobs may read; may be repeated
    #[arg(long, value_name = "PATTERN")]
    read: Vec<String>,
    /// Topics that its jobs may write; may be repeated
    #[arg(long, value_name = "PATTERN")]
    write: Vec<String>,
    /// Consumer groups whose offsets its jobs may use; may be repeated
    #[arg(long, value_name = "PATTERN")]
    group: Vec<String>,
    /// Kafka connections of the host that its jobs may use, all if none is named; may be repeated
    #[arg(long, value_name = "NAME")]
    connection: Vec<String>,
    /// How much it may have, such as `jobs_max=20` or `jobs_max=default`; may be repeated
    #[arg(long, value_name = "NAME=NUMBER")]
    quota: Vec<String>,
}

/// Do it.
pub fn run(args: Args) -> Result<()> {
    let host = HostArgs {
        profile: args.profile,
        tenant: None,
    };
    let client = host.connect()?;
    let show = |tenant: Tenant| shown(&tenant);
    match args.what {
        What::List => client
            .get("/v1/tenants")?
            .print(args.output, |tenants: Vec<Tenant>| listed(&tenants)),
        What::Show(which) => client.get(&path(&which.name)?)?.print(args.output, show),
        What::Create(wanted) => {
            let mut body = wanted.body()?;
            body.insert("name".to_owned(), name("tenant", &wanted.name)?.into());
            let answer = client.send(Method::POST, "/v1/tenants", &Value::Object(body))?;
            answer.print(args.output, show)
        }
        What::Update(wanted) => {
            let body = Value::Object(wanted.body()?);
            let answer = client.send(Method::PATCH, &path(&wanted.name)?, &body)?;
            answer.print(args.output, show)
        }
        What::Disable(which) => disable(&client, &which.name, true, args.output),
        What::Enable(which) => disable(&client, &which.name, false, args.output),
    }
}

fn path(tenant: &str) -> Result<String> {
    Ok(format!("/v1/tenants/{}", name("tenant", tenant)?))
}

fn disable(client: &Client, tenant: &str, disabled: bool, output: Format) -> Result<()> {
    let body = json!({ "disabled": disabled });
    let answer = client.send(Method::PATCH, &path(tenant)?, &body)?;
    match output {
        Format::Json => answer.print(output, |_: Value| String::new()),
        Format::Text => print(&format!(
            "tenant {tenant} is {}\n",
            if disabled { "disabled" } else { "enabled" }
        )),
    }
}

impl Wanted {
    /// Only what was named: an update leaves the rest as it is.
    fn body(&self) -> Result<Map<String, Value>> {
        let lists = [
            ("read", &self.read),
            ("write", &self.write),
            ("groups", &self.group),
            ("connections", &self.connection),
        ];
        let named = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let policy: Map<String, Value> = named
            // An empty name empties the list.
            .map(|(key, list)| (key, list.iter().filter(|entry| !entry.is_empty())))
            .map(|(key, list)| (key.to_owned(), list.cloned().collect::<Vec<_>>().into()))
            .collect();
        let quotas = self.quota.iter().map(|quota| parsed(quota));
        let quotas = quotas.collect::<Result<Map<String, Value>>>()?;
        let mut body = Map::new();
        for (key, fields) in [("policy", policy), ("quotas", quotas)] {
            if !fields.is_empty() {
                body.insert(key.to_owned(), fields.into());
            }
        }
        Ok(body)
    }
}

fn parsed(quota: &str) -> Result<(String, Value)> {
    let (key, value) = quota.split_once('=').unwrap_or((quota, ""));
    let value = match value {
        "default" => Some(Value::Null),
        number => number.parse::<u64>().ok().map(Value::from),
    };
    value.map(|value| (key.to_owned(), value)).ok_or_else(|| {
        advised(
            Usage(format!("`{quota}` is no quota")),
            "write NAME=NUMBER or NAME=default, such as `jobs_max=20`; `sluicebox tenants show` names them",
        )
    })
}

fn listed(tenants: &[Tenant]) -> String {
    let row = |tenant: &Tenant| {
        vec![
            tenant.name.clone(),
            tenant.modules.to_string(),
            tenant.jobs.to_string(),
            time(tenant.created_ms),
            if tenant.disabled { "disabled" } else { "" }.to_owned(),
        ]
    };
    let rows: Vec<_> = tenants.iter().map(row).collect();
    columns(&["tenant", "modules", "jobs", "created", ""], &rows)
}

fn shown(tenant: &Tenant) -> String {
    let policy = &tenant.policy;
    let mut out = format!(
        "tenant       {}{}\ncreated      {}\nhas          {} modules, {} jobs\nmay read     {}\nmay write    {}\ngroups       {}\nconnections  {}\n",
        tenant.name,
        if tenant.disabled { " (disabled)" } else { "" },
        time(tenant.created_ms),
        tenant.modules,
        tenant.jobs,
        list(&policy.read, "nothing"),
        list(&policy.write, "nothing"),
        list(&policy.groups, "none"),
        list(&policy.connections, "all"),
    );
    for (key, value) in tenant.quotas.iter().filter(|(_, value)| !value.is_null()) {
        out.push_str(&format!("quota        {key}={value}\n"));
    }
    if let Some(used) = &tenant.used {
        let Used {
            cpu_ms,
            records,
            bytes,
            throttled_ms,
            state_bytes,
        } = used;
        out.push_str(&format!(
            "used here    {:.1} s of CPU, {records} records, {bytes} bytes since the host started; held back for {:.1} s; {state_bytes} bytes of state now\n",
            *cpu_ms as f64 / 1e3,
            *throttled_ms as f64 / 1e3,
        ));
    }
    harmless(&out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(read: &[&str], quota: &[&str]) -> Wanted {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Wanted {
            name: "shop".to_owned(),
            read: owned(read),
            write: Vec::new(),
            group: Vec::new(),
            connection: Vec::new(),
            quota: owned(quota),
        }
    }

    #[test]
    fn only_what_is_named_is_sent() {
        let body = |read: &[&str], quota: &[&str]| {
            wanted(read, quota)
                .body()
                .map(|body| Value::Object(body).to_string())
                .ok()
        };
        let want = |text: &str| Some(text.to_owned());
        assert_eq!(body(&[], &[]), want("{}"));
        assert_eq!(
            body(&["a", "b.*"], &[]),
            want(r#"{"policy":{"read":["a","b.*"]}}"#)
        );
        assert_eq!(body(&[""], &[]), want(r#"{"policy":{"read":[]}}"#));
        assert_eq!(
            body(&[], &["jobs_max=20", "cpu_percent_max=default"]),
            want(r#"{"quotas":{"cpu_percent_max":null,"jobs_max":20}}"#)
        );
        for quota in ["jobs_max", "jobs_max=", "jobs_max=-1", "jobs_max=many"] {
            assert_eq!(body(&[], &[quota]), None, "{quota}");
        }
    }

    #[test]
    fn tenants_are_listed_and_shown() {
        let tenant = r#"{"name": "shop", "created_ms": 1767225600000, "disabled": true, "modules": 2, "jobs": 1,
            "policy": {"read": ["orders", "shop.*"], "write": [], "groups": [], "connections": []},
            "quotas": {"modules_max": 100, "cpu_percent_max": null},
            "used": {"cpu_ms": 61250, "records": 1000, "bytes": 105000, "throttled_ms": 400, "state_bytes": 2048}}"#;
        let tenant: Tenant = serde_json::from_str(tenant).expect("a tenant");
        insta::assert_snapshot!(shown(&tenant), @r"
        tenant       shop (disabled)
        created      2026-01-01T00:00:00Z
        has          2 modules, 1 jobs
        may read     orders, shop.*
        may write    nothing
        groups       none
        connections  all
        quota        modules_max=100
        used here    61.2 s of CPU, 1000 records, 105000 bytes since the host started; held back for 0.4 s; 2048 bytes of state now
        ");
        insta::assert_snapshot!(listed(&[tenant]), @r"
        tenant  modules  jobs  created
        shop    2        1     2026-01-01T00:00:00Z  disabled
        ");
    }
}
