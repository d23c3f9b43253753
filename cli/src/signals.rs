//! SIGTERM and SIGINT: the first asks to stop, a second stops at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::failure::Failure;

/// Tells whether the process was asked to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on. At the second signal, `at_once` is called and the process ends.
    pub(crate) fn listen(at_once: impl Fn() + Send + 'static) -> Result<Self, Failure> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = terminate.recv() => SignalKind::terminate(),
                    _ = interrupt.recv() => SignalKind::interrupt(),
                }
            };
            next().await;
            sender.send_replace(true);
            let signal = next().await;
            at_once();
            // As a shell reports a process that a signal ended.
            std::process::exit(128 + signal.as_raw_value());
        });
        Ok(Self(receiver))
    }

    /// Returns at the first signal.
    pub(crate) async fn asked(&mut self) {
        // The listening task lives as long as the process.
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}
