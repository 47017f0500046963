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

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let mut overrides = common.settings.clone();
    if let Some(listen) = arguments.listen {
        overrides.push(("web.listen".to_owned(), listen.to_string()));
    }
    let config = config::load(common.path(), &overrides).map_err(Failure::Configuration)?;
    telemetry::start(&config.telemetry).map_err(anyhow::Error::from)?;
    block_on(app::serve(config, overrides, common.config.clone()))
}
