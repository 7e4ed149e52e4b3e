//! Topics that are missing, deleted, made again or cut short: each is an error that halts, never a silent skip.

use super::Fixture;
use super::job::*;
use crate::log::{Kind, Topic};

/// A missing topic is an error that names it.
pub fn missing_topics_halt(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let missing = format!("{}-missing", fixture.unique_name());
    assert_eq!(fixture.log().topic(&missing), Ok(None));
    let mut config = job.config.clone();
    config.source = missing.clone();
    let opened = fixture.log().open(&config);
    let refused = error_of(opened.and_then(|mut shard| shard.source_topic()));
    assert_eq!(refused.kind, Kind::Halt);
    assert!(refused.message.contains(&missing), "{refused}");
    let mut config = job.config.clone();
    config.sinks.push(missing.clone());
    let opened = fixture.log().open(&config);
    let refused = error_of(opened.and_then(|mut shard| shard.sink_partitions(1)));
    assert_eq!(refused.kind, Kind::Halt);
    assert!(refused.message.contains(&missing), "{refused}");
}

/// Partitions and identity of topics, from the log and from a connection.
pub fn topics_tell_partitions_and_identity(fixture: &impl Fixture) {
    let job = Job::new(fixture, 3);
    let mut shard = job.owner();
    let source = shard.source_topic().unwrap();
    assert_eq!(source.partitions, 3);
    let log = fixture.log();
    assert_eq!(log.topic(&job.config.source), Ok(Some(source.clone())));
    assert_eq!(shard.sink_partitions(0), Ok(3));
    let sink = log.topic(&job.config.sinks[0]).unwrap().unwrap();
    assert_ne!(sink.id, source.id);
    fixture.delete_topic(&job.config.sinks[0]);
    let found = || log.topic(&job.config.sinks[0]).unwrap();
    eventually(fixture, "no topic", found, Option::is_none);
}

/// After the source was deleted and made again, a commit of what came from the old one halts and commits nothing.
pub fn a_recreated_source_halts_the_commit(fixture: &impl Fixture) {
    let job = Job::new(fixture, 2);
    job.produce(&inputs(0, 0..10));
    let mut shard = job.owner();
    let old = source_id(shard.as_mut());
    job.begin_with(shard.as_mut(), &["from the old one"]);
    fixture.recreate_topic(&job.config.source, 2);
    let differs = |topic: &Topic| topic.id != old && topic.partitions == 2;
    let now = || shard.source_topic().unwrap();
    eventually(fixture, "a new identity", now, differs);
    let refused = error_of(shard.commit(&[position(0, 10, "")], &old));
    assert_eq!(refused.kind, Kind::Halt, "{refused}");
    assert!(refused.message.contains(&job.config.source), "{refused}");
    drop(shard);
    let mut next = job.owner();
    assert_eq!(next.committed(&[0]), Ok(vec![None]));
    job.epoch(next.as_mut(), &["from the new one"], &[]);
    job.expect_visible(&["from the new one"]);
}

/// A source that is gone halts the commit too.
pub fn a_deleted_source_halts_the_commit(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut shard = job.owner();
    let old = source_id(shard.as_mut());
    job.begin_with(shard.as_mut(), &["never"]);
    fixture.delete_topic(&job.config.source);
    let refused = error_of(shard.commit(&[], &old));
    assert_eq!(refused.kind, Kind::Halt, "{refused}");
    assert_eq!(job.visible(), [""; 0]);
}

/// Deleting what a job owns in the log leaves nothing of it, and its source and sink alone; again is no error.
pub fn a_deleted_job_is_gone(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    job.produce(&inputs(0, 0..10));
    let mut shard = job.owner();
    let source = source_id(shard.as_mut());
    job.begin_with(shard.as_mut(), &["stays"]);
    shard.commit(&[position(0, 10, "")], &source).unwrap();
    drop(shard);
    let (log, config) = (fixture.log(), &job.config);
    for _ in 0..2 {
        log.delete(&config.changelog, &[&config.group]).unwrap();
        let found = || log.topic(&config.changelog).unwrap();
        eventually(fixture, "no changelog", found, Option::is_none);
        let lag = log.lag(&config.source, &config.group).unwrap();
        assert_eq!(lag[0].committed, None);
    }
    job.expect_visible(&["stays"]);
}

/// A position that the log no longer holds is an error, not a jump to some other place.
pub fn a_position_below_the_log_halts(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    job.produce(&inputs(0, 0..10));
    fixture.truncate_before(&job.config.source, 0, 5);
    let mut shard = job.owner();
    let bounds = || shard.source_bounds(0).unwrap();
    eventually(fixture, "the truncation", bounds, |b| b.start == 5);
    for lost in [4, 0, 11] {
        let mut shard = job.owner();
        let mut batches = Vec::new();
        let mut read = || -> crate::log::Result<usize> {
            shard.assign(&[(0, lost)])?;
            let end = std::time::Instant::now() + fixture.patience();
            while std::time::Instant::now() < end {
                shard.poll(10, MOMENT, &mut batches)?;
            }
            Ok(batches.len())
        };
        let refused = error_of(read());
        assert_eq!(refused.kind, Kind::Halt, "{refused}");
        assert_eq!(batches.iter().map(|b| b.batch.len()).sum::<usize>(), 0);
    }
    let mut shard = job.owner();
    shard.assign(&[(0, 5)]).unwrap();
    assert_eq!(job.read(shard.as_mut(), 5).len().min(1), 1);
}
