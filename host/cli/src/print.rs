//! Results on standard output: as a table for people, as JSON or YAML for programs. All three say the same.

use crate::args::Format;
use crate::desk::List;
use anyhow::Context;
use serde_json::{Value, json};
use std::io::Write;

/// The longest text of a cell, in characters.
const CELL: usize = 80;

/// A column of a table: its heading, and where its values are in an item (`plan.digest`).
pub(crate) type Column = (&'static str, &'static str);

/// Prints a list; `empty` is said (to standard error) where a table would have no rows.
pub(crate) fn list(list: &List, columns: &[Column], format: Format, empty: &str) -> anyhow::Result<()> {
    if format != Format::Table {
        return document(&json!({ "items": list.items, "next_cursor": list.next_cursor }), format);
    }
    if list.items.is_empty() {
        eprintln!("{empty}");
        return Ok(());
    }
    say(&table(&list.items, columns))?;
    if list.next_cursor.is_some() {
        eprintln!("there are more; see them with --limit N");
    }
    Ok(())
}

/// Prints one thing; a table has a line for each column.
pub(crate) fn item(item: &Value, columns: &[Column], format: Format) -> anyhow::Result<()> {
    if format != Format::Table {
        return document(item, format);
    }
    let widest = columns
        .iter()
        .map(|(heading, _)| heading.len())
        .max()
        .unwrap_or_default();
    let lines = columns.iter().map(|(heading, path)| {
        let value = text(at(item, path));
        format!("{heading:<widest$}  {value}").trim_end().to_owned() + "\n"
    });
    say(&lines.collect::<String>())
}

/// Prints one document as JSON or YAML; JSON stands for a table here.
pub(crate) fn document(document: &Value, format: Format) -> anyhow::Result<()> {
    if format == Format::Yaml {
        let text = serde_saphyr::to_string(document).context("cannot write the result as YAML")?;
        return say(&(text.trim_end().to_owned() + "\n"));
    }
    crate::respond::print_json(document)
}

/// Prints text as it is.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.context("cannot write to standard output")
}

/// Foreign text for one line: inert, without breaks, cut where it is too long.
pub(crate) fn cell(text: &str, longest: usize) -> String {
    let text = text.replace(['\n', '\t'], " ");
    dreamops_domain::inert::inert(&text, longest)
}

/// Rows under headings, each column as wide as its widest cell.
fn table(items: &[Value], columns: &[Column]) -> String {
    let heading: Vec<String> = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
    let rows = items
        .iter()
        .map(|item| columns.iter().map(|(_, path)| text(at(item, path))).collect());
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|c| width(c).unwrap_or_default()).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        })
        .collect()
}

fn at<'a>(item: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(item, |value, key| &value[key])
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => cell(text, CELL),
        Value::Array(items) => cell(&items.iter().map(text).collect::<Vec<_>>().join(", "), CELL),
        other => cell(&other.to_string(), CELL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_foreign_text_does_nothing() {
        let items = [
            json!({"name": "a", "plan": {"digest": null}, "title": "one\u{1b}[2J\nline"}),
            json!({"name": "longer", "plan": {"digest": "d"}, "title": ""}),
        ];
        let shown = table(&items, &[("NAME", "name"), ("PLAN", "plan.digest"), ("TITLE", "title")]);
        assert_eq!(shown, "NAME    PLAN  TITLE\na       -     one line\nlonger  d     -\n");
    }
}
