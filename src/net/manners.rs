//! What a polite request asks before it is sent: does the site want it, is the host patient, is there budget left?

use std::{sync::Arc, time::Duration};

use url::Url;

use super::{
    Client, Error, HostView, Request, Restraint, Want,
    error::shown,
    polite::Turn,
    robots::{
        self, Rules,
        book::{self, View},
    },
    trap,
    trust::Trust,
};
use crate::model::Timestamp;

/// How far redirects of a `robots.txt` are followed (RFC 9309, section 2.3.1.2).
const ROBOTS_REDIRECTS: usize = 5;

/// One request in so many of a day's budget is kept for what cannot wait.
const KEPT: u32 = 5;

/// What a polite request wants to be asked.
#[derive(Clone, Debug)]
pub(super) struct Manners {
    /// The least time since the last one.
    spacing: Duration,
    /// Is what the site's `robots.txt` says of interest?
    robots: bool,
    allow_private: bool,
    in_background: bool,
    trust: Option<Arc<Trust>>,
}

// === impl Manners ===

impl Manners {
    /// Those of a request; `None` where it asks for none.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let Request { robots, allow_private, in_background, .. } = *request;
        let trust = request.trust.clone();
        request.spacing.map(|spacing| Self { spacing, robots, allow_private, in_background, trust })
    }
}

// === impl Client ===

impl Client {
    /// Waits for our turn at a host, unless there is a reason not to ask it for this now.
    pub(super) async fn turn(&self, url: &Url, manners: &Manners) -> Result<Turn, Error> {
        self.may_ask(url, manners)?;
        let known = if manners.robots {
            self.0.robots.view(url, Trust::key(manners.trust.as_ref()), self.now())
        } else {
            None
        };
        let spacing = match &known {
            Some(view) => self.spacing(manners, &*rules(view, url)?, url)?,
            None => manners.spacing,
        };
        let turn = self.0.queue.turn(url, spacing).await;
        // While we waited the host may have said something.
        self.may_ask(url, manners)?;
        if manners.robots && known.is_none() {
            let permit = self.permit().await;
            let (rules, was_asked) = self.robots(url, manners).await?;
            drop(permit);
            let spacing = self.spacing(manners, &rules, url)?;
            if was_asked {
                turn.pause(spacing).await;
                self.may_ask(url, manners)?;
            }
        }
        Ok(turn)
    }

    /// May a polite request be redirected here? It waits for no turn: see [`super::polite`].
    pub(super) async fn may_follow(&self, url: &Url, manners: &Manners) -> Result<(), Error> {
        self.may_ask(url, manners)?;
        if manners.robots {
            let (rules, _) = Box::pin(self.robots(url, manners)).await?;
            self.spacing(manners, &rules, url)?;
        }
        Ok(())
    }

    /// What is known of the host of this address, by requests that rely on this trust.
    pub fn host(&self, url: &Url, trust: Option<&Arc<Trust>>) -> HostView {
        let counted = self.0.queue.tally(url, super::tally::Tally::view);
        match self.0.robots.last(url, Trust::key(trust)) {
            Some(rules) => {
                HostView { crawl_delay: rules.crawl_delay, sitemaps: rules.sitemaps.clone(), ..counted }
            }
            None => counted,
        }
    }

    /// Until when nothing that can wait is asked of the host of this address: it wants a pause, or what such requests may
    /// take of the day's budget is used up.
    pub fn rests_until(&self, url: &Url) -> Option<Timestamp> {
        let budget = self.0.settings.daily_budget;
        self.0.queue.restraint(url, budget, budget / KEPT).and_then(|restraint| restraint.until())
    }

    /// Is there a reason of our own not to ask?
    fn may_ask(&self, url: &Url, manners: &Manners) -> Result<(), Restraint> {
        let settings = &self.0.settings;
        if let Some(rule) = trap::broken(url, &settings.caps) {
            return Err(told(Restraint::Trap { url: shown(url), rule }));
        }
        let (budget, kept) = (settings.daily_budget, settings.daily_budget / KEPT);
        let kept = if manners.in_background { kept } else { 0 };
        self.0.queue.restraint(url, budget, kept).map_or(Ok(()), |restraint| Err(told(restraint)))
    }

    /// The time between two requests, if the rules let us ask at all.
    fn spacing(&self, manners: &Manners, rules: &Rules, url: &Url) -> Result<Duration, Restraint> {
        rules.verdict(url).map_err(|rule| told(Restraint::Disallowed { url: shown(url), rule }))?;
        Ok(between(manners.spacing, rules.crawl_delay, self.0.settings.max_crawl_delay))
    }

    /// What the site's `robots.txt` says, and whether it had to be asked. It waits for no turn and no place: whoever
    /// holds those may be waiting for this.
    async fn robots(&self, url: &Url, manners: &Manners) -> Result<(Arc<Rules>, bool), Error> {
        let page = self.0.robots.page(url, Trust::key(manners.trust.as_ref())).await;
        if let Some(view) = page.view(self.now()) {
            return Ok((rules(&view, url)?, false));
        }
        let mut address = url.clone();
        address.set_path("/robots.txt");
        address.set_query(None);
        self.0.queue.count(&address);
        let request = Request {
            headers: vec![("accept", "text/plain, */*;q=0.1".to_owned())],
            allow_private: manners.allow_private,
            trust: manners.trust.clone(),
            max_redirects: ROBOTS_REDIRECTS,
            want: Want::Start(robots::LONGEST),
            ..Request::get(address)
        };
        let answer = Box::pin(self.exchange(request)).await;
        let heard = book::heard(answer, self.now())?;
        let view = page.note(heard, self.now());
        Ok((rules(&view, url)?, true))
    }
}

/// The time between two requests: ours, or what the site wants, if that is more, but no more than `longest` of that.
fn between(ours: Duration, wanted: Option<Duration>, longest: Duration) -> Duration {
    wanted.map_or(ours, |wanted| ours.max(wanted.min(longest)))
}

/// The rules, where they are known.
fn rules(view: &View, url: &Url) -> Result<Arc<Rules>, Restraint> {
    match view {
        View::Says(rules) => Ok(Arc::clone(rules)),
        View::Unreadable { problem, until } => {
            Err(told(Restraint::Unreadable { url: shown(url), problem: problem.clone(), until: *until }))
        }
    }
}

/// Counts a restraint.
fn told(restraint: Restraint) -> Restraint {
    metrics::counter!("loa_restraints_total", "reason" => restraint.code()).increment(1);
    restraint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_may_ask_for_more_time_but_not_for_any_amount() {
        let check = |ours: u64, wanted: Option<u64>, expected: u64| {
            let found = between(seconds(ours), wanted.map(seconds), seconds(60));
            assert_eq!(found, seconds(expected), "{ours} {wanted:?}");
        };
        check(2, None, 2);
        check(2, Some(1), 2);
        check(2, Some(10), 10);
        check(2, Some(600), 60);
        check(90, Some(600), 90);
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
}
