//! Who is meant by a query.

use regex_lite::{Regex, RegexBuilder};

use super::question::Question;
use crate::member::Member;
use crate::wire::serf::{Filter, Query, Texts};

/// Bytes that one expression may take when it is compiled, and groups within groups.
const REGEX_SIZE: usize = 64 * 1024;
const REGEX_DEPTH: u32 = 32;
/// Expressions in one query.
const FILTERS_MAX: usize = 64;

/// Compiles an expression. Go's syntax is understood but for classes of Unicode such as `\pL`.
pub(crate) fn compile(expr: &str) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(expr);
    let compiled = builder.size_limit(REGEX_SIZE).nest_limit(REGEX_DEPTH).build();
    compiled.map_err(|error| error.to_string())
}

/// The filters of a question, as they travel.
pub(crate) fn filters_of(question: &Question) -> Vec<Filter<'_>> {
    let nodes = Some(&question.nodes).filter(|nodes| !nodes.is_empty());
    let nodes = nodes.map(|nodes| Filter::Nodes(Texts::of(nodes)));
    let tags = question.tags.iter().map(|(tag, expr)| Filter::Tag { tag, expr });
    nodes.into_iter().chain(tags).collect()
}

/// Whether a query is meant for this node. As with serf, what cannot be understood is for others.
pub(crate) fn is_meant(query: &Query<'_>, local: &Member) -> bool {
    query.filters.iter().enumerate().all(|(at, filter)| match filter {
        Ok(Filter::Nodes(names)) => names.contains(local.name()),
        Ok(Filter::Tag { tag, expr }) if at < FILTERS_MAX => {
            compile(expr).is_ok_and(|regex| matches(&regex, tag, local))
        }
        Ok(Filter::Tag { .. }) | Err(_) => false,
    })
}

/// Who is meant by a question of this node, compiled once for all members.
#[derive(Debug)]
pub(crate) struct Audience<'a> {
    question: &'a Question,
    tags: Vec<(&'a str, Regex)>,
}

impl<'a> Audience<'a> {
    /// The audience, or the expression that is none and why.
    pub(crate) fn of(question: &'a Question) -> Result<Self, String> {
        let compile = |(tag, expr): (&'a String, &String)| {
            let regex = compile(expr).map_err(|why| format!("\"{expr}\" of tag \"{tag}\": {why}"));
            Ok((tag.as_str(), regex?))
        };
        let tags = question.tags.iter().map(compile).collect::<Result<_, String>>()?;
        Ok(Self { question, tags })
    }

    /// Whether that member is meant.
    pub(crate) fn includes(&self, member: &Member) -> bool {
        let nodes = &self.question.nodes;
        (nodes.is_empty() || nodes.iter().any(|name| name == member.name()))
            && self.tags.iter().all(|(tag, regex)| matches(regex, tag, member))
    }
}

fn matches(regex: &Regex, tag: &str, member: &Member) -> bool {
    member.tag(tag).map_or_else(|| regex.is_match(""), |value| regex.is_match(&value))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::member::{Facts, MemberState};
    use crate::wire::encode_tags;
    use crate::wire::serf::SerfMessage;

    fn member(name: &str, tags: &[(&str, &str)]) -> Member {
        let tags = tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Member::new(Facts {
            name,
            addr: ([10, 0, 0, 1], 7946).into(),
            state: MemberState::Alive,
            incarnation: 1,
            versions: [1, 5, 2, 2, 5, 5],
            mapped: false,
            meta: &encode_tags(&tags),
        })
    }

    fn question(nodes: &[&str], tags: &[(&str, &str)]) -> Question {
        let tags = tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Question {
            nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
            tags: tags.collect::<BTreeMap<_, _>>(),
            ..Question::default()
        }
    }

    /// Whether the member is meant, which both sides must agree on.
    fn meant(question: &Question, member: &Member) -> bool {
        let mut bytes = Vec::new();
        Query::default().encode(&filters_of(question), &mut bytes);
        let Ok(SerfMessage::Query(query)) = SerfMessage::decode(&bytes) else { panic!("a query") };
        let theirs = is_meant(&query, member);
        let ours = Audience::of(question).map(|audience| audience.includes(member));
        assert_eq!(ours.unwrap_or(false), theirs, "{question:?}");
        theirs
    }

    #[test]
    fn nodes_and_tags_have_to_agree() {
        let web = member("web-1", &[("role", "web"), ("dc", "east")]);
        assert!(meant(&question(&[], &[]), &web));
        assert!(meant(&question(&["db-1", "web-1"], &[]), &web));
        assert!(!meant(&question(&["db-1", "web-11"], &[]), &web));
        assert!(meant(&question(&[], &[("role", "^w.b$"), ("dc", "(?i)EAST|west")]), &web));
        assert!(!meant(&question(&[], &[("role", "^w.b$"), ("dc", "^eas$")]), &web));
        assert!(!meant(&question(&["db-1"], &[("role", "web")]), &web));
        assert!(meant(&question(&[], &[("zone", "^$")]), &web), "no tag is an empty text");
        assert!(!meant(&question(&[], &[("zone", ".")]), &web));
    }

    #[test]
    fn expressions_of_ill_will_match_nobody_and_cost_little() {
        let web = member("web-1", &[("role", &"a".repeat(400))]);
        for expr in ["(", "a{1000}{1000}{1000}", &"(".repeat(100_000), "\\pL"] {
            let question = question(&[], &[("role", expr)]);
            assert!(!meant(&question, &web), "{expr:.20}");
            assert!(Audience::of(&question).is_err());
        }
        // Linear, whatever the expression.
        assert!(meant(&question(&[], &[("role", "(a*)*(a*)*(a*)*$")]), &web));
        assert!(!meant(&question(&[], &[("role", "(a*)*(a*)*(a*)*b")]), &web));
    }

    #[test]
    fn unknown_filters_are_for_others() {
        let web = member("web-1", &[]);
        for filter in [&b"\xa1\x02"[..], b"\xa0", b"\xa2\x01\xc0"] {
            let bytes = [&b"\x04\x81\xa7Filters\x91"[..], filter].concat();
            let decoded = SerfMessage::decode(&bytes);
            let Ok(SerfMessage::Query(query)) = decoded else { panic!("{decoded:?}") };
            assert!(!is_meant(&query, &web), "{filter:?}");
        }
    }
}
