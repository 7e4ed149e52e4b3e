//! The HTTP API: one file a resource. A request goes `router → watch (counts, panics) → Call (token, rate) → handler`; what
//! a handler refuses is a [`problem::Problem`].

mod app;
mod base;
mod body;
mod call;
mod deploy;
mod difference;
mod documents;
mod graph;
mod host;
mod hosts;
mod jobs;
mod judge;
mod letters;
mod metrics;
mod modules;
mod openapi;
mod others;
mod problem;
mod refusals;
mod stream;
mod tenants;
mod tokens;
mod watch;

pub use app::{App, Parts};
pub use openapi::json as openapi_json;
pub use problem::{Kind as ProblemKind, Problem};
pub(crate) use watch::no_such_resource;

use crate::ui;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};

/// All routes.
pub fn router(app: App) -> Router {
    let tenant = Router::new()
        .route("/", get(tenants::get).patch(tenants::change))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}", delete(tokens::revoke))
        .route("/modules", get(modules::list))
        .route("/modules/{name}", put(modules::push).get(modules::get))
        .route(
            "/modules/{name}/{version}",
            get(modules::get_version).delete(modules::delete),
        )
        .route("/modules/{name}/{version}/content", get(modules::content))
        .route("/status", get(hosts::of_tenant))
        .route("/jobs", get(jobs::list))
        .route(
            "/jobs/{job}",
            put(deploy::deploy).get(jobs::get).delete(jobs::delete),
        )
        .route("/jobs/{job}/pause", post(jobs::pause))
        .route("/jobs/{job}/resume", post(jobs::resume))
        .route("/jobs/{job}/stop", post(jobs::stop))
        .route("/jobs/{job}/rollback", post(deploy::rollback))
        .route("/jobs/{job}/versions/{version}", get(jobs::version))
        .route("/jobs/{job}/status", get(hosts::of_job))
        .route("/jobs/{job}/lag", get(jobs::lag))
        .route("/jobs/{job}/logs", get(stream::logs))
        .route("/jobs/{job}/dead-letters", get(letters::list))
        .route("/jobs/{job}/dead-letters/requeue", post(letters::requeue));
    Router::new()
        .route("/healthz", get(host::healthz))
        .route("/readyz", get(host::readyz))
        .route("/openapi.json", get(host::openapi))
        .route("/metrics", get(metrics::metrics))
        .route("/v1/whoami", get(host::whoami))
        .route("/v1/hosts", get(hosts::list))
        .route("/v1/tenants", get(tenants::list).post(tenants::create))
        .nest("/v1/tenants/{tenant}", tenant)
        .route(
            "/v1/tokens",
            get(tokens::list_installation).post(tokens::create_installation),
        )
        .route("/v1/tokens/{id}", delete(tokens::revoke_installation))
        .merge(ui::routes())
        .fallback(watch::no_such_resource)
        .method_not_allowed_fallback(watch::no_such_method)
        .layer(from_fn_with_state(app.clone(), watch::watch))
        .with_state(app)
}
