//! The only writer to the terminal. What a command prints may be cut off (`| head`): that is an end, not a panic.

use std::io::{self, BufRead, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

/// Writes a line to standard output.
pub(super) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Writes text to standard output as it is.
pub(super) fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Says on standard error what is wrong; lines that begin with `hint:` come last.
pub(super) fn complain(message: &str) {
    let (error, hint) =
        if stderr_has_colors() { (bold(AnsiColor::Red), bold(AnsiColor::Cyan)) } else { Default::default() };
    let mut lines = format!("{error}error{error:#}: ");
    for (number, line) in message.lines().enumerate() {
        match line.strip_prefix("hint: ") {
            Some(advice) => lines.push_str(&format!("\n{hint}hint{hint:#}: {advice}")),
            None if number == 0 => lines.push_str(line),
            None => lines.push_str(&format!("\n{line}")),
        }
    }
    lines.push('\n');
    complain_as_is(&lines);
}

/// Writes to standard error as it is.
pub(super) fn complain_as_is(text: &str) {
    // When even standard error is closed there is nobody to tell.
    io::stderr().lock().write_all(text.as_bytes()).ok();
}

/// Colors are for people at terminals who did not say no (<https://no-color.org>).
pub(super) fn stderr_has_colors() -> bool {
    io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// An error with its causes in one sentence, all hints after it, each once.
pub(super) fn chain(error: &anyhow::Error) -> String {
    let (mut said, mut hints): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for cause in error.chain() {
        let text = cause.to_string();
        let mut parts = text.split("\nhint: ");
        let what = parts.next().unwrap_or_default().trim().to_owned();
        // Some errors repeat their cause in their own words.
        if !said.iter().any(|before| before.contains(&what)) {
            said.push(what);
        }
        hints.extend(parts.map(|hint| format!("hint: {}", hint.trim())));
    }
    hints.dedup();
    let mut lines = vec![said.join(": ")];
    lines.extend(hints);
    lines.join("\n")
}

/// True when standard output was closed by whoever read it.
pub(super) fn is_closed(error: &anyhow::Error) -> bool {
    let broken = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(broken)
}

/// The bytes of standard input, at most `most`.
pub(super) fn read_input(most: u64) -> io::Result<Vec<u8>> {
    read_up_to(io::stdin().lock(), most)
}

/// What there is to read, at most `most` bytes.
pub(super) fn read_up_to(source: impl io::Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(source, most), &mut bytes)?;
    Ok(bytes)
}

/// The next line of standard input without its end; `None` at the end.
pub(super) fn next_input_line() -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if io::stdin().lock().read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    while line.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
        line.pop();
    }
    Ok(Some(line))
}

fn bold(color: AnsiColor) -> Style {
    Style::new().bold().fg_color(Some(color.into()))
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_chain_is_one_sentence_with_its_hints_behind() {
        let inner: anyhow::Result<()> = Err(anyhow::anyhow!("the disk is full\nhint: make room"));
        let error = inner.context("cannot write `x`").unwrap_err();
        assert_eq!(chain(&error), "cannot write `x`: the disk is full\nhint: make room");
        let twice: anyhow::Result<()> = Err(anyhow::anyhow!("full"));
        assert_eq!(chain(&twice.context("cannot write: full").unwrap_err()), "cannot write: full");
    }

    #[test]
    fn a_closed_pipe_is_recognized() {
        let closed = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing");
        assert!(is_closed(&closed));
        assert!(!is_closed(&anyhow::anyhow!("other")));
    }
}
