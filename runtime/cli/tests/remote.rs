//! The commands that talk to a host, against a real API over a catalog in a folder; only the data plane pretends. What
//! runs jobs for real is in the end-to-end tests.
#![cfg(feature = "serve")]

#[path = "remote/fleet.rs"]
mod fleet;
#[path = "remote/rig.rs"]
mod rig;

use fleet::{running, stands};
use rig::{Rig, module};
use sluicebox_server::port::RunState;
use std::os::unix::fs::PermissionsExt;

const SPEC: &str = "\
apiVersion: sluicebox/v1
job: spend
source: { kafka: { topic: '${TOPIC}', start: earliest } }
operators:
  - { id: valid, filter: { module: orders-valid@1 } }
sink: { kafka: { topic: spend-out } }
";

/// From a token to a running job and back, as somebody would do it who reads the help.
#[test]
fn a_job_is_deployed_changed_and_taken_down() {
    let rig = Rig::new();
    module(rig.folder(), "orders_valid.wasm", "one");
    rig.file("job.yaml", SPEC);
    rig.file("second.yaml", &SPEC.replace("spend-out", "spend-eur"));
    let mut seen = String::new();
    let mut say = |args: &str| seen.push_str(&rig.told(args));
    say("login URL --token-file admin.txt");
    say("tenants create shop --read * --write spend-*");
    say("tenants update shop --quota jobs_max=2");
    say("tokens create ci --scope push,deploy --expires 90d --tenant shop");
    say("tokens list --tenant shop");
    say("login URL --tenant shop --token-file admin.txt --profile shop");
    rig.env("SLUICEBOX_PROFILE", "shop");
    rig.env("TOPIC", "orders");
    say("whoami");
    say("push orders_valid.wasm");
    say("push orders_valid.wasm");
    module(rig.folder(), "orders_valid.wasm", "two");
    say("push orders_valid.wasm");
    say("modules list");
    say("modules show orders-valid");
    say("modules pull orders-valid@1 -o pulled.wasm");
    say("modules delete orders-valid@2");
    say("deploy job.yaml --dry-run");
    rig.fleet().set("shop/spend", running(1));
    say("deploy job.yaml");
    say("deploy job.yaml");
    say("deploy second.yaml --wait 0 --expected-version 1");
    rig.fleet().set("shop/spend", running(3));
    say("rollback spend");
    say("jobs list");
    say("jobs show spend");
    say("jobs versions spend");
    say("lag spend");
    rig.fleet().log("shop/spend", "version 3 runs");
    say("logs spend");
    say("deadletters list spend");
    say("deadletters list spend --error no&user --limit 1 --output json");
    say("deadletters requeue spend --dry-run");
    say("tenants update shop --write spend-*,orders");
    say("deadletters requeue spend --dry-run");
    say("deadletters requeue spend");
    say("jobs pause spend");
    say("jobs resume spend");
    say("jobs stop spend");
    say("jobs delete spend");
    say("jobs list");
    say("tenants disable shop");
    say("tenants list");
    insta::assert_snapshot!("a_job_is_deployed", seen);
    let pulled = std::fs::read(rig.folder().join("pulled.wasm")).expect("a file");
    assert_eq!(pulled, module(rig.folder(), "again.wasm", "one"));
    let profiles = rig.folder().join("config/sluicebox/profiles.json");
    let mode = std::fs::metadata(profiles)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Hosts are remembered, one is meant, and tokens are forgotten.
#[test]
fn profiles_are_listed_chosen_and_forgotten() {
    let rig = Rig::new();
    let mut seen = String::new();
    let mut say = |args: &str| seen.push_str(&rig.told(args));
    say("profiles list");
    say("logout");
    for name in ["eu", "us", "old"] {
        say(&format!(
            "login URL --token-file admin.txt --profile {name}"
        ));
    }
    say("profiles list");
    say("profiles use us");
    say("profiles use asia");
    say("profiles list --output json");
    say("profiles remove old");
    say("logout --profile eu");
    say("profiles list");
    say("logout");
    say("whoami");
    say("login URL --token-file admin.txt --profile eu");
    say("login URL --token-file admin.txt --profile us");
    say("login URL --token-file admin.txt --profile asia");
    say("logout");
    say("whoami");
    insta::assert_snapshot!("profiles", seen);
    let file = rig.folder().join("config/sluicebox/profiles.json");
    let text = std::fs::read_to_string(file).expect("there");
    assert_eq!(text.matches("token").count(), 2, "that of eu is gone");
}

/// What goes wrong ends with the code that says whether to try again, and with what to do.
#[test]
fn what_goes_wrong_says_what_to_do() {
    let rig = Rig::new();
    module(rig.folder(), "orders_valid.wasm", "one");
    rig.file("job.yaml", SPEC);
    rig.file(
        "path.yaml",
        &SPEC.replace("orders-valid@1", "./orders_valid.wasm"),
    );
    rig.file(
        "other.yaml",
        &SPEC.replace("orders-valid@1", "orders-valid@7"),
    );
    rig.file("secret.yaml", &SPEC.replace("'${TOPIC}'", "secrets"));
    rig.file("wrong.txt", "sbx_nothing");
    let mut seen = String::new();
    let mut say = |code: i32, args: &str| {
        let told = rig.told(args);
        assert!(told.contains(&format!("exit {code}\n")), "{told}");
        seen.push_str(&told);
    };
    say(2, "jobs list");
    say(2, "login localhost:7070 --token-file admin.txt");
    say(2, "login URL --token-file wrong.txt");
    say(1, "login http://127.0.0.1:1 --token-file admin.txt");
    say(0, "login URL --token-file admin.txt");
    say(2, "jobs list");
    say(2, "jobs list --profile prod");
    say(2, "jobs list --tenant shop");
    say(0, "tenants create shop --read orders --write spend-*");
    rig.env("SLUICEBOX_TENANT", "shop");
    say(2, "tenants create shop --read everything");
    say(2, "tenants create bank --read sluicebox.*");
    say(2, "jobs show spend");
    say(2, "jobs show ../tokens");
    say(2, "push missing.wasm");
    say(2, "push wrong.txt --name wrong");
    say(0, "push orders_valid.wasm");
    say(2, "push orders_valid.wasm --version 9");
    say(2, "deploy job.yaml");
    rig.env("TOPIC", "orders");
    say(2, "deploy path.yaml");
    say(2, "deploy other.yaml");
    say(2, "deploy secret.yaml");
    say(2, "deploy job.yaml --expected-version 3");
    rig.fleet().set("shop/spend", stands(1, RunState::Halted));
    say(3, "deploy job.yaml");
    rig.fleet()
        .set("shop/spend", stands(1, RunState::Restarting));
    say(1, "deploy job.yaml --wait 1");
    say(2, "modules delete orders-valid@1");
    say(2, "jobs delete spend");
    say(2, "rollback spend");
    say(2, "tokens create root --scope admin");
    insta::assert_snapshot!("what_goes_wrong", seen);
}

/// Whoever has no profile has an environment.
#[test]
fn an_environment_is_enough() {
    let rig = Rig::new();
    rig.env("SLUICEBOX_URL", &rig.url());
    rig.env("SLUICEBOX_TOKEN", &rig.token(Some("shop"), "view"));
    rig.told("whoami");
    let json = rig.run(&["whoami", "--output", "json"]);
    let whoami: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(whoami["tenant"], "shop");
    // The tenant is the token's.
    let jobs = rig.run(&["jobs", "list", "--output", "json"]);
    assert_eq!(String::from_utf8_lossy(&jobs.stdout), "[]\n");
    module(rig.folder(), "valid.wasm", "one");
    let refused = rig.run(&["push", "valid.wasm"]);
    assert_eq!(refused.status.code(), Some(2), "a token that may only look");
    assert!(!rig.folder().join("config").exists());
}

/// A log goes on until its host stops.
#[test]
fn a_log_is_followed() {
    let mut rig = Rig::new();
    rig.env("SLUICEBOX_URL", &rig.url());
    rig.env("SLUICEBOX_TOKEN", &rig.token(Some("shop"), "admin"));
    rig.env("TOPIC", "orders");
    module(rig.folder(), "orders_valid.wasm", "one");
    rig.file("job.yaml", SPEC);
    rig.told("push orders_valid.wasm");
    rig.told("deploy job.yaml --wait 0");
    rig.fleet().log("shop/spend", "first");
    let mut follower = rig.start(&["logs", "spend", "-f"]);
    follower.wait_for("first");
    rig.fleet().log("shop/spend", "second");
    follower.wait_for("second");
    rig.stop();
    assert_eq!(follower.code(), Some(1), "it is over, and says so");
}

/// Only who has the root that signed a host's certificate talks to it.
#[test]
fn certificates_decide() {
    let rig = Rig::with_tls();
    let own = rig.told("login URL --token-file admin.txt --ca ca.pem");
    assert!(own.contains("exit 0\n"), "{own}");
    assert!(
        rig.told("whoami").contains("exit 0\n"),
        "the file is remembered"
    );
    rig.env("SSL_CERT_FILE", "other-ca.pem");
    let other = rig.told("login URL --token-file admin.txt --profile other");
    assert!(
        other.contains("exit 2\n") && other.contains("is not trusted"),
        "{other}"
    );
    rig.env("SSL_CERT_FILE", "ca.pem");
    let system = rig.told("login URL --token-file admin.txt --profile other");
    assert!(system.contains("exit 0\n"), "{system}");
}
