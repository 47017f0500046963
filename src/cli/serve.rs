//! `loa serve`

use std::net::SocketAddr;

use clap::Args;

use super::{Common, Done, Failure, block_on};
use crate::{app, config, telemetry};

/// The daemon: watches, keeps, publishes, pushes. Ends with Ctrl-C or SIGTERM, reads its configuration again on SIGHUP
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa serve                                      District 1's news, kept in ./data
  loa serve --config /etc/loa/loa.toml
  loa serve --listen 0.0.0.0:80 --set store.path=/var/lib/loa
  LOA_WEB__LISTEN=0.0.0.0:80 loa serve           the same by the environment")]
pub(super) struct Arguments {
    /// Where to listen, instead of `web.listen`
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// Begins again with fewer heaps, where the C library is glibc. It gives threads up to eight for each core, and each of
/// them keeps what it once needed: with a long backlog that was half as much memory again (docs/performance.md).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn with_few_heaps() {
    use std::os::unix::process::CommandExt;
    const HEAPS: &str = "MALLOC_ARENA_MAX";
    if std::env::var_os(HEAPS).is_some() {
        return;
    }
    let heaps = std::thread::available_parallelism().map_or(2, std::num::NonZero::get) * 2;
    if let Ok(program) = std::env::current_exe() {
        let mut again = std::process::Command::new(program);
        // It only returns where it could not: then all goes on as it is.
        drop(again.args(std::env::args_os().skip(1)).env(HEAPS, heaps.to_string()).exec());
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn with_few_heaps() {}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    with_few_heaps();
    let mut overrides = common.settings.clone();
    if let Some(listen) = arguments.listen {
        overrides.push(("web.listen".to_owned(), listen.to_string()));
    }
    let config = config::load(common.path(), &overrides).map_err(Failure::Configuration)?;
    telemetry::start(&config.telemetry).map_err(anyhow::Error::from)?;
    block_on(app::serve(config, overrides, common.config.clone()))
}
