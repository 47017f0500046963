//! Plain values that every room speaks: ids, dates, items, articles, events, subscriptions.
//!
//! Nothing here does I/O, asks the time or knows a format. Stored forms live in `store::codec`,
//! wire forms beside the code that writes them.

mod article;
mod backfill;
mod canary;
pub mod cluster;
mod daily;
pub mod diff;
mod event;
pub mod filter;
mod following;
mod gate;
mod html;
mod id;
mod item;
pub mod markup;
mod mended;
pub mod nearest;
mod source;
mod subscription;
pub mod text;
mod time;
mod token;

pub use article::{Article, Content, Digest, Draft, Known, Status};
pub use backfill::{Backfill, End};
pub use canary::{Canary, Promptness};
pub use cluster::{Cluster, Labels, Likeness, Member, Official};
pub use daily::Daily;
pub use event::{Change, Event, Follower};
pub use filter::Filter;
pub use following::{Advert, Following, Hidden, Intent, Lease};
pub use gate::{Acceptance, Fallen, Gate, Held, Missing, Notice, Reason, Run, What};
pub use html::Html;
pub use id::{ArticleId, FeedId, IdentityKey, InvalidId, Revision, Seq, SourceId, SubscriptionId, TokenId};
pub use item::{Category, Enclosure, ExtractedBy, Issue, Item, Link, Person, Severity};
pub use mended::Mended;
pub use source::{PageState, SourceState, Validators};
pub use subscription::{
    Attempt, Channel, Delivery, EventType, Form, Language, Mailing, Outcome, Secret, State, Subscription,
};
pub use time::{Date, Offset, Precision, Timestamp};
pub use token::{Scope, Token};
