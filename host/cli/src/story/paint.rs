//! Colour, where there is some.

use owo_colors::OwoColorize;

/// Paints text, or leaves it as it is.
pub(crate) struct Paint {
    pub(crate) colour: bool,
}

impl Paint {
    pub(crate) fn bold(&self, text: &str) -> String {
        if self.colour {
            text.bold().to_string()
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn faint(&self, text: &str) -> String {
        if self.colour {
            text.dimmed().to_string()
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn good(&self, text: &str) -> String {
        if self.colour {
            text.green().to_string()
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn bad(&self, text: &str) -> String {
        if self.colour {
            text.red().to_string()
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn warm(&self, text: &str) -> String {
        if self.colour {
            text.yellow().to_string()
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn cool(&self, text: &str) -> String {
        if self.colour {
            text.cyan().to_string()
        } else {
            text.to_owned()
        }
    }

    /// A unified diff: what goes in red, what comes in green.
    pub(crate) fn diff_line(&self, line: &str) -> String {
        match line.as_bytes().first() {
            Some(b'-') => self.bad(line),
            Some(b'+') => self.good(line),
            Some(b'@') => self.faint(line),
            _ => line.to_owned(),
        }
    }
}
