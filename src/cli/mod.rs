//! The command line: one file per command, thin around the rooms that do the work.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

mod accept;
mod api;
mod backfill;
mod batch;
mod check;
mod completions;
mod demo;
mod export;
mod extract;
mod found;
mod import;
mod init;
mod out;
mod proposal;
mod push;
mod run;
mod serve;
mod sources;
mod subscriptions;
mod table;
mod tokens;
mod trial;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    config::{self, Config, Report},
    fetch::browser,
};

/// Watches news sections and says them again: RSS, Atom, JSON Feed and signed webhooks.
#[derive(Debug, Parser)]
#[command(name = "loa", version, propagate_version = true, after_help = EXAMPLES)]
struct Loa {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  loa demo                              the whole job on this machine, without the internet
  loa serve                             District 1's news at http://127.0.0.1:8080
  loa init https://a.example/tin-tuc    the configuration that watches a news section
  loa check --config loa.toml           everything that is wrong with a configuration
  loa extract --as auto page.html       what a saved page or feed says

Exit code: 0 done, 1 failed, 2 wrong usage or configuration.";

/// What every command understands.
#[derive(Debug, Args)]
struct Common {
    /// The configuration; without it the built-in one is used
    #[arg(long, global = true, value_name = "FILE", env = "LOA_CONFIG")]
    config: Option<PathBuf>,

    /// Sets a key of a plain section, for instance `web.listen=0.0.0.0:80`
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = pair)]
    settings: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Serve(serve::Arguments),
    Init(init::Arguments),
    Check(check::Arguments),
    Try(trial::Arguments),
    Extract(extract::Arguments),
    Run(run::Arguments),
    Backfill(backfill::Arguments),
    Sources(sources::Arguments),
    Accept(accept::Arguments),
    Push(push::Arguments),
    Subscriptions(subscriptions::Arguments),
    Tokens(tokens::Arguments),
    Export(export::Arguments),
    Import(import::Arguments),
    Completions(completions::Arguments),
}

/// Why a command ends without having done its work.
#[derive(Debug)]
enum Failure {
    /// It was asked wrongly: exit code 2.
    Usage(String),
    /// The configuration is wrong: exit code 2.
    Configuration(Report),
    /// It failed: exit code 1.
    Failed(anyhow::Error),
    /// It failed and has said so itself: exit code 1.
    Said,
}

type Done = Result<(), Failure>;

/// Runs the program.
pub fn main() -> ExitCode {
    let loa = match Loa::try_parse() {
        Ok(loa) => loa,
        Err(error) => return refuse(&error),
    };
    match dispatch(loa) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

fn dispatch(loa: Loa) -> Done {
    let common = &loa.common;
    match loa.command {
        Command::Demo(arguments) => demo::main(common, arguments),
        Command::Serve(arguments) => serve::main(common, &arguments),
        Command::Init(arguments) => init::main(common, &arguments),
        Command::Check(arguments) => check::main(common, &arguments),
        Command::Try(arguments) => trial::main(common, &arguments),
        Command::Extract(arguments) => extract::main(common, arguments),
        Command::Backfill(arguments) => backfill::main(common, &arguments),
        Command::Run(arguments) => run::main(common, &arguments),
        Command::Accept(arguments) => accept::main(common, &arguments),
        Command::Push(arguments) => push::main(common, &arguments),
        Command::Sources(arguments) => sources::main(common, &arguments),
        Command::Subscriptions(arguments) => subscriptions::main(common, &arguments),
        Command::Tokens(arguments) => tokens::main(common, &arguments),
        Command::Export(arguments) => export::main(common, &arguments),
        Command::Import(arguments) => import::main(common, &arguments),
        Command::Completions(arguments) => completions::main(&arguments),
    }
}

/// What clap has to say: help and version are answers, the rest is wrong usage.
fn refuse(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell when this cannot be written.
    error.print().ok();
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

fn report(failure: &Failure) -> ExitCode {
    match failure {
        Failure::Said => ExitCode::FAILURE,
        Failure::Usage(message) => {
            out::complain(message);
            ExitCode::from(2)
        }
        Failure::Configuration(report) => {
            out::complain_as_is(&report.render(out::stderr_has_colors()));
            ExitCode::from(2)
        }
        // `loa … | head` has what it wanted.
        Failure::Failed(error) if out::is_closed(error) => ExitCode::SUCCESS,
        Failure::Failed(error) => {
            out::complain(&out::chain(error));
            ExitCode::FAILURE
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains('.') => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write it as `section.key=value`".to_owned()),
    }
}

/// Waits for what is asynchronous.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| anyhow::anyhow!("cannot start the runtime: {cause}"))?;
    let done = runtime.block_on(future);
    // A name that is being looked up, or a page that is being parsed, cannot be interrupted and is not worth a wait.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(done?)
}

/// The browser of `--browser`.
fn browser_of(config: &Config) -> Result<&browser::Settings, Failure> {
    config.browser.as_ref().ok_or_else(|| {
        Failure::Usage(
            "`--browser` needs a browser, and the configuration names none\n\
             hint: add `--set browser.command=chromium`, or write `command = [\"chromium\"]` in `[browser]` (docs/javascript.md)"
                .to_owned(),
        )
    })
}

// === impl Common ===

impl Common {
    fn load(&self) -> Result<Config, Failure> {
        config::load(self.path(), &self.settings).map_err(Failure::Configuration)
    }

    fn path(&self) -> Option<&Path> {
        self.config.as_deref()
    }
}

// === impl Failure ===

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_command_has_examples() {
        let mut command = Loa::command();
        command.clone().debug_assert();
        for sub in command.get_subcommands_mut() {
            let name = sub.get_name().to_owned();
            let help = sub.render_long_help().to_string();
            assert!(help.contains("Examples:") && help.contains(&format!("loa {name}")), "{name}:\n{help}");
        }
    }

    #[test]
    fn settings_are_dotted_pairs() {
        assert_eq!(pair("web.listen=0.0.0.0:80"), Ok(("web.listen".to_owned(), "0.0.0.0:80".to_owned())));
        assert_eq!(pair("log.filter=info,a=debug"), Ok(("log.filter".to_owned(), "info,a=debug".to_owned())));
        assert!(pair("listen=1").is_err() && pair("web.listen").is_err());
    }
}
