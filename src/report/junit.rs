//! JUnit XML, a test case for each run.

use super::console::{self, Style};
use super::{Finished, Outcome, Summary};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;

/// The report as XML.
///
/// # Errors
/// When the XML cannot be written, which would be a fault of the library.
pub fn render(summary: &Summary) -> Result<Vec<u8>, quick_junit::SerializeError> {
    let mut report = Report::new("authchain");
    report.set_time(summary.took);
    let mut suites: BTreeMap<String, TestSuite> = BTreeMap::new();
    for run in &summary.runs {
        let file = run.file.display().to_string();
        suites.entry(file.clone()).or_insert_with(|| TestSuite::new(file)).add_test_case(case(run));
    }
    report.add_test_suites(suites.into_values());
    let mut xml = Vec::new();
    report.serialize(&mut xml)?;
    Ok(xml)
}

fn case(run: &Finished) -> TestCase {
    let mut status = match run.outcome() {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Broken | Outcome::Unusable | Outcome::Interrupted => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    if run.outcome() != Outcome::Passed {
        let message = run.headline().unwrap_or_default();
        status.set_message(super::Mask::new(&run.redactor).text(&message));
        status.set_description(console::details(run, Style::new(false)));
    }
    let mut case = TestCase::new(run.name.clone(), status);
    case.set_time(run.took);
    case.set_classname(run.title.clone());
    case
}
