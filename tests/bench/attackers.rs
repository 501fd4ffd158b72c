//! Prints what became of each attacker, among few readers and among many, and what the proof of work would cost who
//! does it.

use std::hint::black_box;

use ring::digest;

use super::attack::{
    HOSTING_SCRIPT, ROTATING_PROXIES, SAVED_TOKENS, SLOW_HAND, VARIANTS, readers,
    simulation::{Account, Dice, HOUR, MINUTE, Played, play},
    sources::{Attacker, Pace},
    with_attacker,
};
use crate::{process::own_cpu_secs, table::number};

/// How many hashes a ballot's work takes on average: half of what `SAWT_PROOF_OF_WORK_HASHES` is by default.
const HASHES: f64 = 100_000.0;
/// How many are made to measure what one takes: some seconds' worth.
const MEASURED: u32 = 10_000_000;

/// Plays and prints; if somebody has an attacker of their own, that one alone.
pub(crate) fn measure(own: Option<&Attacker>) {
    let hashes_a_sec = hashes_a_sec();
    println!(
        "\nProof of work: {} hashes a second of one core, in native code; a thousand ballots of new voters take {} hashes on \
         average, {} core seconds.",
        number(hashes_a_sec),
        number(1_000.0 * HASHES),
        number(1_000.0 * HASHES / hashes_a_sec),
    );
    for a_minute in [5.0, 40.0] {
        println!("\nReaders: {a_minute} a minute on average, a carrier with 1,000, a crowd of 2,000.\n");
        println!(
            "| who | cast | flagged | held | until held | held later | readers held | disputed after | asked for work | without it | core seconds for it |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        if let Some(own) = own {
            let played = with_attacker(a_minute, own.clone(), 2);
            print(&played, played.of(own.name), (own.begins, MINUTE), hashes_a_sec);
            continue;
        }
        let played = play(readers(a_minute), 30, &mut Dice::new(1));
        for account in &played.accounts {
            print(&played, account, (0, 0), hashes_a_sec);
        }
        println!("| (incidents without an attacker: {}) |", played.poll.incidents.len());
        let usual = [HOSTING_SCRIPT, SLOW_HAND, SAVED_TOKENS, ROTATING_PROXIES];
        let after = |attacker: &Attacker| if attacker.name == SLOW_HAND.name { 15 * MINUTE } else { MINUTE };
        let usual = usual.into_iter().map(|attacker| (attacker.clone(), after(&attacker)));
        for (attacker, after) in usual.chain(VARIANTS) {
            let (name, begins) = (attacker.name, attacker.begins);
            let played = with_attacker(a_minute, attacker, 2);
            print(&played, played.of(name), (begins, after), hashes_a_sec);
        }
    }
}

fn print(played: &Played, account: &Account, (begins, after): (i64, i64), hashes_a_sec: f64) {
    let minutes =
        |millis: Option<i64>| millis.map_or("–".to_owned(), |it| format!("{:.1} min", it as f64 / 60_000.0));
    println!(
        "| {} | {} | {} | {} | {} | {:.2}% after {} min | {:.3}% | {} | {} | {} | {} |",
        account.name,
        account.cast,
        account.flagged,
        account.held,
        minutes(account.until_held),
        100.0 * account.held_after(after),
        after / MINUTE,
        100.0 * played.honest_held(),
        minutes(played.disputed_at().map(|at| at - begins)),
        account.asked_for_work,
        account.without_work,
        number(f64::from(account.asked_for_work) * HASHES / hashes_a_sec),
    );
}

/// An attacker in the words of a command line: what is other about it than about a slow hand, as
/// `networks=5 gap=2000-4000 ballots=900 hour=15 share=0.9 views=yes tokens=saved`. A gap is of so many milliseconds,
/// from so many to so many, or `~6000` on average.
///
/// # Errors
/// What can't be read.
pub(crate) fn attacker_from(words: &str) -> Result<Attacker, String> {
    let mut attacker = Attacker { name: "another", ..SLOW_HAND };
    for word in words.split_whitespace() {
        let read = |text: &str| text.parse::<f64>().map_err(|error| format!("{word}: {error}"));
        match word.split_once('=').ok_or_else(|| format!("{word}: no ="))? {
            ("networks", text) => attacker.networks = read(text)?.max(1.0) as u32,
            ("ballots", text) => attacker.ballots = read(text)? as u32,
            ("hour", text) => attacker.begins = (read(text)? * HOUR as f64) as i64,
            ("share", text) => attacker.one_sided = read(text)?,
            ("views", text) => attacker.sends_views = text == "yes",
            ("tokens", text) => attacker.makes_voters = text != "saved",
            ("gap", text) => {
                attacker.pace = match (text.strip_prefix('~'), text.split_once('-')) {
                    (Some(mean), _) => Pace::Random(read(mean)?),
                    (None, Some((from, to))) => Pace::Between(read(from)?, read(to)?),
                    (None, None) => Pace::Fixed(read(text)?),
                };
            }
            (name, _) => return Err(format!("{name}: no such field")),
        }
    }
    Ok(attacker)
}

/// How many tries of the work one core makes in a second of its time, by the library that the service has too: a salt,
/// a nonce and a counter, which are one block of SHA-256.
fn hashes_a_sec() -> f64 {
    let mut block = [7; 36];
    let begun = own_cpu_secs();
    for counter in 0..MEASURED {
        block[32..].copy_from_slice(&counter.to_be_bytes());
        black_box(digest::digest(&digest::SHA256, black_box(&block)));
    }
    f64::from(MEASURED) / (own_cpu_secs() - begun).max(0.01)
}
