//! End to end: the real program against a real broker, its output compared row by row with an independent truth. One
//! binary, so that one broker serves all of it.

mod clock;
mod cluster;
mod coordinators;
mod crashes;
mod halts;
mod late_requests;
mod outages;
mod owners;
mod proxied;
mod results;
mod rights;
mod rows;
mod secure;
mod sizes;
mod tokens;
