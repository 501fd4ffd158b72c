//! `sawt verify`: checks a log, a snapshot or a receipt, with what it says and the log's keys alone.
//!
//! It trusts neither the service nor its store: it hashes what is served, and compares. What it has found it says in
//! sentences; what it can't check it says too. Docs: `docs/transparency.md`.

mod log;
mod source;
mod statement;
mod story;

use std::fmt::{self, Write as _};

use serde_json::Value;

use self::{
    log::verify_log,
    source::Source,
    statement::{describe_receipt, describe_snapshot},
};
use crate::tlog::{LogProof, VerifierKey};

/// The exit code if something is wrong.
pub const EXIT_WRONG: u8 = 1;
/// The exit code if it can't be said: something is missing, or does not answer.
pub const EXIT_UNKNOWN: u8 = 2;

/// What is to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyRequest {
    /// The address or path of a log, a snapshot or a receipt.
    pub what: String,
    /// The keys that are trusted; if there are none, those that the service publishes.
    pub keys: Vec<VerifierKey>,
    /// Where a log that is fetched is kept, and compared with what was kept before.
    pub keep: Option<std::path::PathBuf>,
}

/// Why something is not verified.
#[derive(Debug, PartialEq, Eq)]
pub enum Unverified {
    /// It is wrong.
    Wrong(String),
    /// It can't be said whether it is.
    Unknown(String),
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(why) => write!(f, "WRONG: {why}"),
            Self::Unknown(why) => write!(f, "not checked: {why}"),
        }
    }
}

impl Unverified {
    /// What the process exits with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Wrong(_) => EXIT_WRONG,
            Self::Unknown(_) => EXIT_UNKNOWN,
        }
    }
}

/// Something is wrong.
fn wrong(why: impl Into<String>) -> Unverified {
    Unverified::Wrong(why.into())
}

/// Something can't be checked.
fn unknown(why: impl Into<String>) -> Unverified {
    Unverified::Unknown(why.into())
}

/// Checks, and says what was found.
///
/// # Errors
/// What is wrong, or can't be checked.
pub fn run(request: &VerifyRequest) -> Result<String, Unverified> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| unknown(error.to_string()))?.block_on(verify(request))
}

async fn verify(request: &VerifyRequest) -> Result<String, Unverified> {
    let VerifyRequest { what, keys, keep } = request;
    let source = Source::of(what)?;
    if source.is_directory() {
        return verify_log(&source, keys, keep.as_deref()).await;
    }
    let found = source.get("").await?;
    let text = String::from_utf8(found).map_err(|_| wrong("it is not text"))?;
    if text.starts_with("c2sp.org/tlog-proof@") {
        return verify_text(&source, keys, &text).await;
    }
    let json: Value = serde_json::from_str(&text).map_err(|_| wrong("it is neither JSON nor a proof"))?;
    let receipt = json.get("receipt").unwrap_or(&json);
    if receipt.get("ballot").is_some() {
        let proof = text_in(receipt, "proof")?;
        let proof = checked(&source, keys, proof).await?;
        return Ok(format!("{}{}", describe_receipt(receipt, &proof.statement)?, proof.signed));
    }
    if json.get("proof").is_some() {
        let said = (json.get("salt"), json.get("statement"), json.get("snapshot"));
        let proof = checked(&source, keys, text_in(&json, "proof")?).await?;
        let of_proof = (Value::from(proof.salt.as_str()), Value::from(proof.statement.as_str()));
        let shown: Option<Value> = serde_json::from_str(&proof.statement).ok();
        if said != (Some(&of_proof.0), Some(&of_proof.1), shown.as_ref()) {
            return Err(wrong("the snapshot says something else than its proof"));
        }
        return Ok(format!("{}{}", describe_snapshot(&proof.statement)?, proof.signed));
    }
    if json.get("origin").is_some() {
        return verify_log(&source, keys, keep.as_deref()).await;
    }
    Err(unknown("it is no log, no snapshot and no receipt"))
}

async fn verify_text(source: &Source, keys: &[VerifierKey], text: &str) -> Result<String, Unverified> {
    let proof = checked(source, keys, text).await?;
    Ok(format!("{}{}", describe_snapshot(&proof.statement)?, proof.signed))
}

/// A proof that was checked.
struct CheckedProof {
    salt: String,
    statement: String,
    /// By whom, as a sentence.
    signed: String,
}

async fn checked(source: &Source, keys: &[VerifierKey], text: &str) -> Result<CheckedProof, Unverified> {
    let proof: LogProof = text.parse().map_err(|fault: crate::tlog::ProofFault| wrong(fault.to_string()))?;
    let published;
    let (keys, whose) = if keys.is_empty() {
        published = source.published_keys(&proof).await?;
        (published.as_slice(), "a key that the service publishes; name one that you trust by --key")
    } else {
        (keys, "the key that you trust")
    };
    let (checkpoint, unchecked) = proof.verify(keys).map_err(|fault| wrong(fault.to_string()))?;
    let mut signed = format!(
        "It is entry {} of the log {}, by a checkpoint of {} entries, signed with {whose}.\n",
        proof.index, checkpoint.origin, checkpoint.size
    );
    if unchecked > 0 {
        // Writing to a String can't fail.
        let _ = writeln!(signed, "Signatures by other keys, not checked: {unchecked}.");
    }
    Ok(CheckedProof { salt: proof.opening.salt, statement: proof.opening.statement, signed })
}

fn text_in<'a>(json: &'a Value, name: &str) -> Result<&'a str, Unverified> {
    json.get(name).and_then(Value::as_str).ok_or_else(|| wrong(format!("it has no {name}")))
}
