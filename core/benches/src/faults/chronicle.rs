//! What members have told, and what it comes to.

use std::time::Duration;

use serde::Serialize;

/// Accusations of one member that are closer together than this count as one: every observer
/// hears of one, and libraries differ in whether they tell what they heard or what they saw.
const BURST: Duration = Duration::from_secs(2);

/// What a member can tell of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum News {
    /// It is there, or there again.
    Present,
    /// It failed.
    Failed,
    /// It left.
    Left,
    /// It is accused of not answering.
    Suspect,
    /// It was accused and has refuted; some libraries tell it of themselves.
    Refuted,
}

/// One line of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Since the start of the run.
    pub(super) at: Duration,
    pub(super) observer: usize,
    pub(super) subject: usize,
    pub(super) news: News,
}

/// All that was told in a run, in the order of time.
#[derive(Clone, Debug)]
pub(super) struct Chronicle {
    pub(super) told: Vec<Told>,
    pub(super) members: usize,
}

impl Chronicle {
    /// Seconds, observer, subject and news of every line.
    pub(super) fn lines(&self) -> Vec<(f64, usize, usize, News)> {
        let line = |told: &Told| (told.at.as_secs_f64(), told.observer, told.subject, told.news);
        self.told.iter().map(line).collect()
    }

    /// What was told from `since` on.
    pub(super) fn since(&self, since: Duration) -> Self {
        let told = self.told.iter().copied().filter(|told| told.at >= since).collect();
        Self { told, members: self.members }
    }

    /// What was told before `until`.
    pub(super) fn before(&self, until: Duration) -> Self {
        let told = self.told.iter().copied().filter(|told| told.at < until).collect();
        Self { told, members: self.members }
    }

    /// What `observers` told of `subjects`.
    pub(super) fn between(&self, observers: &[usize], subjects: &[usize]) -> Self {
        let wanted =
            |told: &Told| observers.contains(&told.observer) && subjects.contains(&told.subject);
        let told = self.told.iter().copied().filter(wanted).collect();
        Self { told, members: self.members }
    }

    /// How often `news` was told.
    pub(super) fn count(&self, news: News) -> usize {
        self.told.iter().filter(|told| told.news == news).count()
    }

    /// When `news` was first told by each observer that told it, in the order of time.
    pub(super) fn first(&self, news: News) -> Vec<Duration> {
        let mut observers = Vec::new();
        let of_each = self.told.iter().filter(|told| told.news == news).filter(|told| {
            let new = !observers.contains(&told.observer);
            observers.push(told.observer);
            new
        });
        of_each.map(|told| told.at).collect()
    }

    /// How often a member was accused, or refuted, whoever told it.
    pub(super) fn bursts(&self, news: News) -> usize {
        let of = |subject: usize| {
            let of_subject = self.told.iter().filter(|t| t.subject == subject && t.news == news);
            let times: Vec<Duration> = of_subject.map(|told| told.at).collect();
            let apart = times.windows(2).filter(|pair| pair[1] - pair[0] >= BURST).count();
            apart + usize::from(!times.is_empty())
        };
        (0..self.members).map(of).sum()
    }

    /// Since when every one of `observers` has believed each other one of `subjects` to be present,
    /// or absent, without a break until the end; nothing when that is not so.
    pub(super) fn settled(
        &self,
        observers: &[usize],
        subjects: &[usize],
        present: bool,
    ) -> Option<Duration> {
        let mut settled = Duration::ZERO;
        for observer in observers {
            for subject in subjects.iter().filter(|subject| *subject != observer) {
                settled = settled.max(self.since_when(*observer, *subject, present)?);
            }
        }
        Some(settled)
    }

    /// A suspect is present. Who was never heard of is absent from the start.
    fn since_when(&self, observer: usize, subject: usize, present: bool) -> Option<Duration> {
        let (mut is, mut since) = (false, Duration::ZERO);
        let pair = |told: &&Told| told.observer == observer && told.subject == subject;
        for told in self.told.iter().filter(pair) {
            let now = match told.news {
                News::Present => true,
                News::Failed | News::Left => false,
                News::Suspect | News::Refuted => is,
            };
            if now != is {
                (is, since) = (now, told.at);
            }
        }
        (is == present).then_some(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chronicle(told: &[(u64, usize, usize, News)]) -> Chronicle {
        let told = told.iter().map(|&(ms, observer, subject, news)| Told {
            at: Duration::from_millis(ms),
            observer,
            subject,
            news,
        });
        Chronicle { told: told.collect(), members: 3 }
    }

    #[test]
    fn what_breaks_again_is_not_settled() {
        let told = [
            (100, 0, 1, News::Present),
            (200, 1, 0, News::Present),
            (300, 1, 0, News::Suspect),
            (900, 1, 0, News::Refuted),
        ];
        let settled = |told: &[_]| chronicle(told).settled(&[0, 1], &[0, 1], true);
        assert_eq!(settled(&told), Some(Duration::from_millis(200)));
        assert_eq!(settled(&told[..1]), None);
        let broken = [&told[..], &[(1000, 0, 1, News::Failed)]].concat();
        assert_eq!(settled(&broken), None);
        assert_eq!(
            chronicle(&broken).settled(&[0], &[1], false),
            Some(Duration::from_millis(1000))
        );
        let mended = [&broken[..], &[(1500, 0, 1, News::Present)]].concat();
        assert_eq!(settled(&mended), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn one_accusation_heard_by_many_is_one() {
        let told = [
            (0, 0, 1, News::Suspect),
            (1500, 2, 1, News::Suspect),
            (3000, 0, 2, News::Suspect),
            (3400, 0, 1, News::Suspect),
            (9000, 0, 1, News::Suspect),
        ];
        assert_eq!(chronicle(&told).bursts(News::Suspect), 3, "1, 1 again, and 2");
        assert_eq!(chronicle(&told).bursts(News::Failed), 0);
        assert_eq!(chronicle(&told).since(Duration::from_secs(3)).count(News::Suspect), 3);
        assert_eq!(chronicle(&told).between(&[2], &[1]).count(News::Suspect), 1);
    }

    #[test]
    fn every_observer_counts_once() {
        let told = [(5, 0, 1, News::Failed), (7, 2, 1, News::Failed), (9, 0, 1, News::Failed)];
        let times = chronicle(&told).first(News::Failed);
        assert_eq!(times, [Duration::from_millis(5), Duration::from_millis(7)]);
    }
}
