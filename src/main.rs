//! Arguments, then configuration, then the command, then an exit code.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use sawt::{
    cli::{self, Command, Invocation},
    clock::Clock,
    config::{self, Config, Fault},
    demo::Demo,
    healthcheck, server, telemetry,
};

fn main() -> ExitCode {
    let Invocation { command, flags } = match cli::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(message) => {
            // If even that can't be printed, the exit code says it.
            let _ = message.print();
            return if message.use_stderr() { cli::EXIT_USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    let config = || Config::load(&flags, std::env::vars_os());
    let outcome = match command {
        Command::Serve => config().map(|config| serve(&config, None)),
        Command::Demo { readers } => config().map(|mut config| match Demo::prepare(&mut config, readers) {
            Ok(demo) => serve(&config, Some(demo)),
            Err(error) => fail(&format!("the demo's directory can't be made: {error}")),
        }),
        Command::Healthcheck { url: Some(url) } => Ok(healthcheck(&url)),
        Command::Healthcheck { url: None } => config().map(|config| healthcheck(&healthcheck::url_of(config.listen))),
        Command::Config { default: true } => Ok(print(&config::default_file())),
        Command::Config { default: false } => config().map(|config| print(&config::listing(&config))),
    };
    outcome.unwrap_or_else(|faults| refuse(&faults))
}

fn serve(config: &Config, demo: Option<Demo>) -> ExitCode {
    let _log = match telemetry::init(&config.log, config.log_format, Clock::default()) {
        Ok(guard) => guard,
        Err(error) => return fail(&error.to_string()),
    };
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let served = server::run(config, |addresses| {
        if let Some(demo) = demo {
            demo.start(addresses.listen);
        }
    });
    served.map_or_else(
        |error| {
            fail(&error.to_string());
            error.exit_code().into()
        },
        |()| ExitCode::SUCCESS,
    )
}

fn healthcheck(url: &str) -> ExitCode {
    match url.parse() {
        Ok(url) => healthcheck::run(&url).map_or_else(|reason| fail(&reason), |()| ExitCode::SUCCESS),
        Err(rule) => refuse(&[Fault { place: "--url".to_owned(), rule: format!("{rule}, is {url:?}") }]),
    }
}

fn print(text: &str) -> ExitCode {
    // A reader that has seen enough (`sawt config | head -1`) is no failure.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn refuse(faults: &[Fault]) -> ExitCode {
    for fault in faults {
        let _ = writeln!(io::stderr(), "sawt: {fault}");
    }
    cli::EXIT_USAGE.into()
}

fn fail(reason: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "sawt: {reason}");
    ExitCode::FAILURE
}
