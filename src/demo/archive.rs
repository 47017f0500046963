//! The archive of the portal: older stories behind a pager and a date filter that post the page's form back, as ASP.NET
//! Web Forms do. The state that a page carries has to come back as it was, in the same session, before it expires.

use std::fmt::Write;

use jiff::civil::Date;
use quick_xml::escape::escape;

use super::{pages, portal::Story};

/// Stories on a page of the archive.
pub(super) const PER_PAGE: usize = 10;
/// Numbers that the pager has a place for.
const NUMBERS: usize = 5;
/// The controls of the pager and of the filter. The middle is a web part's, which changes when an editor moves it.
const PAGER: &str = "ctl00$m$g_a823d20f_9452_4d0c$pager$ctl01$ctl";
const PICKER: &str = "ctl00$rdp";
/// Real states have this size, and more.
const STATE_BYTES: usize = 20_000;
/// The session's cookie.
const COOKIE: &str = "ASP.NET_SessionId";

/// What a posted form asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A page, by its number.
    Page(usize),
    /// What appeared on a day.
    Day(Date),
}

/// The stories of a page; the first one is the list's own.
pub(super) fn page(archive: &[Story], number: usize) -> Vec<Story> {
    let mut sorted: Vec<&Story> = archive.iter().collect();
    sorted.sort_by_key(|story| std::cmp::Reverse((story.published, story.item)));
    sorted.into_iter().skip(number.saturating_sub(2) * PER_PAGE).take(PER_PAGE).cloned().collect()
}

/// The stories of a day.
pub(super) fn day<'a>(stories: impl Iterator<Item = &'a Story>, day: Date) -> Vec<Story> {
    stories.filter(|story| pages::day(story.published) == day).cloned().collect()
}

/// The pager below page `number`: five numbers, and dots before and behind them.
pub(super) fn pager(n_archived: usize, number: usize) -> String {
    let last = n_archived.div_ceil(PER_PAGE) + 1;
    let first = (number - 1) / NUMBERS * NUMBERS + 1;
    let mut links = String::new();
    for page in first.saturating_sub(1)..=first + NUMBERS {
        let label =
            if (first..first + NUMBERS).contains(&page) { page.to_string() } else { "...".to_owned() };
        let script = format!("javascript:__doPostBack('{PAGER}{page:02}','')");
        let _infallible = match page {
            0 => Ok(()),
            _ if page > last => Ok(()),
            _ if page == number => write!(links, "<span>{label}</span>&nbsp;"),
            _ => write!(links, "<a href=\"{}\">{label}</a>&nbsp;", escape(script)),
        };
    }
    format!("<div class=\"phantrang\">{links}</div>")
}

/// The hidden fields of page `number`, valid until the site's `epoch` changes.
pub(super) fn fields(epoch: u64, number: usize) -> String {
    let state = state(epoch, number);
    format!(
        r#"<input type="hidden" name="__EVENTTARGET" value="" /><input type="hidden" name="__EVENTARGUMENT" value="" />
<input type="hidden" name="__VIEWSTATE" id="__VIEWSTATE" value="{state}" />
<input type="hidden" name="__VIEWSTATEGENERATOR" value="CA0B0334" />
<input type="hidden" name="__EVENTVALIDATION" value="{}" />"#,
        validation(&state)
    )
}

/// The cookie that a visitor without one gets.
pub(super) fn cookie(epoch: u64) -> String {
    format!("{COOKIE}={}; path=/; HttpOnly", session(epoch))
}

/// What a form asks for; nothing where its state is not (or not any more) one of ours.
pub(super) fn asked(form: &[u8], cookies: &str, epoch: u64) -> Option<Asked> {
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(form).into_owned().collect();
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let given = field("__VIEWSTATE")?;
    let number = given.strip_prefix("/wEPDwUK")?.split_once('p')?.1.split_once('+')?.0.parse().ok()?;
    let is_ours = given == state(epoch, number) && field("__EVENTVALIDATION") == Some(&validation(given));
    let known = format!("{COOKIE}={}", session(epoch));
    if !is_ours || !cookies.split("; ").any(|cookie| cookie == known) {
        return None;
    }
    match field("__EVENTTARGET")? {
        PICKER => field(PICKER)?.parse().ok().map(Asked::Day),
        target => target.strip_prefix(PAGER)?.parse().ok().map(Asked::Page),
    }
}

fn state(epoch: u64, number: usize) -> String {
    let filler = "Q2FuIGJvIHZhIG5oYW4gZGFu".chars().cycle().take(STATE_BYTES).collect::<String>();
    format!("/wEPDwUK{epoch}p{number}+{filler}==")
}

fn validation(state: &str) -> String {
    blake3::hash(state.as_bytes()).to_hex().to_string()
}

fn session(epoch: u64) -> String {
    blake3::hash(&epoch.to_be_bytes()).to_hex().chars().take(24).collect()
}
