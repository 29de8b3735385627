//! A request's query, which must say nothing that would have to be guessed at.

use crate::world::refusal::Refusal;

/// Keys and values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes());
        Self(pairs.map(|(k, v)| (k.into_owned(), v.into_owned())).collect())
    }

    /// A value; empty where it is absent.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.0.iter().find(|(k, _)| k == key).map_or("", |(_, v)| v.as_str())
    }

    /// A count.
    pub(crate) fn count(&self, key: &str) -> Result<Option<usize>, Refusal> {
        match self.text(key) {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| Refusal::bad_request(format!("{key}: Invalid value: {text:?}: must be a number"))),
        }
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(self.text(key), "true" | "1")
    }

    /// `dryRun=All`.
    pub(crate) fn dry(&self) -> Result<bool, Refusal> {
        match self.text("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            other => Err(Refusal::new(
                422,
                "Invalid",
                format!("dryRun: Unsupported value: {other:?}: supported values: \"All\""),
            )),
        }
    }

    /// Whether an object with members that its kind does not have is refused.
    pub(crate) fn is_strict(&self) -> bool {
        self.text("fieldValidation") == "Strict"
    }

    /// Who writes, as the real server would note it.
    pub(crate) fn manager(&self) -> &str {
        match self.text("fieldManager") {
            "" => "unknown",
            name => name,
        }
    }
}
