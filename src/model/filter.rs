//! The filter language.

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter;

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("x")
    }
}

impl std::str::FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "x" { Ok(Self) } else { Err(format!("not a filter: `{text}`")) }
    }
}
