//! `loa extract --batch`: starts once, streams, uses every core, answers in order.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, SyncSender},
    },
};

use anyhow::Context;
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    extract::{self, As, Defaults},
    found::{Library, Task},
    out,
};

/// One request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    #[serde(default)]
    id: Value,
    file: String,
    url: Option<String>,
    #[serde(rename = "as")]
    kind: Option<String>,
    content_type: Option<String>,
    platform: Option<String>,
}

/// A line of input and where its answer goes.
type Job = (Vec<u8>, SyncSender<String>);

/// Answers under way at once: bounds the memory, and how far one slow file lets the others run ahead.
const AHEAD: usize = 64;
/// Deeply nested markup takes stack.
const STACK: usize = 32 << 20;

/// Answers requests from standard input until it ends.
pub(super) fn main(library: &Library, defaults: &Defaults) -> anyhow::Result<()> {
    let n_workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (jobs, todo) = mpsc::sync_channel::<Job>(n_workers);
    let (answers, in_order) = mpsc::sync_channel::<Receiver<String>>(AHEAD);
    let todo = &Mutex::new(todo);
    std::thread::scope(|scope| {
        for _ in 0..n_workers {
            std::thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, move || work(todo, library, defaults))
                .context("cannot start a thread")?;
        }
        let writer = scope.spawn(move || write(&in_order));
        let read = feed(&jobs, &answers);
        drop((jobs, answers));
        let written = writer.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the writer stopped")));
        written.and(read)
    })
}

/// Hands each line to a worker, and the place of its answer to the writer.
fn feed(jobs: &SyncSender<Job>, answers: &SyncSender<Receiver<String>>) -> anyhow::Result<()> {
    while let Some(line) = out::next_input_line().context("cannot read standard input")? {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let (answer, place) = mpsc::sync_channel(1);
        // Either fails only when the writer has stopped, and then it says why.
        if answers.send(place).is_err() || jobs.send((line, answer)).is_err() {
            break;
        }
    }
    Ok(())
}

fn work(todo: &Mutex<Receiver<Job>>, library: &Library, defaults: &Defaults) {
    loop {
        let job = todo.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((line, answer)) = job else { return };
        // The writer may be gone already: then nobody waits for this answer.
        answer.send(respond(&line, library, defaults)).ok();
    }
}

fn write(in_order: &Receiver<Receiver<String>>) -> anyhow::Result<()> {
    for place in in_order {
        let answer = place.recv().context("a worker stopped")?;
        out::line(&answer)?;
    }
    Ok(())
}

/// One line for one line, whatever it says.
fn respond(line: &[u8], library: &Library, defaults: &Defaults) -> String {
    // A page that breaks the pipeline must not end a run over a thousand others.
    let answer = catch_unwind(AssertUnwindSafe(|| answer(line, library, defaults)));
    let failed = answer.unwrap_or_else(|_| Err("the pipeline panicked: this is a bug".to_owned()));
    failed.unwrap_or_else(|error| json!({ "id": id_of(line), "error": error }).to_string())
}

fn answer(line: &[u8], library: &Library, defaults: &Defaults) -> Result<String, String> {
    let request: Request =
        serde_json::from_slice(line).map_err(|cause| format!("this is not a request: {cause}"))?;
    let kind = match &request.kind {
        None => defaults.kind,
        Some(name) => As::from_str(name, false)
            .map_err(|_| format!("`as` is `{name}`, and must be feed, list, article or auto"))?,
    };
    let url = match &request.url {
        None => defaults.url.clone(),
        Some(text) => Some(Url::parse(text).map_err(|cause| format!("`url` is not an address: {cause}"))?),
    };
    library.check(request.platform.as_deref())?;
    let bytes = extract::bytes(&request.file).map_err(|error| out::chain(&error))?;
    let printed = library.read(&Task {
        id: request.id,
        file: Some(&request.file),
        bytes: &bytes,
        content_type: request.content_type.as_deref().or(defaults.content_type.as_deref()),
        url: url.as_ref(),
        kind: kind.kind(),
        platform: request.platform.as_deref().or(defaults.platform.as_deref()),
        fetched: defaults.fetched,
    });
    serde_json::to_string(&printed).map_err(|cause| format!("cannot print the answer: {cause}"))
}

/// The id of a request that cannot be answered, as far as it can be read.
fn id_of(line: &[u8]) -> Value {
    let request: Value = serde_json::from_slice(line).unwrap_or_default();
    request.get("id").cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_answered_is_answered_with_an_error() {
        let library = Library::new(None).unwrap();
        let defaults = Defaults {
            kind: As::Auto,
            url: None,
            platform: None,
            content_type: None,
            fetched: crate::model::Timestamp::from_second(0),
        };
        let check = |line: &str, id: Value, part: &str| {
            let answer: Value = serde_json::from_str(&respond(line.as_bytes(), &library, &defaults)).unwrap();
            assert_eq!(answer["id"], id, "{line}");
            assert!(answer["error"].as_str().unwrap().contains(part), "{answer}");
            assert_eq!(answer.as_object().unwrap().len(), 2);
        };
        check("{", Value::Null, "not a request");
        check("[]", Value::Null, "not a request");
        check("{\"id\":7}", json!(7), "file");
        check("{\"id\":\"a\",\"file\":\"/nonexistent\"}", json!("a"), "cannot read `/nonexistent`");
        check("{\"id\":\"a\",\"file\":\"x\",\"as\":\"page\"}", json!("a"), "feed, list, article or auto");
        check("{\"id\":\"a\",\"file\":\"x\",\"url\":\"nowhere\"}", json!("a"), "`url` is not an address");
        check(
            "{\"id\":\"a\",\"file\":\"x\",\"platform\":\"liferay\"}",
            json!("a"),
            "did you mean `liferay7`?",
        );
        check("{\"id\":{\"x\":1},\"file\":\"x\",\"fil\":1}", json!({"x": 1}), "unknown field `fil`");
    }
}
