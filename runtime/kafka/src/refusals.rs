//! Why no connection came about, in words that say what to change. The codes say little: what is wrong is in librdkafka's
//! text, which is only read here, and only to choose advice.

use crate::ffi::Code;
use crate::ffi::health::Refusal;
use crate::kerberos::{self, NO_TICKET};
use crate::oauth::NO_TOKEN;
use sluicebox_core::log::Error;

/// The error for brokers that refuse us, or whose certificate is refused.
pub fn refused(what: &str, refusal: &Refusal) -> Error {
    let advice = match refusal.code {
        Code::RD_KAFKA_RESP_ERR__SSL => tls_advice(&refusal.text),
        _ => password_advice(&refusal.text),
    };
    Error::halt(format!(
        "{what}: a broker refused us: {}; {advice}",
        refusal.text
    ))
}

/// The error for brokers that don't answer; `last` is the last thing that went wrong.
pub fn unreachable(what: &str, last: &str) -> Error {
    let advice = silence_advice(last);
    Error::halt(format!("{what}: no broker answered: {last}; {advice}"))
}

fn password_advice(text: &str) -> &'static str {
    if text.starts_with(NO_TOKEN) {
        "check sasl.oauthbearer.client.id, .client.secret and .scope, and sasl.oauthbearer.token.endpoint.url"
    } else if text.contains("invalid_token") {
        "the brokers want another token than the endpoint gives: check sasl.oauthbearer.scope, and with the brokers' operator \
         whose tokens they take, for which audience"
    } else if text.starts_with(NO_TICKET) {
        kerberos::advice(true)
    } else if is_without_ticket(text) {
        "set sasl.kerberos.keytab and sasl.kerberos.principal, or run kinit for the user that this runs as"
    } else if text.contains("GSSAPI") && !text.contains("mechanism handshake failed") {
        "check sasl.kerberos.service.name, that bootstrap_servers has the host names of the brokers' principals, and krb5.conf"
    } else if text.contains("not valid in current SASL state") {
        "the listener there takes no passwords: set security.protocol to plaintext or ssl, or name the listener that does \
         in bootstrap_servers"
    } else if text.contains("mechanism handshake failed") {
        "set sasl.mechanism to one that the brokers support"
    } else {
        "check sasl.username and sasl.password, and sasl.mechanism: brokers keep the passwords of each mechanism apart"
    }
}

/// GSSAPI's words for that.
fn is_without_ticket(text: &str) -> bool {
    [
        "No Kerberos credentials available",
        "No credentials cache found",
        "Ticket expired",
    ]
    .iter()
    .any(|words| text.contains(words))
}

fn tls_advice(text: &str) -> &'static str {
    if text.contains("certificate verify failed") {
        "check that ssl.ca.location or ssl.ca.pem has the authority that signed the brokers' certificates, and that \
         bootstrap_servers uses the host name that they are for"
    } else if text.contains("client SSL authentication") || is_alert(text) {
        OUR_CERTIFICATE
    } else {
        "check security.protocol, ssl.ca.location and the client's certificate"
    }
}

const OUR_CERTIFICATE: &str = "the brokers want a certificate of ours that they trust: set ssl.certificate.location and \
                               ssl.key.location";

/// What brokers say to a client whose certificate is missing or not trusted; often only after all went well for us.
fn is_alert(text: &str) -> bool {
    text.contains("SSL alert") && (text.contains("certificate") || text.contains("unknown ca"))
}

fn silence_advice(last: &str) -> &'static str {
    if last.starts_with(NO_TOKEN) {
        "check sasl.oauthbearer.token.endpoint.url, https.ca.location, and that the endpoint runs"
    } else if last.starts_with(NO_TICKET) {
        kerberos::advice(false)
    } else if is_alert(last) {
        OUR_CERTIFICATE
    } else if last.contains("PLAINTEXT broker listener") {
        "the listener there does not speak TLS: set security.protocol to plaintext or sasl_plaintext, or name the TLS \
         listener's port in bootstrap_servers"
    } else if last.contains("SSL connection closed by peer") {
        // Which of two things a plain-text listener's farewell looks like is a race.
        "if the listener there does not speak TLS, set security.protocol to plaintext or sasl_plaintext, or name the TLS \
         listener's port in bootstrap_servers; if it does, check ssl.certificate.location and ssl.key.location"
    } else if last.contains("APIVERSION_QUERY") {
        "the listener there closed the connection at our first word, as one does that expects TLS: check \
         security.protocol (ssl or sasl_ssl) and the port in bootstrap_servers"
    } else if last.contains("Failed to resolve") {
        "check the host names in bootstrap_servers"
    } else {
        "check bootstrap_servers, that the brokers run and listen there, and security.protocol"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: Code, text: &str) -> String {
        let text = text.to_owned();
        refused("connect", &Refusal { code, text }).message
    }

    #[test]
    fn advice_fits_what_went_wrong() {
        let sasl = Code::RD_KAFKA_RESP_ERR__AUTHENTICATION;
        let message = refusal(sasl, "SASL authentication error: invalid credentials");
        assert!(message.contains("check sasl.username and sasl.password"));
        let message = refusal(sasl, "SASL X mechanism handshake failed: Unsupported");
        assert!(message.contains("set sasl.mechanism"));
        let tls = Code::RD_KAFKA_RESP_ERR__SSL;
        let message = refusal(
            tls,
            "error:0A000086:SSL routines::certificate verify failed",
        );
        assert!(message.contains("ssl.ca.location or ssl.ca.pem"));
        let message = refusal(tls, "client SSL authentication might be required");
        assert!(message.contains("ssl.certificate.location"));
        let alert = "sslv3 alert bad certificate: SSL alert number 42 (in state APIVERSION_QUERY)";
        let message = unreachable("connect", alert).message;
        assert!(message.contains("ssl.certificate.location"));
        let message = unreachable("connect", "Disconnected (in state APIVERSION_QUERY)").message;
        assert!(message.contains("expects TLS"));
        for last in [
            "SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?",
            "SSL connection closed by peer",
        ] {
            let message = unreachable("connect", last).message;
            assert!(message.contains("does not speak TLS"), "{message}");
        }
        let message = unreachable("connect", "Connection refused").message;
        assert!(message.contains("check bootstrap_servers"));
    }
}
