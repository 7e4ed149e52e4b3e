//! The API's description, as it was last agreed on.

use crate::gate::OPERATIONS;
use crate::rig::Rig;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Set to write the copy anew.
const RENEW: &str = "SLUICEBOX_RENEW";

#[tokio::test]
async fn the_description_is_as_agreed() {
    let rig = Rig::new().await;
    let now = rig.get("", "/openapi.json").await.expect(200).text() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(&path, &now).expect("the copy can be written");
    }
    let agreed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        now == agreed,
        "the API's description has changed. If that is meant: set {RENEW}=1, run this test again, and look at the difference of \
         runtime/server/openapi.json"
    );
}

/// Every operation of the router is described, and the other way round.
#[tokio::test]
async fn every_operation_is_described() {
    let document: Value = serde_json::from_str(sluicebox_server::openapi_json()).expect("JSON");
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let path = path
                .replace("{tenant}", "shop")
                .replace("{id}", "0123456789")
                .replace("{name}", "valid")
                .replace("{job}", "spend")
                .replace("{version}", "1");
            let open = operation["security"] == serde_json::json!([{}]);
            described.insert((method.to_uppercase(), path, open));
        }
    }
    let known = OPERATIONS
        .map(|(method, path, needs)| (method.to_owned(), path.to_owned(), needs.is_none()));
    assert_eq!(described, BTreeSet::from(known));
}

#[test]
fn every_parameter_of_a_path_is_described() {
    let document: Value = serde_json::from_str(sluicebox_server::openapi_json()).expect("JSON");
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let names = operation["parameters"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let names = names.iter().filter(|p| p["in"] == "path").count();
            assert_eq!(names, path.matches('{').count(), "{method} {path}");
        }
    }
}
