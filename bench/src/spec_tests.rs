//! The bench's job specs, read by the engine's own parser: a spec that it refuses is found here, not after a build of
//! half an hour.
use crate::runner::spec_of;
use crate::twin::Job;
use crate::workload::{LATENESS_MS, WINDOW_MS};
use sluicebox_core::log::Delivery;
use sluicebox_core::spec::{Input, JobSpec, OperatorKind, StartSpec, Window};

fn parsed(job: Job) -> JobSpec {
    let lookup = |name: &str| {
        let value = match name {
            "IN" => "events",
            "OUT" => "out",
            "GROUP" => "cmd-count-1000-12345",
            "COMMIT" => "20",
            "BROKERS" => "127.0.0.1:9092",
            "GUESTS" => "/target/guests",
            _ => return None,
        };
        Some(value.to_owned())
    };
    JobSpec::parse(spec_of(job), &lookup).unwrap()
}

#[test]
fn both_jobs_read_the_environment_and_are_exactly_once() {
    for job in [Job::Stateless, Job::Windowed] {
        let spec = parsed(job);
        assert_eq!(spec.group.as_deref(), Some("cmd-count-1000-12345"));
        assert_eq!((spec.shards, spec.epoch.interval_ms), (Some(1), 20));
        assert_eq!(spec.delivery, Delivery::ExactlyOnce);
        assert_eq!(spec.source.watermark.max_out_of_orderness_ms, LATENESS_MS);
        assert_eq!(spec.output_topics(), ["out"]);
        let Input::Kafka { topic, start } = spec.source.input else {
            panic!("not Kafka")
        };
        assert_eq!((topic.as_str(), start), ("events", StartSpec::Earliest));
        assert_eq!(spec.kafka.unwrap().bootstrap_servers, "127.0.0.1:9092");
    }
}

#[test]
fn the_windowed_job_adds_one_operator_with_the_workloads_windows() {
    let (stateless, windowed) = (parsed(Job::Stateless), parsed(Job::Windowed));
    assert_eq!(windowed.operators[..2], stateless.operators[..]);
    let OperatorKind::WindowAggregate { window, .. } = &windowed.operators[2].kind else {
        panic!("{:?}", windowed.operators[2])
    };
    assert_eq!(
        *window,
        Window::Tumbling {
            size_ms: WINDOW_MS,
            offset_ms: 0
        }
    );
}
