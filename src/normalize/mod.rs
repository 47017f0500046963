//! An item as found becomes a draft: composed text, honest dates, absolute addresses, safe markup.

pub mod date;
pub mod html;
mod media;
pub mod text;
pub mod url;

use crate::model::{Draft, Issue, Item, Timestamp};
use ::url::Url;
use jiff::tz::TimeZone;
use regex::Regex;

/// What a source's rules say about reading items: zone, dates, addresses, leftovers of titles.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The zone in which the source writes its dates.
    pub zone: TimeZone,
    /// The order of ambiguous numeric dates.
    pub order: Order,
    /// The language of items that do not say theirs.
    pub language: Option<String>,
    /// How URLs are made canonical.
    pub url: UrlRules,
    /// Patterns cut from the end or the start of titles (` - Cổng thông tin …`).
    pub title_noise: Vec<Regex>,
    /// Patterns of body text blocks that are noise: a block whose whole text matches is dropped.
    pub body_noise: Vec<Regex>,
}

/// The order of `03/04/2020`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// Day first: Vietnam, most of the world.
    #[default]
    DayFirst,
    /// Month first: the United States.
    MonthFirst,
}

/// How a URL becomes canonical: a form for comparing, which need not work in a browser.
/// Scheme, `www.`, default ports, fragments, percent-encoding, `+`, parameter order and known tracking
/// parameters are always evened out; these rules say what else is noise on a platform.
#[derive(Clone, Debug, Default)]
pub struct UrlRules {
    /// Paths are the same in any case.
    pub fold_path: bool,
    /// Parameter names are the same in any case.
    pub fold_params: bool,
    /// Parameters that name nothing: dropped. A trailing `*` matches any rest.
    pub drop_params: Vec<String>,
    /// When not empty, only these parameters name anything.
    pub keep_params: Vec<String>,
    /// Parameters with several names: (other name, canonical name).
    pub rename_params: Vec<(String, String)>,
    /// Path rewrites, in order: language prefixes, print and mobile variants.
    pub rewrite: Vec<(Regex, String)>,
}

/// What normalizing one item needs to know besides the rules.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The rules of the source.
    pub rules: &'a Rules,
    /// Where the item was found: the base of relative links.
    pub base: &'a Url,
    /// When it was fetched: what relative dates count from.
    pub fetched: Timestamp,
}

/// Normalizes one item.
pub fn normalize(_item: Item, _context: &Context<'_>) -> (Draft, Vec<Issue>) {
    unimplemented!("spine")
}
