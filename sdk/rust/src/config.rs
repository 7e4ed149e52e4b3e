//! The operator's `config` from the job spec, read into the type that the UDF asks for.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What a UDF without a config argument takes: nothing.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// Read the JSON text that `init` gets. No config at all ("null") reads as an empty object, so that a struct of
/// defaults works without one. The error names the field and what is wrong with it.
pub fn read<C: DeserializeOwned>(json: &str) -> Result<C, String> {
    let json = if json.trim() == "null" { "{}" } else { json };
    let mut from = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let field = error.path().to_string();
        let why = error.into_inner();
        match field.as_str() {
            "." => format!("config: {why}"),
            field => format!("config.{field}: {why}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        currency: String,
        #[serde(default)]
        rates: Vec<f64>,
    }

    fn refusal(json: &str) -> String {
        read::<Config>(json).map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_refusal_names_the_field() {
        assert!(refusal("null").contains("missing field `currency`"));
        assert!(refusal(r#"{"currency":1}"#).starts_with("config.currency: invalid type: integer"));
        let nested = refusal(r#"{"currency":"EUR","rates":[1,"x"]}"#);
        assert!(nested.starts_with("config.rates[1]: "), "{nested}");
        let unknown = refusal(r#"{"curency":"EUR"}"#);
        assert!(
            unknown.contains("unknown field `curency`, expected `currency`"),
            "{unknown}"
        );
    }

    #[test]
    fn a_config_for_a_udf_without_one_is_refused() {
        assert!(read::<NoConfig>("null").is_ok());
        assert!(read::<NoConfig>(r#"{"a":1}"#).unwrap_err().contains("`a`"));
    }

    #[test]
    fn a_good_config_is_read() {
        let config: Config = read(r#"{"currency":"EUR","rates":[1.5]}"#).unwrap();
        assert_eq!((config.currency.as_str(), config.rates[0]), ("EUR", 1.5));
    }
}
