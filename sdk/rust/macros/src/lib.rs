//! Attribute macros of sluicebox-udf.
