//! What a tenant's policy says of a job: asked when it is deployed, and again whenever the policy changes.

use sluicebox_catalog::Policy;
use sluicebox_core::spec::{Input, JobSpec};

/// What to do about a refusal.
pub const HELP: &str = "whoever runs the installation can change the tenant's policy";

/// What of a job is not allowed, to be read after "may not"; `None`: all is.
pub fn refused(policy: &Policy, spec: &JobSpec, connection: &str) -> Option<String> {
    let mut refused = Vec::new();
    if let Input::Kafka { topic, .. } = &spec.source.input
        && !policy.may_read(topic)
    {
        refused.push(format!("read topic `{topic}`"));
    }
    for topic in spec.output_topics() {
        if !policy.may_write(topic) {
            refused.push(format!("write to topic `{topic}`"));
        }
    }
    if let Some(group) = &spec.group
        && !policy.may_use_group(group)
    {
        refused.push(format!("use group `{group}`"));
    }
    if !policy.may_connect(connection) {
        refused.push(format!("use the Kafka connection `{connection}`"));
    }
    (!refused.is_empty()).then(|| refused.join(", nor "))
}
