//! The daemon as the outside sees it: one binary, real loopback servers, a clock that the tests move.

#![expect(clippy::unwrap_used, clippy::string_slice, reason = "what surprises a test shall stop it")]
#![expect(clippy::print_stdout, reason = "tests say what they skipped")]

mod attack;
mod backfill;
mod browser;
mod canary;
mod chains;
mod cli;
mod clocks;
mod clusters;
mod crash;
mod daemon;
mod events;
mod feeds;
mod flaky;
mod fuzz;
mod gate;
mod history;
mod hostile;
mod http;
mod hub;
mod ingest;
mod init;
mod mail;
mod manners;
mod operator;
mod private;
mod push;
mod pushed;
mod readers;
mod recordings;
mod refusals;
mod scripted;
mod selections;
mod shared;
mod signature;
mod sitemaps;
mod smtp;
mod text;
mod tidy;
mod tls;
mod tokens;
mod validator;
mod websub;
mod world;
