//! The sandbox: runs UDF components under limits.
