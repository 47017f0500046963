//! Text to filter: words to tokens, tokens to a tree, with errors that point.

use std::{fmt, iter::Peekable, ops::Range, str::CharIndices};

use jiff::civil;
use unicode_normalization::UnicodeNormalization;

use super::{Filter, Node, Number, Place, Text, facts};
use crate::model::SourceId;

/// Bytes of a filter, as typed and as printed back.
const MAX_LENGTH: usize = 4096;
/// Words, phrases and conditions of a filter.
const MAX_TERMS: usize = 200;
/// Words of a phrase: looking for one costs up to this much per word of the text.
const MAX_WORDS: usize = 50;
/// Parentheses and `NOT` inside one another.
const MAX_DEPTH: usize = 32;

const FIELDS: [&str; 7] = ["title", "source", "category", "author", "number", "after", "before"];

/// A filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes of the filter's text.
    pub span: Range<usize>,
    /// What to write instead.
    pub hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Term(Node),
}

type Spanned = (Token, Range<usize>);

/// Reads a filter.
pub(super) fn parse(text: &str) -> Result<Node, Error> {
    if text.len() > MAX_LENGTH {
        return Err(too_long(text));
    }
    let tokens = lex(text)?;
    let terms = tokens.iter().filter(|(token, _)| matches!(token, Token::Term(_))).count();
    if terms == 0 && tokens.is_empty() {
        return Err(Error::new("the filter is empty", 0..text.len()).hint("leave it out to get everything"));
    }
    if terms > MAX_TERMS {
        return Err(Error::new(
            format!("a filter has at most {MAX_TERMS} terms, not {terms}"),
            0..text.len(),
        ));
    }
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), end: text.len(), depth: 0 };
    let node = parser.or()?;
    if let Some((_, span)) = parser.tokens.next() {
        return Err(Error::new("this `)` closes nothing", span).hint("remove it, or write `(` before it"));
    }
    // What is stored is the printed form: it has to be readable too.
    let filter = Filter(node);
    if filter.to_string().len() > MAX_LENGTH { Err(too_long(text)) } else { Ok(filter.0) }
}

fn too_long(text: &str) -> Error {
    Error::new(format!("a filter has at most {MAX_LENGTH} bytes, `AND` between words counted"), 0..text.len())
}

/// Does `typed` read back as itself without quotes?
pub(super) fn is_bare(typed: &str) -> bool {
    !matches!(typed, "" | "AND" | "OR" | "NOT")
        && !typed.starts_with(['-', '+'])
        && typed.chars().all(|c| !ends_word(c) && c != ':' && c != '\\')
}

/// Every mark that people or their word processors put around a phrase.
pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '‟')
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || is_quote(c) || c == '(' || c == ')'
}

/// The member of `known` that `word` was probably meant to be.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let far = |name: &&&str| distance(&word, name);
    let best = known.iter().min_by_key(far)?;
    (distance(&word, best) <= 1 + best.len() / 4).then_some(best)
}

/// Edits between two words (Levenshtein); words that are absurdly long are just far.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, y) in b.chars().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

// === words to tokens ===

fn lex(text: &str) -> Result<Vec<Spanned>, Error> {
    let mut tokens = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some(&(start, c)) = chars.peek() {
        let token = match c {
            '(' | ')' => {
                chars.next();
                Some(if c == '(' { Token::Open } else { Token::Close })
            }
            _ if c.is_whitespace() => {
                chars.next();
                None
            }
            _ if is_quote(c) => {
                let typed = quoted(&mut chars, text.len())?;
                Some(Token::Term(term("", &typed, start..position(&mut chars, text))?))
            }
            _ => Some(bare(&mut chars, text)?),
        };
        if let Some(token) = token {
            tokens.push((token, start..position(&mut chars, text)));
        }
    }
    Ok(tokens)
}

fn position(chars: &mut Peekable<CharIndices<'_>>, text: &str) -> usize {
    chars.peek().map_or(text.len(), |(at, _)| *at)
}

/// What stands between two quotes; a backslash takes the next character as it is.
fn quoted(chars: &mut Peekable<CharIndices<'_>>, end: usize) -> Result<String, Error> {
    let start = chars.next().map_or(end, |(at, _)| at);
    let mut typed = String::new();
    while let Some((_, c)) = chars.next() {
        match c {
            '\\' => typed.extend(chars.next().map(|(_, c)| c)),
            _ if is_quote(c) => return Ok(typed),
            _ => typed.push(c),
        }
    }
    Err(Error::new("this quote is never closed", start..end).hint("write `\"` behind the phrase"))
}

/// A keyword, a word, or a field with its value.
fn bare(chars: &mut Peekable<CharIndices<'_>>, text: &str) -> Result<Token, Error> {
    let start = position(chars, text);
    let mut word = String::new();
    while let Some((_, c)) = chars.next_if(|(_, c)| !ends_word(*c)) {
        word.push(c);
    }
    match word.as_str() {
        "AND" => return Ok(Token::And),
        "OR" => return Ok(Token::Or),
        "NOT" => return Ok(Token::Not),
        _ => {}
    }
    let span = start..position(chars, text);
    let named = word.split_once(':').filter(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    });
    let Some((name, value)) = named else {
        return without_sign(&word, span.clone()).and_then(|()| term("", &word, span)).map(Token::Term);
    };
    let name = name.to_ascii_lowercase();
    if !FIELDS.contains(&name.as_str()) {
        return Err(unknown_field(&name, &word, span));
    }
    let follows_quote = chars.peek().is_some_and(|(_, c)| is_quote(*c));
    let value = match value {
        "" if follows_quote => quoted(chars, text.len())?,
        "" => {
            let hint = format!("write what to look for right behind the colon, as in {}", example(&name));
            return Err(Error::new(format!("`{name}:` has no value"), span).hint(hint));
        }
        _ => value.to_owned(),
    };
    term(&name, &value, start..position(chars, text)).map(Token::Term)
}

/// `-word` means "without" elsewhere; reading it as `word` would say the opposite.
fn without_sign(word: &str, span: Range<usize>) -> Result<(), Error> {
    match word.strip_prefix('-') {
        Some(rest) if !rest.is_empty() => {
            let hint = format!("write `NOT {rest}`, or `\"{word}\"` for the text itself");
            Err(Error::new("a minus sign excludes nothing here", span).hint(hint))
        }
        _ => Ok(()),
    }
}

fn unknown_field(name: &str, word: &str, span: Range<usize>) -> Error {
    let hint = match nearest(name, &FIELDS) {
        Some(known) => format!("did you mean `{known}:`?"),
        None => format!("fields are {}; for the text itself write `\"{word}\"`", FIELDS.join(", ")),
    };
    Error::new(format!("there is no field `{name}:`"), span).hint(hint)
}

fn example(name: &str) -> &'static str {
    match name {
        "source" => "`source:quan1`",
        "number" => "`number:123/QĐ-UBND`",
        "after" | "before" => "`after:2026-01-31`",
        _ => "`title:\"thông báo\"`",
    }
}

fn term(field: &str, value: &str, span: Range<usize>) -> Result<Node, Error> {
    let composed: String = value.nfc().collect();
    let typed = composed.split_whitespace().collect::<Vec<_>>().join(" ");
    let nothing = |span| {
        Err(Error::new("this has no letters or digits to look for", span).hint("write a word, or remove it"))
    };
    match field {
        "source" => match typed.parse::<SourceId>() {
            Ok(_) => Ok(Node::Source(typed)),
            Err(cause) => Err(Error::new(cause.to_string(), span).hint("`source:` takes a source's id")),
        },
        "after" => date(&typed, span).map(Node::After),
        "before" => date(&typed, span).map(Node::Before),
        "number" => match facts::number_parts(&typed) {
            Some(parts) => Ok(Node::Number(Number { typed, parts })),
            None => nothing(span),
        },
        _ => match facts::Phrase::of(&typed) {
            Some(phrase) if phrase.length() > MAX_WORDS => {
                let found = phrase.length();
                Err(Error::new(format!("a phrase has at most {MAX_WORDS} words, not {found}"), span))
            }
            Some(phrase) => Ok(Node::Text(Text { place: place(field), typed, phrase })),
            None => nothing(span),
        },
    }
}

fn place(field: &str) -> Place {
    match field {
        "title" => Place::Title,
        "category" => Place::Category,
        "author" => Place::Author,
        _ => Place::Anywhere,
    }
}

/// `2026-01-31`; `2026-01` and `2026` mean their first day.
fn date(typed: &str, span: Range<usize>) -> Result<civil::Date, Error> {
    let mut parts = typed.splitn(3, '-');
    let mut part = |digits: usize| match parts.next() {
        None => Some(1),
        Some(text) if text.len() == digits && text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        Some(_) => None,
    };
    let (year, month, day): (Option<i16>, _, _) = (part(4), part(2), part(2));
    let small = |number: Option<i16>| number.and_then(|number| i8::try_from(number).ok());
    match (year, small(month), small(day)) {
        (Some(year), Some(month), Some(day)) => civil::Date::new(year, month, day).ok(),
        _ => None,
    }
    .ok_or_else(|| Error::new(format!("`{typed}` is no date"), span).hint("write it as `2026-01-31`"))
}

// === tokens to a tree ===

struct Parser {
    tokens: Peekable<std::vec::IntoIter<Spanned>>,
    end: usize,
    depth: usize,
}

impl Parser {
    fn or(&mut self) -> Result<Node, Error> {
        let mut nodes = vec![self.and()?];
        while self.tokens.next_if(|(token, _)| *token == Token::Or).is_some() {
            nodes.push(self.and()?);
        }
        Ok(joined(nodes, Node::Or))
    }

    fn and(&mut self) -> Result<Node, Error> {
        let mut nodes = vec![self.unary()?];
        while let Some((token, _)) = self.tokens.peek() {
            match token {
                Token::Or | Token::Close => break,
                Token::And => {
                    self.tokens.next();
                }
                Token::Open | Token::Not | Token::Term(_) => {}
            }
            nodes.push(self.unary()?);
        }
        Ok(joined(nodes, Node::And))
    }

    fn unary(&mut self) -> Result<Node, Error> {
        let Some((token, span)) = self.tokens.next() else {
            let end = self.end;
            return Err(Error::new("the filter ends where a word is expected", end..end)
                .hint("write what to look for, or remove the last operator"));
        };
        match token {
            Token::Term(node) => Ok(node),
            Token::Not => self.deeper(&span, |parser| Ok(Node::Not(Box::new(parser.unary()?)))),
            Token::Open => self.deeper(&span, |parser| {
                let node = parser.or()?;
                match parser.tokens.next() {
                    Some(_) => Ok(node),
                    None => {
                        Err(Error::new("this `(` is never closed", span.clone()).hint("write `)` behind it"))
                    }
                }
            }),
            Token::Close => Err(Error::new("a word is expected before this `)`", span)),
            Token::And | Token::Or => Err(Error::new("a word is expected before this operator", span)
                .hint("put the operator between two words, or in quotes to look for it")),
        }
    }

    fn deeper(
        &mut self,
        span: &Range<usize>,
        inner: impl FnOnce(&mut Self) -> Result<Node, Error>,
    ) -> Result<Node, Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error::new(
                format!("more than {MAX_DEPTH} `(` and `NOT` inside one another"),
                span.clone(),
            ));
        }
        self.depth += 1;
        let node = inner(self);
        self.depth -= 1;
        node
    }
}

/// One node stands for itself; members of the same kind are taken in, so that equal filters are equal trees.
pub(super) fn joined(nodes: Vec<Node>, kind: fn(Vec<Node>) -> Node) -> Node {
    let and = matches!(kind(Vec::new()), Node::And(_));
    let mut flat = Vec::with_capacity(nodes.len());
    for node in nodes {
        match node {
            Node::And(inner) if and => flat.extend(inner),
            Node::Or(inner) if !and => flat.extend(inner),
            other => flat.push(other),
        }
    }
    match <[Node; 1]>::try_from(flat) {
        Ok([node]) => node,
        Err(flat) => kind(flat),
    }
}

// === impl Error ===

impl Error {
    fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { message: message.into(), span, hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at byte {}", self.message, self.span.start)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
