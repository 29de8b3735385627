//! Pages of lists.

use dreamops_domain::access::{Page, PageRequest};
use dreamops_domain::ports::StoreError;

/// How many rows to ask for: one more than is shown tells whether there is another page.
pub(crate) fn rows_of(page: &PageRequest) -> i64 {
    i64::from(page.size()) + 1
}

/// A page from the rows found, of which there is one more than shown where another page follows.
pub(crate) fn page_of<R, T>(
    mut rows: Vec<R>,
    page: &PageRequest,
    cursor: impl Fn(&R) -> String,
    record: impl Fn(R) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let size = usize::try_from(page.size()).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let next_cursor = rows.last().filter(|_| more).map(cursor);
    let items: Result<Vec<T>, StoreError> = rows.into_iter().map(record).collect();
    Ok(Page {
        items: items?,
        next_cursor,
    })
}
