//! What probes show, as tables for people.

use super::super::facts::{Facts, place, without_query};
use super::super::scene::Scene;
use super::edge::Edge;
use super::replicas::{counted, rounds};
use super::session::{Column, Taken, columns, outlives, status};
use crate::trace::{Chain, Hop, Probe, ProbeKind};
use crate::web::presented::Presented;

/// A table: texts are bounded and escaped, values of cookies and tokens stay out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What it is about.
    pub title: String,
    /// What stands above each column but the first.
    pub head: Vec<String>,
    /// What each line is about, and its cells.
    pub rows: Vec<(String, Vec<String>)>,
}

/// The tables of a step's probe; none for other steps.
#[must_use]
pub fn tables(chain: &Chain, index: usize) -> Vec<Table> {
    if !chain.probes.iter().any(|probe| probe.step == index && !probe.asked.is_empty()) {
        return Vec::new();
    }
    let facts = Facts::new(Scene::default(), chain);
    chain.probes.iter().filter(|probe| probe.step == index).flat_map(|probe| of(&facts, probe)).collect()
}

fn of<'a>(facts: &Facts<'a>, probe: &'a Probe) -> Vec<Table> {
    match probe.kind {
        ProbeKind::Session => sessions(&columns(facts, probe)),
        ProbeKind::Logout => {
            let row = |(hop, taken): &(&Hop, Taken)| (place(hop), vec![cell_of(hop, *taken)]);
            let rows = outlives(facts, probe).iter().map(row).collect();
            vec![Table { title: "the session after signing out".to_owned(), head: vec!["cookies from before".to_owned()], rows }]
        }
        ProbeKind::Replicas => {
            let each = rounds(facts, probe);
            let each = each.iter().map(|round| Table {
                title: format!("{}, {} times", place(round.answers[0].hop), round.answers.len()),
                head: vec!["times".to_owned()],
                rows: counted(round).into_iter().map(|(kind, count)| (kind.told(), vec![count.to_string()])).collect(),
            });
            each.collect()
        }
        ProbeKind::Edge => {
            let Some(edge) = Edge::of(facts, probe) else { return Vec::new() };
            let rows = edge.differences().into_iter().map(|told| (told, Vec::new())).collect::<Vec<_>>();
            let rows = if rows.is_empty() { vec![("nothing is changed".to_owned(), Vec::new())] } else { rows };
            vec![Table { title: format!("{}: what the edge changes", place(edge.through)), head: Vec::new(), rows }]
        }
    }
}

/// `accepted 200 (hop 7)`.
fn cell_of(hop: &Hop, taken: Taken) -> String {
    format!("{} {} (hop {})", taken.word(), status(hop), hop.id)
}

/// Most endpoints beside each other: what does not fit on a screen is read by nobody.
const BESIDE: usize = 3;

/// Tables for each cookie, a column for each endpoint.
fn sessions(columns: &[Column<'_>]) -> Vec<Table> {
    let mut tables: Vec<(&[u8], Vec<&Column<'_>>)> = Vec::new();
    for column in columns {
        match tables.iter_mut().find(|(cookie, _)| *cookie == column.cookie) {
            Some((_, own)) => own.push(column),
            None => tables.push((&column.cookie, vec![column])),
        }
    }
    let table = |own: &[&Column<'_>]| Table {
        title: format!("the session `{}`", own[0].name()),
        head: own
            .iter()
            .map(|column| column.cells.first().map(|(_, hop, _)| without_query(&hop.request.url)).unwrap_or_default())
            .collect(),
        rows: Presented::ALL
            .into_iter()
            .filter(|form| own.iter().any(|column| column.get(*form).is_some()))
            .map(|form| {
                let cell = |column: &&Column<'_>| column.get(form).map_or_else(|| "-".to_owned(), |(hop, taken)| cell_of(hop, taken));
                (form.told().to_owned(), own.iter().map(cell).collect())
            })
            .collect(),
    };
    tables.iter().flat_map(|(_, own)| own.chunks(BESIDE)).map(table).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::table_of;
    use super::*;

    #[test]
    fn a_cookie_has_a_table_with_a_column_for_each_endpoint() {
        let mut story = table_of(&[(Presented::Stored, 200), (Presented::Decoded, 401)]);
        story.row("https://app.test/api/account", Presented::Stored, 401);
        let tables = tables(&story.chain, 1);
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].head, ["https://app.test/api/session", "https://app.test/api/account"]);
        let rows =
            [("as it was stored", ["accepted 200 (hop 2)", "refused 401 (hop 4)"]), ("percent-decoded", ["refused 401 (hop 3)", "-"])];
        assert_eq!(tables[0].rows, rows.map(|(form, cells)| (form.to_owned(), cells.map(str::to_owned).to_vec())));
        assert!(super::tables(&story.chain, 0).is_empty());
    }
}
