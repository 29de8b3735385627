//! Statements about many rows at once: one journey to the database instead of one per row.
//!
//! The texts made here hold names from this crate and numbered places, never a value.

/// How many rows a statement has at most: far below what a database allows of bound values.
pub(crate) const CHUNK: usize = 200;

/// An `INSERT` of so many rows; values are bound row by row.
pub(crate) fn insert(table: &str, columns: &[&str], rows: usize) -> String {
    format!(
        "INSERT INTO {table} ({}) VALUES {}",
        columns.join(", "),
        groups(columns.len(), rows)
    )
}

/// Places for so many rows of so many values: `($1, $2), ($3, $4)`.
pub(crate) fn groups(columns: usize, rows: usize) -> String {
    let groups: Vec<String> = (0..rows)
        .map(|row| format!("({})", list(columns, row * columns)))
        .collect();
    groups.join(", ")
}

/// So many places, numbered after `before` others: `$3, $4`.
pub(crate) fn list(places: usize, before: usize) -> String {
    let places: Vec<String> = (before + 1..=before + places).map(|n| format!("${n}")).collect();
    places.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_through() {
        assert_eq!(list(2, 1), "$2, $3");
        let sql = insert("work", &["a", "b"], 2);
        assert_eq!(sql, "INSERT INTO work (a, b) VALUES ($1, $2), ($3, $4)");
    }
}
