//! The daemon as the outside sees it: one binary, real loopback servers, a clock that the tests move.

mod cli;
mod crash;
mod feeds;
mod hostile;
mod http;
mod ingest;
mod push;
mod shared;
mod tidy;
mod world;
