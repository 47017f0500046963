//! `loa completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Done, Loa, out};

/// Prints a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa completions bash > ~/.local/share/bash-completion/completions/loa
  loa completions zsh > ~/.zfunc/_loa
  loa completions fish > ~/.config/fish/completions/loa.fish")]
pub(super) struct Arguments {
    /// Which shell
    shell: Shell,
}

pub(super) fn main(arguments: &Arguments) -> Done {
    // Into memory first: clap_complete panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Loa::command(), "loa", &mut script);
    Ok(out::text(&String::from_utf8_lossy(&script))?)
}
