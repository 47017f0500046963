//! Date texts as tokens: numbers, words, signs.

use crate::model::text;

/// One piece of a date text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Space stands before it.
    pub(super) spaced: bool,
    /// It is understood already.
    pub(super) used: bool,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number and how many digits it was written with.
    Number(i64, usize),
    /// Letters, folded.
    Word(String),
    /// Anything else.
    Sign(char),
}

// === impl Token ===

impl Token {
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            Kind::Number(..) | Kind::Sign(_) => None,
        }
    }

    pub(super) fn number(&self) -> Option<(i64, usize)> {
        match self.kind {
            Kind::Number(value, digits) => Some((value, digits)),
            Kind::Word(_) | Kind::Sign(_) => None,
        }
    }

    pub(super) fn is(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }
}

/// Splits a text into tokens; marks, case and kinds of dashes do not matter.
pub(super) fn tokens(raw: &str) -> Vec<Token> {
    let folded = text::fold(raw);
    let mut found: Vec<Token> = Vec::new();
    let mut spaced = false;
    let mut joins = false;
    for c in folded.chars() {
        let c = ideograph(c);
        if c.is_whitespace() {
            (spaced, joins) = (true, false);
            continue;
        }
        let last = found.last_mut().filter(|_| joins).map(|token| &mut token.kind);
        match (c.to_digit(10), last) {
            (Some(digit), Some(Kind::Number(value, digits))) => {
                *value = value.saturating_mul(10).saturating_add(i64::from(digit));
                *digits += 1;
            }
            (None, Some(Kind::Word(word))) if c.is_alphabetic() => word.push(c),
            (digit, _) => {
                let kind = match digit {
                    Some(digit) => Kind::Number(i64::from(digit), 1),
                    None if c.is_alphabetic() => Kind::Word(c.to_string()),
                    None => Kind::Sign(c),
                };
                found.push(Token { kind, spaced, used: false });
            }
        }
        (spaced, joins) = (false, true);
    }
    found
}

/// Year, month and day signs of Chinese, Japanese and Korean dates as dashes.
fn ideograph(c: char) -> char {
    match c {
        '年' | '月' | '년' | '월' => '-',
        '日' | '일' => ' ',
        _ => c,
    }
}
