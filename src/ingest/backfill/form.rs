//! Pages behind a form (ASP.NET Web Forms): each answer brings the state with which the next page is asked for.
//!
//! A state that the server does not take any more answers with an error, with another page, or with the first page:
//! then the walk asks for the first page anew and goes forward to where it was.

use jiff::civil::Date;
use url::Url;

use super::course::{Got, Page, Read, Step, asked_to_wait, note_last, pass_over, understand};
use crate::{
    extract::pager::Form,
    fetch::{Outcome, postback::Session},
    ingest::pass::Walk,
    model::{Backfill, End, Validators},
};

/// How often a page is asked for, each time from the first page on.
const TRIES: u32 = 3;

/// A visit that posts forms.
pub(super) struct Visit {
    session: Session,
    /// What the last answer brought; `None`: the first page has to be asked for.
    form: Option<Form>,
    /// The page that it stands on.
    at: u64,
}

/// What one posting gave.
enum Posted {
    Page(Read),
    /// The server does not know the state any more.
    Expired(String),
}

impl Visit {
    /// On the first page.
    pub(super) fn new(session: Session, form: Option<Form>) -> Self {
        Self { session, form, at: 1 }
    }

    /// The page that is the next one, by its number.
    pub(super) async fn page(&mut self, walk: &mut Walk<'_>, progress: &mut Backfill) -> Step {
        let to = progress.place.parse::<u64>().unwrap_or(2);
        let mut reason = String::new();
        for attempt in 1..=TRIES {
            match self.forward(walk, to).await {
                None => return Step::End(End::Bottom),
                Some(Posted::Expired(why)) => reason = why,
                Some(Posted::Page(Read::Items(drafts, pager))) => {
                    note_last(progress, &pager);
                    let page = Page::of_list(drafts);
                    let is_first = to > 2 && page.fingerprints().iter().all(|it| progress.first.contains(it));
                    if !is_first || attempt == TRIES {
                        return Step::Got(Got { page, then: (to + 1).to_string() });
                    }
                    // It may have begun again without a word.
                }
                Some(Posted::Page(Read::Nothing(_) | Read::Missing)) if to < progress.of => {
                    return pass_over(walk, progress, to);
                }
                Some(Posted::Page(Read::Nothing(_) | Read::Missing)) => return Step::End(End::Bottom),
                Some(Posted::Page(Read::Failed(why))) => reason = why,
            }
            self.form = None;
        }
        Step::Failed(format!("page {to} cannot be asked for, also after a fresh start: {reason}"))
    }

    /// The items of a day, by the date picker of that name.
    pub(super) async fn day(&mut self, walk: &mut Walk<'_>, picker: &str, day: Date) -> Read {
        let mut reason = String::new();
        for _ in 0..TRIES {
            if let Err(why) = self.arrive(walk).await {
                return Read::Failed(why);
            }
            let Some(form) = &self.form else { break };
            match self.post(walk, form.action.clone(), picked(form, picker, day)).await {
                Posted::Page(Read::Failed(why)) | Posted::Expired(why) => reason = why,
                Posted::Page(read) => return read,
            }
            self.form = None;
        }
        Read::Failed(format!("{day} cannot be asked for, also after a fresh start: {reason}"))
    }

    /// Presses buttons until page `to` is there; `None` where no button leads on.
    async fn forward(&mut self, walk: &mut Walk<'_>, to: u64) -> Option<Posted> {
        if self.at >= to {
            self.form = None;
        }
        if let Err(why) = self.arrive(walk).await {
            return Some(Posted::Expired(why));
        }
        loop {
            let form = self.form.as_ref()?;
            let (button, page) = form.toward(self.at, to)?;
            let fields = form.with(&[
                ("__EVENTTARGET", button.target.as_str()),
                ("__EVENTARGUMENT", button.argument.as_str()),
            ]);
            let posted = self.post(walk, form.action.clone(), fields).await;
            self.at = page;
            if page >= to || !matches!(posted, Posted::Page(Read::Items(..))) {
                return Some(posted);
            }
        }
    }

    /// Asks for the first page where nothing is at hand.
    async fn arrive(&mut self, walk: &mut Walk<'_>) -> Result<(), String> {
        if self.form.is_some() {
            return Ok(());
        }
        self.session = Session::default();
        self.at = 1;
        let url = walk.source.url.clone();
        let outcome = self.ask(walk, &url, None).await;
        self.form = match understand(walk, outcome, &url).await {
            Read::Items(_, pager) | Read::Nothing(pager) => pager.form,
            Read::Missing => return Err(format!("`{url}` is not there")),
            Read::Failed(why) => return Err(why),
        };
        if self.form.is_none() {
            return Err(format!("`{url}` has no form any more"));
        }
        Ok(())
    }

    /// Asks for a page, or posts a form; again after a pause where the host wants one.
    async fn ask(&mut self, walk: &mut Walk<'_>, url: &Url, form: Option<&[(String, String)]>) -> Outcome {
        let mut tries = 0;
        loop {
            tries += 1;
            let ask = walk.ask(url, Validators::default());
            let outcome = match form {
                Some(fields) => self.session.post(&walk.ingest.client, &ask, fields).await,
                None => self.session.get(&walk.ingest.client, &ask).await,
            };
            let now = walk.ingest.clock.now();
            match asked_to_wait(&outcome, tries, now) {
                Some(wait) => walk.ingest.clock.sleep_until(now.plus(wait)).await,
                None => return outcome,
            }
        }
    }

    async fn post(&mut self, walk: &mut Walk<'_>, action: Url, fields: Vec<(String, String)>) -> Posted {
        let outcome = self.ask(walk, &action, Some(&fields)).await;
        if let Outcome::Gone { status } = &outcome {
            return Posted::Expired(format!("the form answered {status}"));
        }
        let read = understand(walk, outcome, &action).await;
        match read {
            Read::Items(_, ref pager) | Read::Nothing(ref pager) => match &pager.form {
                Some(form) => {
                    self.form = Some(form.clone());
                    Posted::Page(read)
                }
                None => Posted::Expired("the answer has no form".to_owned()),
            },
            Read::Failed(why) => Posted::Expired(why),
            Read::Missing => Posted::Expired("the answer is missing".to_owned()),
        }
    }
}

/// The fields of a form in which a day was picked, as Telerik's `RadDatePicker` sends it: the day under its own name,
/// what people read in its input, and the state of the input, where the form has that.
fn picked(form: &Form, picker: &str, day: Date) -> Vec<(String, String)> {
    let input = format!("{picker}$dateInput");
    let client = format!("{}_dateInput_ClientState", picker.replace('$', "_"));
    let (value, shown) = (day.to_string(), day.strftime("%d/%m/%Y").to_string());
    let stamp = day.strftime("%Y-%m-%d-00-00-00").to_string();
    let state = serde_json::json!({
        "enabled": true, "emptyMessage": "", "validationText": stamp, "valueAsString": stamp,
        "minDateStr": "1980-01-01-00-00-00", "maxDateStr": "2099-12-31-00-00-00", "lastSetTextBoxValue": shown,
    })
    .to_string();
    let mut changes = vec![
        ("__EVENTTARGET", picker),
        ("__EVENTARGUMENT", ""),
        (picker, value.as_str()),
        (input.as_str(), shown.as_str()),
    ];
    if form.fields.iter().any(|(name, _)| *name == client) {
        changes.push((client.as_str(), state.as_str()));
    }
    form.with(&changes)
}
