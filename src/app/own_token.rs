//! The operator's own token of the API.

use std::{path::Path, sync::Arc};

use anyhow::Context;

use crate::config::Config;

/// The token: the configured one, or the one in the store's folder, made at the first start.
pub(super) fn of(config: &Config) -> anyhow::Result<Arc<str>> {
    if let Some(token) = &config.web.token {
        return Ok(token.as_str().into());
    }
    let Some(folder) = &config.store.path else { return Ok(new_token()?.into()) };
    let path = folder.join("api-token");
    match std::fs::read_to_string(&path) {
        Ok(token) if token.trim().len() >= 32 => Ok(token.trim().into()),
        Ok(_) => anyhow::bail!(
            "`{}` holds no token\nhint: remove it, and the next start makes a new one",
            path.display()
        ),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            let token = new_token()?;
            write_secret(&path, &token).with_context(|| format!("cannot write `{}`", path.display()))?;
            Ok(token.into())
        }
        Err(cause) => Err(cause).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

fn new_token() -> anyhow::Result<String> {
    use base64::Engine;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|cause| anyhow::anyhow!("the system gives no random numbers: {cause}"))?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let partial = path.with_extension("partial");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    std::fs::rename(&partial, path)
}
