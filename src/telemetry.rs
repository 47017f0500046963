//! room
/// How we log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A `tracing` filter: `info,loaphuong::push=debug`.
    pub filter: String,
    /// JSON lines instead of text.
    pub json: bool,
}
