//! A scripted load: threads that do nothing but run.

use std::env::current_exe;
use std::hint::spin_loop;
use std::io::{self, Read, stdin};
use std::process::{Child, Command, Stdio};
use std::thread;

/// Spins until stdin ends, so that hogs do not outlive the one who let them loose.
pub(crate) fn spin(threads: usize) -> io::Result<()> {
    for _ in 0..threads {
        thread::spawn(|| {
            loop {
                spin_loop();
            }
        });
    }
    stdin().lock().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// A hog in a process of its own. Dropping it ends it.
pub(crate) struct Hog(Child);

impl Hog {
    pub(crate) fn spawn(threads: usize) -> io::Result<Self> {
        Command::new(current_exe()?)
            .args(["hog", &threads.to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .map(Self)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        // A hog that is already gone cannot be ended, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
