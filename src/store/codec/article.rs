//! Stored forms of articles and of what identity remembers of them.

use serde::{Deserialize, Serialize};

use crate::model::{
    Article, ArticleId, Category, Cluster, Content, Date, Enclosure, ExtractedBy, Html, IdentityKey, Known,
    Labels, Likeness, Member, Official, Offset, Person, Precision, Revision, SourceId, Status, Timestamp,
};

use super::text::{Hash, Id, Instant};

/// One revision of an article, before revisions had labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArticleV1 {
    id: Id,
    revision: u32,
    source: String,
    first_seen: Instant,
    published: DateV1,
    updated: Instant,
    digest: Hash,
    status: StatusV1,
    content: ContentV1,
}

/// One revision of an article: what the first version has, and its labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArticleV2 {
    id: Id,
    revision: u32,
    source: String,
    first_seen: Instant,
    published: DateV1,
    updated: Instant,
    digest: Hash,
    status: StatusV1,
    content: ContentV1,
    cluster: Vec<MemberV1>,
    document: Option<OfficialV1>,
}

/// What identity remembers of an article, also after its revisions were pruned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownV1 {
    id: Id,
    source: String,
    revision: u32,
    digest: Hash,
    first_seen: Instant,
    published: Instant,
    status: StatusV1,
}

/// An identity key and the article it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AliasV1 {
    source: String,
    key: String,
    article: Id,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DateV1 {
    at: Instant,
    /// Seconds east of UTC.
    offset: i32,
    precision: PrecisionV1,
    raw: Option<String>,
    inferred: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ContentV1 {
    url: Option<String>,
    title: String,
    summary: String,
    html: String,
    language: Option<String>,
    authors: Vec<PersonV1>,
    categories: Vec<CategoryV1>,
    image: Option<String>,
    enclosures: Vec<EnclosureV1>,
    extracted_by: ExtractedByV1,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct MemberV1 {
    article: Id,
    source: String,
    first_seen: Instant,
    likeness: LikenessV1,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OfficialV1 {
    number: String,
    kind: Option<String>,
    issuer: Option<String>,
    /// Year, month, day.
    signed: Option<(i16, i8, i8)>,
}

super::mirror! { enum LikenessV1 = Likeness { First, Identical, Edited, Document } }
super::mirror! { enum StatusV1 = Status { Live, Withdrawn } }
super::mirror! { enum PrecisionV1 = Precision { Minute, Day, Month, Year } }
super::mirror! { enum ExtractedByV1 = ExtractedBy { Recipe, JsonLd, MainText, Summary } }
super::mirror! {
    struct PersonV1 = Person { name: Option<String>, email: Option<String>, url: Option<String> }
}
super::mirror! {
    struct CategoryV1 = Category { term: String, scheme: Option<String>, label: Option<String> }
}
super::mirror! {
    struct EnclosureV1 = Enclosure {
        url: String, media_type: Option<String>, length: Option<u64>, title: Option<String>
    }
}

impl From<Article> for ArticleV2 {
    fn from(article: Article) -> Self {
        let Labels { cluster, document } = article.labels;
        Self {
            id: Id(article.id),
            revision: article.revision.0,
            source: article.source.to_string(),
            first_seen: Instant(article.first_seen),
            published: article.published.into(),
            updated: Instant(article.updated),
            digest: Hash(article.digest),
            status: article.status.into(),
            content: article.content.into(),
            cluster: cluster.map_or_else(Vec::new, |it| it.members.into_iter().map(MemberV1::from).collect()),
            document: document.map(OfficialV1::from),
        }
    }
}

impl From<ArticleV1> for ArticleV2 {
    fn from(first: ArticleV1) -> Self {
        let ArticleV1 { id, revision, source, first_seen, published, updated, digest, status, content } =
            first;
        let (cluster, document) = (Vec::new(), None);
        Self {
            id,
            revision,
            source,
            first_seen,
            published,
            updated,
            digest,
            status,
            content,
            cluster,
            document,
        }
    }
}

impl TryFrom<ArticleV2> for Article {
    type Error = String;

    fn try_from(stored: ArticleV2) -> Result<Self, String> {
        let members: Vec<_> =
            stored.cluster.into_iter().map(Member::try_from).collect::<Result<_, String>>()?;
        Ok(Self {
            id: stored.id.0,
            revision: Revision(stored.revision),
            source: stored.source.parse().map_err(super::cause)?,
            first_seen: stored.first_seen.0,
            published: stored.published.into(),
            updated: stored.updated.0,
            digest: stored.digest.0,
            status: stored.status.into(),
            content: stored.content.into(),
            labels: Labels {
                cluster: (!members.is_empty()).then_some(Cluster { members }),
                document: stored.document.map(Official::from),
            },
        })
    }
}

impl ArticleV2 {
    pub(crate) fn place(&self) -> (Timestamp, ArticleId, Revision) {
        (self.first_seen.0, self.id.0, Revision(self.revision))
    }
}

impl From<Member> for MemberV1 {
    fn from(member: Member) -> Self {
        Self {
            article: Id(member.article),
            source: member.source.to_string(),
            first_seen: Instant(member.first_seen),
            likeness: member.likeness.into(),
        }
    }
}

impl TryFrom<MemberV1> for Member {
    type Error = String;

    fn try_from(stored: MemberV1) -> Result<Self, String> {
        Ok(Self {
            article: stored.article.0,
            source: stored.source.parse().map_err(super::cause)?,
            first_seen: stored.first_seen.0,
            likeness: stored.likeness.into(),
        })
    }
}

impl From<Official> for OfficialV1 {
    fn from(document: Official) -> Self {
        let Official { number, kind, issuer, signed } = document;
        Self { number, kind, issuer, signed: signed.map(|day| (day.year(), day.month(), day.day())) }
    }
}

impl From<OfficialV1> for Official {
    fn from(stored: OfficialV1) -> Self {
        let OfficialV1 { number, kind, issuer, signed } = stored;
        // A day that is none was never written; should it stand there, the document is worth more than the day.
        let signed = signed.and_then(|(year, month, day)| jiff::civil::Date::new(year, month, day).ok());
        Self { number, kind, issuer, signed }
    }
}

impl KnownV1 {
    pub(crate) fn new(known: &Known, source: &SourceId) -> Self {
        Self {
            id: Id(known.id),
            source: source.to_string(),
            revision: known.revision.0,
            digest: Hash(known.digest),
            first_seen: Instant(known.first_seen),
            published: Instant(known.published),
            status: known.status.into(),
        }
    }

    pub(crate) fn id(&self) -> ArticleId {
        self.id.0
    }

    pub(crate) fn source(&self) -> Result<SourceId, String> {
        self.source.parse().map_err(super::cause)
    }
}

impl From<KnownV1> for Known {
    fn from(stored: KnownV1) -> Self {
        Self {
            id: stored.id.0,
            revision: Revision(stored.revision),
            digest: stored.digest.0,
            first_seen: stored.first_seen.0,
            published: stored.published.0,
            status: stored.status.into(),
        }
    }
}

impl AliasV1 {
    pub(crate) fn new(source: &SourceId, key: &IdentityKey, article: ArticleId) -> Self {
        Self { source: source.to_string(), key: key.to_string(), article: Id(article) }
    }

    pub(crate) fn article(&self) -> ArticleId {
        self.article.0
    }

    /// Where it stands: its source, and the key.
    pub(crate) fn name(&self) -> Result<(SourceId, IdentityKey), String> {
        Ok((self.source.parse().map_err(super::cause)?, self.key.parse().map_err(super::cause)?))
    }
}

impl From<Date> for DateV1 {
    fn from(date: Date) -> Self {
        Self {
            at: Instant(date.at),
            offset: date.offset.0,
            precision: date.precision.into(),
            raw: date.raw,
            inferred: date.inferred,
        }
    }
}

impl From<DateV1> for Date {
    fn from(stored: DateV1) -> Self {
        Self {
            at: stored.at.0,
            offset: Offset(stored.offset),
            precision: stored.precision.into(),
            raw: stored.raw,
            inferred: stored.inferred,
        }
    }
}

impl From<Content> for ContentV1 {
    fn from(content: Content) -> Self {
        Self {
            url: content.url,
            title: content.title,
            summary: content.summary,
            html: content.html.to_string(),
            language: content.language,
            authors: content.authors.into_iter().map(PersonV1::from).collect(),
            categories: content.categories.into_iter().map(CategoryV1::from).collect(),
            image: content.image,
            enclosures: content.enclosures.into_iter().map(EnclosureV1::from).collect(),
            extracted_by: content.extracted_by.into(),
        }
    }
}

impl From<ContentV1> for Content {
    fn from(stored: ContentV1) -> Self {
        Self {
            url: stored.url,
            title: stored.title,
            summary: stored.summary,
            // Only the sanitizer's output is ever written here.
            html: Html::sanitized(stored.html),
            language: stored.language,
            authors: stored.authors.into_iter().map(Person::from).collect(),
            categories: stored.categories.into_iter().map(Category::from).collect(),
            image: stored.image,
            enclosures: stored.enclosures.into_iter().map(Enclosure::from).collect(),
            extracted_by: stored.extracted_by.into(),
        }
    }
}
