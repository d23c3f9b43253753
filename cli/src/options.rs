//! The option table as flags and environment variables.

use chinwag::Config;
use chinwag::api::{OPTIONS, OptionInfo, OptionKind};
use chinwag::config::Value;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

use crate::failure::Failure;

/// One flag a row, but none for a secret: others on the machine can read a command line.
pub(crate) fn flags() -> impl Iterator<Item = Arg> {
    OPTIONS.iter().filter(|option| !option.secret).map(flag)
}

/// The flag of that option, as [`flags`] has it.
pub(crate) fn flag_of(name: &str) -> impl Iterator<Item = Arg> {
    OPTIONS.iter().filter(move |option| option.name == name).map(flag)
}

/// What was given; a flag goes before its variable.
pub(crate) fn config(matches: &ArgMatches) -> Result<Config, Failure> {
    let mut config = Config::new();
    for option in OPTIONS {
        if option.secret {
            set_secret(&mut config, option)?;
            continue;
        }
        let Ok(Some(texts)) = matches.try_get_many::<String>(option.name) else { continue };
        let texts: Vec<&str> = texts.map(String::as_str).collect();
        let in_environment = matches.value_source(option.name) == Some(ValueSource::EnvVariable);
        let outcome = match (option.kind, in_environment) {
            (OptionKind::Map, false) => pairs(&texts).and_then(|pairs| {
                config.set_value(option.name, Value::Map(pairs)).map_err(Failure::from)
            }),
            _ => config.set(option.name, &texts.join(",")).map_err(Failure::from),
        };
        outcome.map_err(|failure| match in_environment {
            true => Failure::usage(format!("{failure} (from {})", variable(option.name))),
            false => failure,
        })?;
    }
    Ok(config)
}

/// Secrets come from the environment alone.
fn set_secret(config: &mut Config, option: &OptionInfo) -> Result<(), Failure> {
    let variable = variable(option.name);
    let Some(text) = std::env::var_os(&variable).filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    let text = text.into_string().map_err(|_| Failure::usage(format!("{variable} is no UTF-8")))?;
    config
        .set(option.name, &text)
        .map_err(|error| Failure::usage(format!("{error} (from {variable})")))
}

/// Each text is one `key=value`, commas and all.
pub(crate) fn pairs(texts: &[&str]) -> Result<chinwag::Tags, Failure> {
    let pair = |text: &&str| match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(Failure::usage(format!("the tag \"{text}\" is not key=value"))),
    };
    texts.iter().map(pair).collect()
}

/// The environment variable of an option.
pub(crate) fn variable(option: &str) -> String {
    format!("CHINWAG_{}", option.to_uppercase())
}

fn flag(option: &OptionInfo) -> Arg {
    let (long, placeholder) = match (option.name, option.kind) {
        ("seeds", _) => ("join".to_owned(), "ADDR"),
        ("tags", _) => ("tag".to_owned(), "KEY=VALUE"),
        ("key_file", _) => ("key-file".to_owned(), "FILE"),
        ("cidrs_allowed", _) => ("cidrs-allowed".to_owned(), "NET"),
        (name, kind) => (name.replace('_', "-"), placeholder(kind)),
    };
    let flag = Arg::new(option.name)
        .long(long)
        .value_name(placeholder)
        .help(help(option))
        .env(variable(option.name))
        .hide_env_values(true)
        // Addresses may be IPv6, and metadata anything.
        .allow_hyphen_values(option.kind != OptionKind::Flag);
    match option.kind {
        OptionKind::Flag => flag
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .action(ArgAction::Set),
        OptionKind::List if option.name == "seeds" => {
            flag.visible_alias("seeds").action(ArgAction::Append)
        }
        OptionKind::List => flag.action(ArgAction::Append),
        OptionKind::Map => flag.action(ArgAction::Append),
        _ => flag.action(ArgAction::Set),
    }
}

const fn placeholder(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::Text | OptionKind::Choice(_) => "TEXT",
        OptionKind::Addr | OptionKind::List => "ADDR",
        OptionKind::Map => "KEY=VALUE",
        OptionKind::Bytes => "BYTES",
        OptionKind::Duration => "SPAN",
        OptionKind::Flag => "BOOL",
        OptionKind::Count { .. } => "N",
    }
}

fn help(option: &OptionInfo) -> String {
    let mut help = option.doc.to_owned();
    match (option.name, option.kind) {
        ("seeds" | "tags" | "cidrs_allowed", _) => help += " May be repeated.",
        ("key_file", _) => help += " Secrets are no flags: CHINWAG_KEYS, CHINWAG_COOKIE.",
        (_, OptionKind::Choice(words)) => help += &format!(" One of {}.", words.join(", ")),
        // The agent always leaves on a signal, unless told not to.
        ("handle_signals", _) => return format!("{help} [default: true]"),
        _ => {}
    }
    if !option.default.is_empty() {
        help += &format!(" [default: {}", option.default);
        let profiles = [("wan", option.wan), ("local", option.local), ("fast", option.fast)];
        for (profile, other) in profiles {
            if let Some(other) = other {
                help += &format!(", {profile} {other}");
            }
        }
        help.push(']');
    }
    help
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Config, Failure> {
        let command = clap::Command::new("test").args(flags()).no_binary_name(true);
        config(&command.try_get_matches_from(words).expect("known flags"))
    }

    #[test]
    fn every_option_is_a_flag() {
        let words: Vec<String> = OPTIONS
            .iter()
            .filter(|option| !option.secret)
            .map(|option| {
                let flag = flag(option);
                let long = flag.get_long().unwrap_or_default();
                let value = match option.kind {
                    _ if option.name == "cidrs_allowed" => "10.0.0.0/8".to_owned(),
                    OptionKind::Addr | OptionKind::List => "127.0.0.1:1".to_owned(),
                    OptionKind::Map => "role=web,db".to_owned(),
                    OptionKind::Duration => "250ms".to_owned(),
                    OptionKind::Flag => "true".to_owned(),
                    OptionKind::Count { min, .. } => min.to_string(),
                    OptionKind::Choice(words) => words[0].to_owned(),
                    OptionKind::Text | OptionKind::Bytes => "2,5,5".to_owned(),
                };
                format!("--{long}={value}")
            })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let config = parse(&words).expect("good values");
        for option in OPTIONS {
            assert_eq!(config.get(option.name).is_some(), !option.secret, "{}", option.name);
        }
        for secret in ["--keys=x", "--cookie=x"] {
            let command = clap::Command::new("test").args(flags()).no_binary_name(true);
            assert!(command.try_get_matches_from([secret]).is_err(), "{secret}");
        }
    }

    #[test]
    fn lists_add_up_and_tags_keep_their_commas() {
        let config =
            parse(&["--join", "a:1,b:2", "--seeds", "c:3", "--tag", "k=1,2", "--tag", "x="])
                .expect("good values");
        let list = ["a:1", "b:2", "c:3"].map(str::to_owned).to_vec();
        assert_eq!(config.get("seeds"), Some(&Value::List(list)));
        let tags = [("k", "1,2"), ("x", "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(config.get("tags"), Some(&Value::Map(tags.into())));
    }

    #[test]
    fn a_flag_can_be_given_alone_or_with_a_word() {
        let given = |words: &[&str]| parse(words).map(|c| c.get("insecure").cloned()).ok();
        assert_eq!(given(&["--insecure"]), Some(Some(Value::Flag(true))));
        assert_eq!(given(&["--insecure=false"]), Some(Some(Value::Flag(false))));
        assert_eq!(given(&["--insecure=maybe"]), None);
        assert_eq!(given(&[]), Some(None));
    }
}
