//! The one place that prints: data to standard output, talk to standard error.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Mutex};

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// On a terminal that wants it (`NO_COLOR`, `CLICOLOR_FORCE` and `TERM=dumb` are heeded).
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

type Sink = Arc<Mutex<Box<dyn Write + Send>>>;

/// Prints lines; cloning shares the streams.
#[derive(Clone)]
pub struct Printer {
    out: Sink,
    err: Sink,
    out_styled: bool,
    err_styled: bool,
    err_terminal: bool,
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Printer")
    }
}

impl Printer {
    /// A printer on the process's own streams.
    #[must_use]
    pub fn stdio(colour: Colour) -> Self {
        let styled = |choice: anstream::ColorChoice| match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => !matches!(choice, anstream::ColorChoice::Never),
        };
        Self {
            out_styled: styled(anstream::AutoStream::choice(&io::stdout())),
            err_styled: styled(anstream::AutoStream::choice(&io::stderr())),
            err_terminal: io::stderr().is_terminal(),
            out: Arc::new(Mutex::new(Box::new(io::stdout()))),
            err: Arc::new(Mutex::new(Box::new(io::stderr()))),
        }
    }

    /// Whether standard output takes colour.
    #[must_use]
    pub fn out_styled(&self) -> bool {
        self.out_styled
    }

    /// Whether standard error takes colour.
    #[must_use]
    pub fn err_styled(&self) -> bool {
        self.err_styled
    }

    /// Whether somebody watches standard error on a terminal.
    #[must_use]
    pub fn watched(&self) -> bool {
        self.err_terminal
    }

    /// Prints data and a line feed to standard output.
    ///
    /// # Errors
    /// When the stream is closed, for example by `head`.
    pub fn data(&self, text: &str) -> io::Result<()> {
        write_line(&self.out, text)
    }

    /// Prints talk and a line feed to standard error. A closed stream is nobody's loss.
    pub fn talk(&self, text: &str) {
        let _ = write_line(&self.err, text);
    }
}

fn write_line(sink: &Sink, text: &str) -> io::Result<()> {
    let mut stream = sink.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    stream.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stream.write_all(b"\n")?;
    }
    stream.flush()
}
