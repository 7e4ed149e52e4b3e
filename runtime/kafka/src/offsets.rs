//! Ends of many partitions, asked for with the cluster's own client.

use crate::errors;
use crate::ffi::Code;
use crate::ffi::client::Client;
use crate::ffi::offsets;
use crate::limits::ANSWER_WAIT_MAX;
use sluicebox_core::log::Result;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Offset after the last stable record of each partition; `None` for one that is not there, or can't be told now.
pub fn ends(client: &Arc<Client>, partitions: &[(&str, i32)]) -> Result<Vec<Option<i64>>> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let each: BTreeSet<(&str, i32)> = partitions.iter().copied().collect();
    let each: Vec<(&str, i32)> = each.into_iter().collect();
    let answer = offsets::ends(client, &each, ANSWER_WAIT_MAX)
        .map_err(|fault| errors::error("ends of partitions", &fault, client))?;
    let known = |code| code == Code::RD_KAFKA_RESP_ERR_NO_ERROR;
    let found: HashMap<(&str, i32), i64> = (answer.iter())
        .filter(|end| known(end.code) && end.offset >= 0)
        .map(|end| ((end.topic.as_str(), end.partition), end.offset))
        .collect();
    let end = |partition| found.get(partition).copied();
    Ok(partitions.iter().map(end).collect())
}
