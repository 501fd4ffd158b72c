//! Prints what became of each attacker, among few readers and among many.

use super::attack::{
    HOSTING_SCRIPT, ROTATING_PROXIES, SAVED_TOKENS, SLOW_HAND, readers,
    simulation::{Account, Dice, MINUTE, Played, play},
    with_attacker,
};

/// Plays and prints.
pub(crate) fn measure() {
    for a_minute in [5.0, 40.0] {
        println!("\nReaders: {a_minute} a minute on average, a carrier with 1,000, a crowd of 2,000.\n");
        println!("| who | cast | flagged | held | until held | held later | readers held | disputed after |");
        println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
        let played = play(readers(a_minute), 30, &mut Dice::new(1));
        for account in &played.accounts {
            print(&played, account, (0, 0));
        }
        println!("| (incidents without an attacker: {}) |", played.poll.incidents.len());
        for attacker in [HOSTING_SCRIPT, SLOW_HAND, SAVED_TOKENS, ROTATING_PROXIES] {
            let (name, begins) = (attacker.name, attacker.begins);
            let played = with_attacker(a_minute, attacker, 2);
            let after = if name == SLOW_HAND.name { 15 * MINUTE } else { MINUTE };
            print(&played, played.of(name), (begins, after));
        }
    }
}

fn print(played: &Played, account: &Account, (begins, after): (i64, i64)) {
    let minutes =
        |millis: Option<i64>| millis.map_or("–".to_owned(), |it| format!("{:.1} min", it as f64 / 60_000.0));
    println!(
        "| {} | {} | {} | {} | {} | {:.2}% after {} min | {:.3}% | {} |",
        account.name,
        account.cast,
        account.flagged,
        account.held,
        minutes(account.until_held),
        100.0 * account.held_after(after),
        after / MINUTE,
        100.0 * played.honest_held(),
        minutes(played.disputed_at().map(|at| at - begins)),
    );
}
