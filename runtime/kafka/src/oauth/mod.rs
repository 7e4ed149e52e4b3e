//! SASL OAUTHBEARER: one token for all clients of a connection, fetched by client credentials (RFC 6749, section 4.4),
//! renewed long before it ends.
//!
//! librdkafka could fetch tokens too, but each client would fetch its own, and on the thread on which a producer learns
//! that its records have arrived: an endpoint that hangs would hold up commits while the token is still good.

mod endpoint;
mod settings;
mod tokens;

pub use endpoint::NO_TOKEN;
pub use settings::Settings;
pub use tokens::Tokens;
