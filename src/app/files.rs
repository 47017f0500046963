//! How many files a process may have open.

/// Lets this process have as many files open as it may, and says how many. Every connection is one; the usual limit,
/// 1,024, is there for programs that cannot count further.
pub(super) fn most() -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(cause) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!("the limit of open files stays as it is: {cause}");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
