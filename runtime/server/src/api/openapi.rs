//! The API's description, made from the handlers and the types of their bodies. `openapi.json` beside the crate is a copy
//! that a test compares, so that every change of the API is seen in review.

use super::{
    deploy, host, hosts, jobs, letters, metrics, modules, problem, stream, tenants, tokens,
};
use std::sync::LazyLock;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "sluicebox",
        description = "Tenants, modules and jobs of a sluicebox installation. Errors are RFC 9457 problems.",
        license(name = "Apache-2.0")
    ),
    paths(
        host::healthz, host::readyz, host::openapi, metrics::metrics, host::whoami, hosts::list,
        tenants::list, tenants::create, tenants::get, tenants::change,
        tokens::list_installation, tokens::create_installation, tokens::revoke_installation,
        tokens::list, tokens::create, tokens::revoke,
        modules::list, modules::push, modules::get, modules::get_version, modules::content, modules::delete,
        jobs::list, deploy::deploy, jobs::get, jobs::delete, jobs::pause, jobs::resume, jobs::stop, deploy::rollback,
        jobs::version, hosts::of_job, hosts::of_tenant, jobs::lag, stream::logs, letters::list, letters::requeue,
    ),
    components(schemas(problem::ProblemBody, stream::MissedLines)),
    modifiers(&Bearer),
    security(("token" = []))
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("`sbx_...`: of a tenant, or of the whole installation"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer.build()));
    }
}

/// The document, as JSON.
pub fn json() -> &'static str {
    static JSON: LazyLock<String> = LazyLock::new(|| {
        // What is made of plain types can't fail to be written; a test reads it.
        Document::openapi().to_pretty_json().unwrap_or_default()
    });
    &JSON
}
