//! Signals that ask to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, the wish of another program, and the end of the terminal.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    /// The end of a terminal is listened for only where there is one: `nohup` wants it ignored.
    pub(super) fn new(watched: bool) -> std::io::Result<Self> {
        let hangup = if watched { Some(signal(SignalKind::hangup())?) } else { None };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}
