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

/// A second of processor time, in the unit in which Linux tells it to programs.
const TICKS: u32 = 100;

/// Runs the commands, one after the other; the cause when one fails. `cpu` grows by the processor
/// time of all that they started and waited for, where the system tells it.
///
/// # Errors
/// The command and how it ended.
pub fn run(step: &Step, rules: Rules<'_>, cpu: &mut Duration) -> Result<(), String> {
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
            // A BEAM that has nothing to do leaves the processors to what runs beside it.
            .env("ERL_FLAGS", "+sbwt none +sbwtdcpu none +sbwtdio none")
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log.try_clone().map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        wait(&mut child, deadline, cpu).map_err(|cause| format!("{cause}: {command}"))?;
    }
    Ok(())
}

/// Where the output of a step goes.
pub fn log_path(root: &Path, name: &str) -> std::path::PathBuf {
    root.join("target/steps").join(format!("{}.log", name.replace(' ', "-")))
}

fn wait(child: &mut Child, deadline: Instant, cpu: &mut Duration) -> Result<(), String> {
    loop {
        // What it used is told between its end and the moment when somebody asks how it ended.
        let ended = match stat(child.id()) {
            Some((state, used)) if state == "Z" => {
                *cpu += used;
                true
            }
            Some(_) => false,
            None => true,
        };
        match if ended { child.try_wait() } else { Ok(None) } {
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

/// The state of a process, and the processor time of it and of the children it waited for.
fn stat(id: u32) -> Option<(String, Duration)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field is a name in parentheses, which may have any bytes in it.
    let (_, fields) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks: Option<Vec<u32>> =
        fields.get(11..15)?.iter().map(|word| word.parse().ok()).collect();
    Some(((*fields.first()?).to_owned(), Duration::from_secs(1) * ticks?.iter().sum() / TICKS))
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
        let step = Step { name: "test-slow", after: &[], needs: &[], waits: false, run };
        let start = Instant::now();
        let mut cpu = Duration::ZERO;
        let cause = super::run(&step, rules, &mut cpu).expect_err("it sleeps for minutes");
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

    #[test]
    fn the_time_of_the_processor_is_that_of_all_it_started() {
        let root = files::root();
        let rules = Rules { root: &root, strict: false, limit: Duration::from_secs(60) };
        let run =
            &["sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done'; true", "sleep 0.5"];
        let mut cpu = Duration::ZERO;
        let step = Step { name: "test-busy", after: &[], needs: &[], waits: false, run };
        let start = Instant::now();
        super::run(&step, rules, &mut cpu).expect("it ends");
        assert!(cpu > Duration::ZERO && cpu < start.elapsed(), "{cpu:?}");
    }
}
