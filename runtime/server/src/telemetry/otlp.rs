//! OpenTelemetry's protocol as JSON: `ExportTraceServiceRequest` of opentelemetry-proto 1.x, whose stable messages don't
//! change. OpenTelemetry's collector takes it over HTTP (ADR 14).

use super::span::{Span, Value};
use serde_json::{Value as Json, json};
use sluicebox_catalog::hex;

/// What the host is: what all its spans have in common.
pub type Resource = Vec<(&'static str, String)>;

/// `STATUS_CODE_ERROR`.
const STATUS_ERROR: u8 = 2;

/// A request's body: these spans, of a host with these attributes.
pub fn request(resource: &Resource, spans: &[Span]) -> String {
    let of_host = resource.iter();
    let of_host: Vec<Json> = of_host
        .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}))
        .collect();
    let spans: Vec<Json> = spans.iter().map(span).collect();
    let scope = json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")});
    json!({"resourceSpans": [{
        "resource": {"attributes": of_host},
        "scopeSpans": [{"scope": scope, "spans": spans}],
    }]})
    .to_string()
}

fn span(span: &Span) -> Json {
    let attributes = span.attributes.iter();
    let attributes: Vec<Json> = attributes
        .map(|(key, value)| json!({"key": key, "value": attribute(value)}))
        .collect();
    let mut out = json!({
        // Ids are hexadecimal here, where protobuf's JSON has base64.
        "traceId": hex(&span.context.trace),
        "spanId": hex(&span.context.span),
        "name": span.name,
        "kind": span.kind as u8,
        // 64-bit numbers are texts in protobuf's JSON.
        "startTimeUnixNano": span.interval.0.to_string(),
        "endTimeUnixNano": span.interval.1.to_string(),
        "attributes": attributes,
    });
    if let Some(parent) = &span.parent {
        out["parentSpanId"] = hex(parent).into();
    }
    if let Some(error) = &span.error {
        out["status"] = json!({"code": STATUS_ERROR, "message": error});
    }
    out
}

fn attribute(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!({"stringValue": text}),
        Value::Int(int) => json!({"intValue": int.to_string()}),
        Value::Float(float) => json!({"doubleValue": float}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Context, Kind};

    #[test]
    fn a_request() {
        let spans = [Span {
            context: Context {
                trace: [0xab; 16],
                span: [1; 8],
            },
            parent: Some([2; 8]),
            name: "epoch".to_owned(),
            kind: Kind::Internal,
            interval: (1_700_000_000_000_000_000, u64::MAX),
            attributes: vec![
                (
                    "sluicebox.job".to_owned(),
                    Value::Text("sp\"end".to_owned()),
                ),
                ("sluicebox.epoch".to_owned(), Value::Int(-3)),
                ("sluicebox.seconds".to_owned(), Value::Float(0.25)),
            ],
            error: Some("no broker".to_owned()),
        }];
        let resource = vec![("service.name", "sluicebox".to_owned())];
        let body: Json = serde_json::from_str(&request(&resource, &spans)).expect("JSON");
        let scope = &body["resourceSpans"][0]["scopeSpans"][0];
        assert_eq!(scope["scope"]["name"], "sluicebox-server");
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&scope["spans"]).expect("JSON"), @r#"
        [
          {
            "attributes": [
              {
                "key": "sluicebox.job",
                "value": {
                  "stringValue": "sp\"end"
                }
              },
              {
                "key": "sluicebox.epoch",
                "value": {
                  "intValue": "-3"
                }
              },
              {
                "key": "sluicebox.seconds",
                "value": {
                  "doubleValue": 0.25
                }
              }
            ],
            "endTimeUnixNano": "18446744073709551615",
            "kind": 1,
            "name": "epoch",
            "parentSpanId": "0202020202020202",
            "spanId": "0101010101010101",
            "startTimeUnixNano": "1700000000000000000",
            "status": {
              "code": 2,
              "message": "no broker"
            },
            "traceId": "abababababababababababababababab"
          }
        ]
        "#);
        let resource = &body["resourceSpans"][0]["resource"];
        insta::assert_snapshot!(resource.to_string(), @r#"{"attributes":[{"key":"service.name","value":{"stringValue":"sluicebox"}}]}"#);
    }
}
