//! `loa demo`

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::{Common, Done, block_on};
use crate::demo;

/// The whole job without the internet: a local portal, the daemon that watches it, and a receiver of webhooks
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa demo                              ends with Ctrl-C, leaves nothing behind
  loa demo --listen 127.0.0.1:9000      the daemon on a port of your choice
  loa demo --data demo-data             keeps its store

The demo writes its own configuration; `--set` changes it, `--config` is not read.")]
pub(super) struct Arguments {
    /// Where the daemon listens
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Where it keeps its store; without it, a temporary folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(super) fn main(common: &Common, arguments: Arguments) -> Done {
    let (listen, data, settings) = (arguments.listen, arguments.data, common.settings.clone());
    block_on(demo::run(demo::Options { listen, data, settings }))
}
