//! Runs the commands of one step in a shell, with a log and a time limit.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Step;
use super::run::Rules;

/// How often a running step is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Runs the commands, one after the other; the cause when one fails.
///
/// # Errors
/// The command and how it ended.
pub fn run(step: &Step, rules: Rules<'_>) -> Result<(), String> {
    let deadline = Instant::now() + rules.limit;
    let path = log_path(rules.root, step.name);
    let failed = |cause: std::io::Error| format!("{}: {cause}", path.display());
    fs::create_dir_all(path.parent().unwrap_or(rules.root)).map_err(failed)?;
    let log = File::create(&path).map_err(failed)?;
    for command in step.run {
        let mut child = Command::new("sh")
            .args(["-eu", "-c", command])
            .current_dir(rules.root)
            // A bare system has no locale, and the BEAM then reads names as Latin-1.
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log.try_clone().map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        wait(&mut child, deadline).map_err(|cause| format!("{cause}: {command}"))?;
    }
    Ok(())
}

/// Where the output of a step goes.
pub fn log_path(root: &Path, name: &str) -> std::path::PathBuf {
    root.join("target/steps").join(format!("{}.log", name.replace(' ', "-")))
}

fn wait(child: &mut Child, deadline: Instant) -> Result<(), String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(status.to_string()),
            Err(cause) => return Err(cause.to_string()),
            Ok(None) if Instant::now() >= deadline => {
                end(child);
                return Err("took too long".to_owned());
            }
            Ok(None) => thread::sleep(POLL),
        }
    }
}

/// Ends the shell and everything that it started, by their numbers.
fn end(child: &mut Child) {
    let mut family = vec![child.id()];
    let mut at = 0;
    while let Some(&parent) = family.get(at) {
        family.extend(children(parent));
        at += 1;
    }
    for id in family {
        let _ = Command::new("kill").args(["-9", &id.to_string()]).stderr(Stdio::null()).status();
    }
    let _ = child.wait();
}

fn children(parent: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    list.unwrap_or_default().split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    #[test]
    fn a_step_that_takes_too_long_is_ended_with_all_it_started() {
        let root = files::root();
        let rules = Rules { root: &root, strict: false, limit: Duration::from_millis(300) };
        let run = &["sh -c 'echo $$; exec sleep 600' & echo $!; wait"];
        let step = Step { name: "test-slow", after: &[], needs: &[], run };
        let start = Instant::now();
        let cause = super::run(&step, rules).expect_err("it sleeps for minutes");
        assert!(cause.contains("too long"), "{cause}");
        assert!(start.elapsed() < Duration::from_secs(60));
        let log = fs::read_to_string(log_path(&root, step.name)).expect("a log");
        for id in log.lines() {
            let lives = || {
                let status = fs::read_to_string(format!("/proc/{id}/status"));
                status.is_ok_and(|status| !status.contains("Z (zombie)"))
            };
            while lives() {
                assert!(start.elapsed() < Duration::from_secs(60), "{id} lives");
                thread::sleep(POLL);
            }
        }
    }
}
