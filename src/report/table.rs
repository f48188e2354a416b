//! What probes show, as a table on the console and as JSON.

use super::Mask;
use crate::base::escape;
use crate::judge;
use crate::judge::diagnose::{self, Table};
use crate::trace::Chain;
use serde_json::{Value, json};

/// Widest first column, and widest other one, in characters.
const WIDEST: (usize, usize) = (110, 60);

/// The tables of a step's probe.
pub(super) fn of(chain: &Chain, step: usize, mask: Mask<'_>) -> Vec<Table> {
    judge::hiding(mask.redactor(), || diagnose::tables(chain, step))
}

/// A table as lines of text, its title first.
pub(super) fn lines(table: &Table, mask: Mask<'_>) -> Vec<String> {
    let fit = |text: &str, widest: usize| escape::shorten(&mask.text(text), widest).into_owned();
    let head: Vec<String> = std::iter::once(String::new()).chain(table.head.iter().map(|text| fit(text, WIDEST.1))).collect();
    let rows = table.rows.iter().map(|(first, cells)| {
        let cells = cells.iter().map(|cell| fit(cell, WIDEST.1));
        std::iter::once(fit(first, WIDEST.0)).chain(cells).collect::<Vec<_>>()
    });
    let has_head = !table.head.is_empty();
    let all: Vec<Vec<String>> = has_head.then_some(head).into_iter().chain(rows).collect();
    let columns = all.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| all.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    std::iter::once(fit(&table.title, WIDEST.0)).chain(all.iter().map(|row| format!("  {}", line(row)))).collect()
}

/// A table for other programs.
pub(super) fn json(table: &Table, mask: Mask<'_>) -> Value {
    let rows = table.rows.iter().map(|(first, cells)| {
        let cells: Vec<String> = cells.iter().map(|cell| mask.text(cell)).collect();
        json!({ "row": mask.text(first), "cells": cells })
    });
    let head: Vec<String> = table.head.iter().map(|text| mask.text(text)).collect();
    json!({ "title": mask.text(&table.title), "head": head, "rows": rows.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Redactor;

    #[test]
    fn columns_stand_below_their_heads() {
        let redactor = Redactor::default();
        let table = Table {
            title: "the session `sid`".to_owned(),
            head: vec!["/a".to_owned(), "/long".to_owned()],
            rows: vec![
                ("as it was stored".to_owned(), vec!["accepted 200".to_owned(), "refused 401".to_owned()]),
                ("without".to_owned(), vec!["refused 401".to_owned(), "\u{1b}[2J".to_owned()]),
            ],
        };
        let expected = [
            "the session `sid`",
            "                    /a            /long",
            "  as it was stored  accepted 200  refused 401",
            "  without           refused 401   \\u{1b}[2J",
        ];
        assert_eq!(lines(&table, Mask::new(&redactor)), expected);
    }
}
