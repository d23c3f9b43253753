//! What happens, and what everybody must have told about it in the end.

use std::time::{Duration, Instant};

use super::cast::Cast;
use super::dialect::Report;
use super::stage::{Member, Stage};
use super::view::span;
use crate::failure::Failure;
use crate::show::table;

/// A virtual machine may take its time on a busy computer.
const START: Duration = Duration::from_secs(60);
/// No act takes longer, whatever else the computer does.
const ACT: Duration = Duration::from_secs(60);
const MOOD: &str = "mood=cheerful";

/// One thing that happens, and who must tell.
#[derive(Debug)]
pub(crate) struct Act {
    title: String,
    start: Instant,
    news: News,
    /// What each member has told; nothing for those who are not asked.
    verdicts: Vec<Option<Verdict>>,
}

/// What must be told.
#[derive(Debug)]
enum News {
    /// All others have joined.
    Joined(Vec<String>),
    /// One event about one member.
    Fate { member: String, right: &'static str, wrong: &'static [&'static str], tag: &'static str },
}

/// What a member's callback made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Told(Duration),
    Wrong(String),
    Silent,
}

/// Plays everything; what was told.
pub(crate) async fn play(stage: &mut Stage, cast: &Cast) -> Result<Vec<Act>, Failure> {
    let name = |who: usize| cast.actors[who].name.clone();
    let mut acts = vec![meet(stage).await?];

    let changer = name(cast.changer);
    let act = Act::new(format!("{changer} sets a tag"), fate(&changer, "member-update", &[], MOOD));
    stage.view.note(format!("{changer} sets the tag {MOOD}"));
    stage.tag(cast.changer, MOOD).await;
    acts.push(act.perform(stage, cast.changer).await?);

    let victim = name(cast.victim);
    let wrong = &["member-leave"];
    let act = Act::new(format!("kill -9 {victim}"), fate(&victim, "member-failed", wrong, ""));
    stage.view.note(format!("kill -9 {victim}"));
    stage.kill(cast.victim).await;
    acts.push(act.perform(stage, cast.victim).await?);

    let leaver = name(cast.leaver);
    let wrong = &["member-failed"];
    let act = Act::new(format!("{leaver} leaves"), fate(&leaver, "member-leave", wrong, ""));
    stage.view.note(format!("{leaver} is asked to leave"));
    stage.leave(cast.leaver).await;
    acts.push(act.perform(stage, cast.leaver).await?);
    stage.finish(cast.leaver).await?;

    curtain(stage).await?;
    Ok(acts)
}

/// Everybody starts, through the first as seed.
async fn meet(stage: &mut Stage) -> Result<Act, Failure> {
    let names = stage.members.iter().map(|member| member.actor.name.clone()).collect();
    stage.start(0, None).await?;
    stage.ready(START).await?;
    let act = Act::new("all meet".to_owned(), News::Joined(names));
    for who in 1..stage.members.len() {
        stage.start(who, Some(0)).await?;
    }
    stage.ready(START).await?;
    act.perform(stage, usize::MAX).await
}

/// Those who are left leave.
async fn curtain(stage: &mut Stage) -> Result<(), Failure> {
    let left = stage.present();
    for who in &left {
        stage.leave(*who).await;
    }
    for who in left {
        stage.finish(who).await?;
    }
    stage.view.note("everybody has left");
    Ok(())
}

fn fate(
    member: &str,
    right: &'static str,
    wrong: &'static [&'static str],
    tag: &'static str,
) -> News {
    News::Fate { member: member.to_owned(), right, wrong, tag }
}

impl Act {
    fn new(title: String, news: News) -> Self {
        Self { title, start: Instant::now(), news, verdicts: Vec::new() }
    }

    /// Waits until everybody who is here, `subject` aside, has told.
    async fn perform(mut self, stage: &mut Stage, subject: usize) -> Result<Self, Failure> {
        let deadline = self.start + ACT;
        let asked: Vec<usize> = stage.present().into_iter().filter(|who| *who != subject).collect();
        self.verdicts = vec![None; stage.members.len()];
        for who in &asked {
            self.ask(stage, *who);
        }
        while self.verdicts.contains(&Some(Verdict::Silent)) {
            match stage.next(deadline).await? {
                Some(who) => self.ask(stage, who),
                None => break,
            }
        }
        Ok(self)
    }

    /// Takes down what a member has told, if it is asked and has not been heard.
    fn ask(&mut self, stage: &mut Stage, who: usize) {
        let member = &stage.members[who];
        let undecided = matches!(self.verdicts[who], None | Some(Verdict::Silent));
        if !undecided || !stage.present().contains(&who) || self.is_about(member) {
            return;
        }
        let verdict = self.verdict(member);
        let line = match &verdict {
            Verdict::Told(after) => format!("{} told after {}", member.said(), span(*after)),
            Verdict::Wrong(kind) => format!("{} told {kind}, which is wrong", member.said()),
            Verdict::Silent => String::new(),
        };
        if !line.is_empty() {
            stage.view.note(format!("{}: {line}", self.title));
        }
        self.verdicts[who] = Some(verdict);
    }

    fn is_about(&self, member: &Member) -> bool {
        matches!(&self.news, News::Fate { member: subject, .. } if *subject == member.actor.name)
    }

    fn verdict(&self, observer: &Member) -> Verdict {
        match &self.news {
            News::Joined(names) => {
                let others = names.iter().filter(|name| **name != observer.actor.name);
                let times = others.map(|name| {
                    let joined = |(_, report): &&(Instant, Report)| {
                        report.kind == "member-join" && report.member == *name
                    };
                    observer.reports.iter().find(joined).map(|(at, _)| *at)
                });
                match times.collect::<Option<Vec<Instant>>>() {
                    Some(times) => self.told(times.into_iter().max().unwrap_or(self.start)),
                    None => Verdict::Silent,
                }
            }
            News::Fate { member, right, wrong, tag } => {
                let since = |(at, report): &&(Instant, Report)| {
                    *at >= self.start && report.member == *member
                };
                let found = observer.reports.iter().filter(since).find_map(|(at, report)| {
                    let kind = report.kind.as_str();
                    if kind == *right && (tag.is_empty() || report.tags.iter().any(|t| t == tag)) {
                        return Some(self.told(*at));
                    }
                    wrong.contains(&kind).then(|| Verdict::Wrong(kind.to_owned()))
                });
                found.unwrap_or(Verdict::Silent)
            }
        }
    }

    fn told(&self, at: Instant) -> Verdict {
        Verdict::Told(at.saturating_duration_since(self.start))
    }

    /// Whether everybody who was asked told the right thing.
    fn is_right(&self) -> bool {
        self.verdicts.iter().flatten().all(|verdict| matches!(verdict, Verdict::Told(_)))
    }

    fn cell(&self, who: usize) -> String {
        match self.verdicts.get(who).and_then(Option::as_ref) {
            None => "-".to_owned(),
            Some(Verdict::Told(after)) => span(*after),
            Some(Verdict::Wrong(kind)) => format!("WRONG: {kind}"),
            Some(Verdict::Silent) => "SILENT".to_owned(),
        }
    }
}

/// What each runtime's own callback told, and after how long.
pub(crate) fn report(members: &[Member], acts: &[Act]) -> String {
    let mut header = vec!["MEMBER", "RUNTIME"];
    header.extend(acts.iter().map(|act| act.title.as_str()));
    let row = |(who, member): (usize, &Member)| {
        let mut row = vec![member.actor.name.clone(), member.actor.runtime.to_owned()];
        row.extend(acts.iter().map(|act| act.cell(who)));
        row
    };
    let rows: Vec<Vec<String>> = members.iter().enumerate().map(row).collect();
    table(&header, &rows)
}

/// Whether everything was told as it should be.
pub(crate) fn is_right(acts: &[Act]) -> bool {
    acts.iter().all(Act::is_right)
}

#[cfg(test)]
mod tests {
    use super::super::cast::Actor;
    use super::super::dialect::Dialect;
    use super::*;

    fn observer(reports: &[(&str, &str, &str)]) -> Member {
        let runtime = "rust";
        let actor =
            Actor { name: "me".to_owned(), runtime, dialect: Dialect::Join, words: Vec::new() };
        let mut member = Member::new(actor);
        for (kind, subject, tag) in reports {
            let (kind, subject) = ((*kind).to_owned(), (*subject).to_owned());
            let report = Report { kind, member: subject, tags: vec![(*tag).to_owned()] };
            member.reports.push((Instant::now(), report));
        }
        member
    }

    fn is_told(act: &Act, reports: &[(&str, &str, &str)]) -> bool {
        matches!(act.verdict(&observer(reports)), Verdict::Told(_))
    }

    #[test]
    fn a_meeting_is_told_when_all_others_have_joined() {
        let names = ["me", "you", "they"].map(str::to_owned).to_vec();
        let act = Act::new("meet".to_owned(), News::Joined(names));
        let you = ("member-join", "you", "");
        assert_eq!(act.verdict(&observer(&[you])), Verdict::Silent);
        assert!(!is_told(&act, &[you, ("member-update", "they", "")]));
        assert!(is_told(&act, &[("member-join", "they", ""), you]));
    }

    #[test]
    fn a_fate_is_told_by_the_right_event_with_the_right_tag() {
        let act = Act::new("tag".to_owned(), fate("you", "member-update", &[], MOOD));
        assert!(!is_told(&act, &[("member-update", "you", "mood=sad")]));
        assert!(!is_told(&act, &[("member-update", "they", MOOD)]));
        assert!(is_told(&act, &[("member-update", "you", "a=b"), ("member-update", "you", MOOD)]));
    }

    #[test]
    fn a_wrong_fate_is_not_made_good_by_the_right_one() {
        let act = Act::new("kill".to_owned(), fate("you", "member-failed", &["member-leave"], ""));
        let (left, failed) = (("member-leave", "you", ""), ("member-failed", "you", ""));
        assert_eq!(act.verdict(&observer(&[left, failed])), Verdict::Wrong(left.0.to_owned()));
        assert!(is_told(&act, &[("member-suspect", "you", ""), failed]));
    }

    #[test]
    fn what_was_told_before_the_act_does_not_count() {
        let early = observer(&[("member-failed", "you", "")]);
        let act = Act::new("kill".to_owned(), fate("you", "member-failed", &[], ""));
        assert_eq!(act.verdict(&early), Verdict::Silent);
    }

    #[test]
    fn silence_and_error_make_the_whole_wrong() {
        let mut act = Act::new("meet".to_owned(), News::Joined(Vec::new()));
        act.verdicts = vec![None, Some(Verdict::Told(Duration::from_millis(5)))];
        assert!(is_right(std::slice::from_ref(&act)));
        act.verdicts.push(Some(Verdict::Silent));
        assert!(!is_right(&[act]));
    }
}
