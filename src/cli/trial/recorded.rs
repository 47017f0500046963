//! `loa try --record` and `--replay`.

use std::path::Path;

use serde_json::{Value, json};

use super::{Arguments, Run, asked, conclude, describe};
use crate::{
    app::{self, Asked, Meta, Recording, Replay},
    cli::{Common, Done, Failure, block_on, out, run},
    config,
    model::SourceId,
    net::tape::{self, Missed, Wire},
    web::api::sources,
};

/// How a run that is recorded came to its end.
enum Ended {
    Read { report: Value },
    Failed(Failure),
    Interrupted,
}

pub(super) fn record(common: &Common, arguments: &Arguments, folder: &Path) -> Done {
    let config = common.load()?;
    let asked = asked(&config, common.path(), arguments)?;
    let source: Option<SourceId> = match &asked {
        Asked::Source(id) => id.parse().ok(),
        Asked::Address { .. } => None,
    };
    let excerpt = config::excerpt(common.path(), &common.settings, source.as_ref());
    let excerpt = excerpt.map_err(Failure::Configuration)?;
    // Before a folder is made for it.
    if let Some(known) = config.ingest.sources.iter().find(|known| source.as_ref() == Some(&known.id)) {
        app::check_recordable(known)?;
    }
    if arguments.browser {
        let what = arguments.source.as_deref().unwrap_or_default();
        return Err(anyhow::anyhow!(app::not_recordable(what, "record it without `--browser`")).into());
    }
    let recording = Recording::begin(folder, arguments.force, without_credentials(&asked), &excerpt)?;
    let run = Run {
        config: &config,
        path: common.path(),
        wire: recording.wire(),
        json: arguments.json,
        browser: false,
    };
    let mut steps = Vec::new();
    let ended = block_on(async {
        let mut pass = std::pin::pin!(run.pass(&asked, &mut steps));
        Ok(tokio::select! {
            passed = &mut pass => match passed {
                Ok(trial) => Ended::Read { report: sources::report(&trial.report) },
                Err(failure) => Ended::Failed(failure),
            },
            () = app::stop_signal() => {
                // What is under way now is not to be kept as if its server had hung.
                recording.stop();
                Ended::Interrupted
            }
        })
    })?;
    let (is_complete, read) = match &ended {
        Ended::Read { report } => (true, Ok(report.clone())),
        Ended::Failed(failure) => (true, Err(said(failure))),
        Ended::Interrupted => (false, Err("interrupted".to_owned())),
    };
    let kept = recording.end(is_complete, steps.clone(), read);
    let done = match ended {
        Ended::Read { report } => conclude(&report, &steps, false, arguments.json),
        Ended::Failed(failure) => Err(failure),
        Ended::Interrupted => {
            out::complain_as_is("interrupted: what came until now is kept\n");
            Err(Failure::Said)
        }
    };
    let n_exchanges = kept?;
    let plural = if n_exchanges == 1 { "" } else { "s" };
    let shown = folder.display();
    out::complain_as_is(&format!(
        "recorded {n_exchanges} exchange{plural} in {shown}; `loa try --replay {shown}` runs them again\n"
    ));
    done
}

/// As a recording keeps it.
fn without_credentials(asked: &Asked) -> Asked {
    match asked.clone() {
        Asked::Address { url, platform, allow_private } => {
            Asked::Address { url: tape::redacted(&url), platform, allow_private }
        }
        source @ Asked::Source(_) => source,
    }
}

fn said(failure: &Failure) -> String {
    match failure {
        Failure::Usage(message) => message.clone(),
        Failure::Configuration(report) => report.render(false),
        Failure::Failed(error) => out::chain(error),
        Failure::Said => String::new(),
    }
}

pub(super) fn replay(common: &Common, arguments: &Arguments, folder: &Path) -> Done {
    let Replay { meta, playback, config: own } = Replay::open(folder)?;
    // As the operator reads it now, or as it was read then.
    let (config, path, asked) = if arguments.source.is_some() {
        let config = common.load()?;
        let asked = asked(&config, common.path(), arguments)?;
        (config, common.path(), asked)
    } else {
        let config = config::load_alone(&own).map_err(Failure::Configuration)?;
        (config, Some(own.as_path()), meta.asked.clone())
    };
    if !meta.complete {
        let n = playback.n_exchanges();
        out::complain_as_is(&format!(
            "note: the recording was interrupted, after {n} exchange{}\n",
            if n == 1 { "" } else { "s" }
        ));
    }
    let wire = Wire::Replaying(playback.clone());
    let run = Run { config: &config, path, wire, json: arguments.json, browser: false };
    let mut steps = Vec::new();
    let passed = block_on(async { Ok(run.pass(&asked, &mut steps).await) })?;
    let missed = playback.missed();
    let done = match &passed {
        Ok(trial) => conclude(&sources::report(&trial.report), &steps, false, arguments.json),
        Err(_) => Ok(()),
    };
    let now = match &passed {
        Ok(trial) => Ok(sources::report(&trial.report)),
        Err(failure) => Err(said(failure)),
    };
    compare(&meta, (&steps, &now), &missed, arguments.json)?;
    passed?;
    if missed.is_empty() { done } else { Err(Failure::Failed(anyhow::anyhow!(lacks(&missed)))) }
}

/// Says whether it reads as it did then.
fn compare(meta: &Meta, now: (&[Value], &Result<Value, String>), missed: &[Missed], json: bool) -> Done {
    let (steps, read) = now;
    let (then, now) = (
        lines(&meta.steps, &meta.report, meta.failed.as_deref()),
        match read {
            Ok(report) => lines(steps, report, None),
            Err(failed) => lines(steps, &Value::Null, Some(failed)),
        },
    );
    let same = then == now;
    if !meta.complete && !json {
        // Nobody knows what would have been read.
        return Ok(());
    }
    if json {
        let missed: Vec<&str> = missed.iter().map(|missed| missed.url.as_str()).collect();
        out::text(&format!("{}\n", json!({ "step": "compared", "same": same, "not_recorded": missed })))?;
        return Ok(());
    }
    let (started, version) = (&meta.started, &meta.loa);
    if same {
        out::complain_as_is(&format!("it reads as it did when it was recorded ({started}, loa {version})\n"));
        return Ok(());
    }
    let mut text = format!("it reads otherwise than when it was recorded ({started}, loa {version}):\n");
    for op in similar::capture_diff_slices(similar::Algorithm::Myers, &then, &now) {
        for change in op.iter_changes(&then, &now) {
            match change.tag() {
                similar::ChangeTag::Delete => text.push_str(&format!("- {}", change.value())),
                similar::ChangeTag::Insert => text.push_str(&format!("+ {}", change.value())),
                similar::ChangeTag::Equal => {}
            }
        }
    }
    out::complain_as_is(&text);
    Ok(())
}

/// What was read, a line for each step; without the time at which it was.
fn lines(steps: &[Value], report: &Value, failed: Option<&str>) -> Vec<String> {
    let mut lines: Vec<String> = steps.iter().map(describe).collect();
    // Its issues were steps.
    if !report.is_null() {
        lines.push(run::summary(report));
    }
    lines.extend(failed.map(|failed| format!("{failed}\n")));
    lines.iter().map(|line| tape::redacted(line)).collect()
}

/// What was asked that nobody asked when it was recorded.
fn lacks(missed: &[Missed]) -> String {
    const SHOWN: usize = 5;
    let n_missed = match missed.len() {
        1 => "1 address was".to_owned(),
        n => format!("{n} addresses were"),
    };
    let mut text = format!("{n_missed} asked for that the recording does not have:");
    for Missed { url, nearest } in missed.iter().take(SHOWN) {
        let near = nearest.as_ref().map(|near| format!(" (the nearest in it is {near})"));
        text.push_str(&format!("\n  {url}{}", near.unwrap_or_default()));
    }
    if missed.len() > SHOWN {
        text.push_str(&format!("\n  … and {} more", missed.len() - SHOWN));
    }
    text + "\nhint: what is read otherwise than then may ask for other pages; record the source again to have them"
}
