//! Arguments, then configuration, then the command, then an exit code.

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

use sawt::{
    cli::{self, Command, Invocation},
    clock::Clock,
    config::{self, Config},
    demo::Demo,
    healthcheck,
    http_client::Url,
    server::{self, Addresses},
    telemetry, verify,
};

/// Requests make many small allocations, each made and freed on one thread: mimalloc is fast at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Invocation { command, flags } = match cli::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(message) => {
            // If this can't be printed either, the exit code tells.
            let _ = message.print();
            return if message.use_stderr() { cli::EXIT_USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    let config = || Config::load(&flags, std::env::vars_os());
    let demo_config = || Config::load(&Demo::flags(flags.clone())?, std::env::vars_os());
    let outcome = match command {
        Command::Serve => config().map(|config| serve(&config, None)),
        Command::Demo { readers } => demo_config().map(|mut config| match Demo::prepare(&mut config, readers) {
            Ok(demo) => serve(&config, Some(demo)),
            Err(error) => end(&format_args!("the demo's directory can't be made: {error}"), 1),
        }),
        Command::Healthcheck { url: Some(url) } => Ok(healthcheck(&url)),
        Command::Healthcheck { url: None } => config().map(|config| healthcheck(&healthcheck::url_of(config.listen))),
        Command::Verify(request) => Ok(match verify::run(&request) {
            Ok(found) => print(&found),
            Err(unverified) => end(&unverified, unverified.exit_code()),
        }),
        Command::Config { default: true } => Ok(print(&config::default_file())),
        Command::Config { default: false } => config().map(|config| print(&config::listing(&config))),
    };
    outcome.unwrap_or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        end(&faults.join("\nsawt: "), cli::EXIT_USAGE)
    })
}

fn serve(config: &Config, demo: Option<Demo>) -> ExitCode {
    let _log = match telemetry::init(&config.log, config.log_format, Clock::default()) {
        Ok(guard) => guard,
        Err(error) => return end(&error, 1),
    };
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let pages = demo.as_ref().map(Demo::pages);
    // Kept until the server has ended: a store logs an error if its file is deleted before.
    let _directory = demo.as_ref().map(Demo::directory);
    let announce = |addresses: Addresses| {
        if let Some(demo) = demo {
            demo.start(addresses);
        }
    };
    server::run(config, pages, announce).map_or_else(|error| end(&error, error.exit_code()), |()| ExitCode::SUCCESS)
}

fn healthcheck(url: &Url) -> ExitCode {
    healthcheck::run(url).map_or_else(|reason| end(&reason, 1), |()| ExitCode::SUCCESS)
}

fn print(text: &str) -> ExitCode {
    // A reader that stops early (`sawt config | head -1`) is no failure.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn end(reason: &impl Display, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "sawt: {reason}");
    code.into()
}
