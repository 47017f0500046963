//! `loa demo`

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::{Done, block_on};
use crate::demo;

/// The whole job without the internet: a local portal, the daemon that watches it, and a receiver of webhooks
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa demo                              ends with Ctrl-C, leaves nothing behind
  loa demo --listen 0.0.0.0:8080        to look at it from another machine
  loa demo --data demo-data             keeps its store")]
pub(super) struct Arguments {
    /// Where the daemon listens
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Where it keeps its store; without it, a temporary folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(super) fn main(arguments: Arguments) -> Done {
    block_on(demo::run(demo::Options { listen: arguments.listen, data: arguments.data }))
}
