//! Prometheus' text format, as far as several places write it.

use std::fmt::Write;

/// What stands before the samples of a metric.
pub fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    // A String takes any write.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}
