//! The filter language.

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter;
