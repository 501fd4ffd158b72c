//! The command line: commands, and one flag per setting.
//!
//! The flags are read off [`settings()`], and go to [`Config::load`](crate::config::Config::load) as they were written:
//! what a value may be is said in one place, whatever the source. Every flag may stand before or after the command.

use std::{ffi::OsString, path::PathBuf};

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use crate::{
    config::{DefaultValue, Flags, Setting, Shape, settings},
    http_client::Url,
    tlog::VerifierKey,
    verify::VerifyRequest,
};

/// The exit code for a mistake in the command line or the configuration (`EX_USAGE` of sysexits.h).
pub const EXIT_USAGE: u8 = 64;

/// The exit code for a store that must not be used as it is configured (`EX_CONFIG` of sysexits.h).
pub const EXIT_CONFIG: u8 = 78;

/// What the command line asks for.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// Settings given on the way.
    pub flags: Flags,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Answer requests until told to stop.
    Serve,
    /// The same, on an embedded store that is gone afterwards, with a poll to try.
    Demo {
        /// How many simulated readers vote.
        readers: u32,
    },
    /// Ask a running replica whether it is ready.
    Healthcheck {
        /// What to ask instead of `/readyz` at the configured address.
        url: Option<Url>,
    },
    /// Check a log, a snapshot or a receipt.
    Verify(VerifyRequest),
    /// Show settings.
    Config {
        /// The commented default file instead of the settings in force.
        default: bool,
    },
}

/// Reads a command line, program name first.
///
/// # Errors
/// Also when help or the version was asked for: the error prints itself, and knows to which stream.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let matches = grammar().try_get_matches_from(arguments)?;
    let (command, matches) = match matches.subcommand() {
        Some(("demo", matches)) => {
            (Command::Demo { readers: matches.get_one("readers").copied().unwrap_or_default() }, matches)
        }
        Some(("healthcheck", matches)) => (Command::Healthcheck { url: matches.get_one("url").cloned() }, matches),
        Some(("verify", matches)) => (Command::Verify(verify_request(matches)), matches),
        Some(("config", matches)) => (Command::Config { default: matches.get_flag("default") }, matches),
        Some((_, matches)) => (Command::Serve, matches),
        None => (Command::Serve, &matches),
    };
    Ok(Invocation { command, flags: flags(matches) })
}

fn verify_request(matches: &ArgMatches) -> VerifyRequest {
    VerifyRequest {
        what: matches.get_one("what").cloned().unwrap_or_default(),
        keys: matches.get_many("key").unwrap_or_default().cloned().collect(),
        keep: matches.get_one("keep").cloned(),
    }
}

fn flags(matches: &ArgMatches) -> Flags {
    let values = settings()
        .filter_map(|setting| Some((setting.keys().pop()?, matches.get_one::<String>(setting.name)?.clone())));
    Flags { file: matches.get_one::<PathBuf>("config-file").cloned(), values: values.collect() }
}

fn grammar() -> clap::Command {
    clap::Command::new("sawt")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Records readers' votes on a news site's polls, and counts each exactly once.")
        .after_help(
            "Every setting is also a variable (--ops-listen: SAWT_OPS_LISTEN) and a key of sawt.toml (ops_listen); \
             flags override variables, which override the file. `sawt config` shows what is in force.\n\n\
             Exit codes: 0 stopped as asked; 1 failed, or not healthy; 64 a mistake in the command line or the \
             settings, and nothing was started; 78 the store must not be used as it is configured.",
        )
        .max_term_width(110)
        .subcommand(clap::Command::new("serve").about("Serve until told to stop (this is what sawt does by itself)"))
        .subcommand(
            clap::Command::new("demo")
                .about("Serve a sample poll from a store that is gone afterwards, and say what to try")
                .arg(
                    Arg::new("readers")
                        .long("readers")
                        .value_name("NUMBER")
                        .help("Let so many simulated readers vote, at a human pace [default: 0]")
                        .value_parser(value_parser!(u32).range(0..=1_000_000)),
                ),
        )
        .subcommand(
            clap::Command::new("healthcheck")
                .about("Ask a running replica whether it is ready; exit 0 if it is, 1 if not")
                .arg(
                    Arg::new("url")
                        .long("url")
                        .value_name("URL")
                        .value_parser(value_parser!(Url))
                        .help("What to ask [default: /readyz at the address of --listen]"),
                ),
        )
        .subcommand(
            clap::Command::new("verify")
                .about(
                    "Check a transparency log, a snapshot or a receipt; exit 0 if it is right, 1 if it is wrong, 2 if \
                        that can't be said",
                )
                .arg(Arg::new("what").value_name("FILE-or-URL").required(true).help(
                    "A log (https://…/v1/sites/SITE/log, or a directory that --keep made), a snapshot or a receipt",
                ))
                .arg(
                    Arg::new("key")
                        .long("key")
                        .value_name("KEY")
                        .action(ArgAction::Append)
                        .value_parser(value_parser!(VerifierKey))
                        .help("A key of the log that you trust, as it is published; several during a rotation"),
                )
                .arg(
                    Arg::new("keep")
                        .long("keep")
                        .value_name("DIRECTORY")
                        .value_parser(value_parser!(PathBuf))
                        .help("Keep the log here, and check that it still has all that was kept here before"),
                ),
        )
        .subcommand(
            clap::Command::new("config")
                .about("Show the settings in force and where each came from, without secrets")
                .arg(
                    Arg::new("default")
                        .long("default")
                        .action(ArgAction::SetTrue)
                        .help("Print a commented sawt.toml with every setting instead"),
                ),
        )
        .arg(
            Arg::new("config-file")
                .long("config")
                .value_name("PATH")
                .help("The file to read settings from [env: SAWT_CONFIG] [default: ./sawt.toml, if it exists]")
                .value_parser(value_parser!(PathBuf))
                .global(true)
                .help_heading("Settings"),
        )
        .args(settings().map(argument))
}

fn argument(setting: &'static Setting) -> Arg {
    let (form, about) = match setting.shape {
        Shape::Secret => ("PATH", format!("{} This is the path of a file that holds it.", setting.about)),
        Shape::Text | Shape::Number | Shape::Switch => (setting.form, setting.about.to_owned()),
    };
    let otherwise = match setting.default {
        DefaultValue::Is(value) => format!("[default: {value}]"),
        DefaultValue::Unset { means, .. } => format!("[not set: {means}]"),
    };
    let argument = Arg::new(setting.name)
        // A grammar is made once in a process, and clap wants names that live as long.
        .long(&*setting.flag().leak())
        .value_name(form)
        .help(format!("{about} {otherwise}"))
        .global(true)
        .help_heading("Settings");
    match setting.shape {
        Shape::Switch => argument.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Shape::Text | Shape::Number | Shape::Secret => argument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, clap::Error> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_grammar_is_sound() {
        grammar().debug_assert();
    }

    #[test]
    fn serving_is_what_it_does_by_itself() {
        for line in ["sawt", "sawt serve"] {
            assert_eq!(parsed(line).unwrap().command, Command::Serve);
        }
    }

    #[test]
    fn settings_may_stand_before_and_after_the_command() {
        for line in ["sawt --listen 127.0.0.1:0 demo --readers 7", "sawt demo --readers 7 --listen=127.0.0.1:0"] {
            let invocation = parsed(line).unwrap();
            assert_eq!(invocation.command, Command::Demo { readers: 7 });
            assert_eq!(invocation.flags.values, [("listen".to_owned(), "127.0.0.1:0".to_owned())]);
        }
    }

    #[test]
    fn a_bare_switch_means_true() {
        let values = |line| parsed(line).unwrap().flags.values;
        assert_eq!(values("sawt --allow-eviction serve"), [("allow_eviction".to_owned(), "true".to_owned())]);
        assert_eq!(values("sawt --allow-eviction=no"), [("allow_eviction".to_owned(), "no".to_owned())]);
    }

    #[test]
    fn a_secret_can_be_named_by_its_file_only() {
        let values = parsed("sawt --admin-key-file /run/key").unwrap().flags.values;
        assert_eq!(values, [("admin_key_file".to_owned(), "/run/key".to_owned())]);
        assert!(parsed("sawt --admin-key canary").is_err());
    }

    #[test]
    fn help_names_every_setting() {
        let help = grammar().render_help().to_string();
        for setting in settings() {
            assert!(help.contains(&format!("--{}", setting.flag())), "{}", setting.name);
        }
    }
}
