//! `authchain schema`.

use crate::base::Printer;
use crate::scenario;

pub(super) fn schema(printer: &Printer) -> anyhow::Result<u8> {
    printer.data(&serde_json::to_string_pretty(&scenario::schema())?)?;
    Ok(0)
}
