//! The rights in Kafka that docs/secure.md lists for a host: with these it does all it does, and without Delete it says what
//! is missing.

use super::*;
use anyhow::ensure;
use sluicebox_tests::process::wait_until;
use sluicebox_tests::rights::{Operation, Resource, Right};
use sluicebox_tests::secure::{PASSWORD, USER};
use sluicebox_tests::truth::Truth;

fn right(resource: Resource, name: &str, operation: Operation) -> Right {
    Right {
        resource,
        name: name.to_owned(),
        prefixed: name.ends_with('.'),
        operation,
    }
}

/// What docs/secure.md lists, but for Delete.
fn rights(job: &Job, own: &str) -> Vec<Right> {
    use Operation::{Create, DescribeConfigs, Read, Write};
    let topic = |name: &str, operations: &[Operation]| {
        let right = |operation: &Operation| right(Resource::Topic, name, *operation);
        operations.iter().map(right).collect::<Vec<_>>()
    };
    let mut all = topic(own, &[Create, Read, Write, DescribeConfigs]);
    all.push(right(Resource::Group, own, Read));
    all.push(right(Resource::TransactionalId, own, Write));
    all.extend(topic(&job.input, &[Read]));
    for written in [&job.output, &job.late, &job.dead] {
        all.extend(topic(written, &[Write, DescribeConfigs]));
    }
    all
}

#[test]
fn a_host_needs_the_rights_that_are_listed() -> Result<()> {
    let broker = broker::shared_secure();
    let secure = broker.secure()?;
    let installation = Installation::new(&secure.bootstrap())?.by(secure.properties());
    let options = Options::default();
    let mut job = Job::new(&broker.client(), &options)?;
    let own = format!("sluicebox.{}.", installation.name());
    let client = job.client().clone();
    client.grant(USER, &rights(&job, &own))?;
    let workload = workload(1_000);
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    job.produce(&workload, 0, workload.length())?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))?;

    let path = format!("/v1/tenants/{TENANT}/jobs/{}", job.name);
    host.api.ok("POST", &format!("{path}/stop"), b"")?;
    host.api.ok("DELETE", &path, b"")?;
    wait_until("it says what is missing", Duration::from_secs(40), || {
        let log = host.process.log();
        Ok(log.contains("grant") && log.contains("Delete") && log.contains(&own))
    })?;
    ensure!(
        !client.topics(&own)?.is_empty(),
        "nobody may have deleted it"
    );
    let delete = |resource| right(resource, &own, Operation::Delete);
    client.grant(USER, &[delete(Resource::Topic), delete(Resource::Group)])?;
    wait_until("the job's topics and groups are gone", TIMEOUT, || {
        let groups = client.groups()?;
        let ours = groups.iter().any(|(name, _)| name.starts_with(&own));
        Ok(client.topics(&own)?.is_empty() && !ours)
    })?;
    ensure!(
        !host.process.log().contains(PASSWORD),
        "the password is in the log"
    );
    Ok(())
}
