//! Both verifiers of transparency logs: sawt's own, and the one in Python that knows the specifications alone.

use std::{fs, path::Path, process::Command};

use sawt::{
    poll::SiteId,
    proof::TransparencyLog,
    tlog::VerifierKey,
    verify::{self, Unverified, VerifyRequest},
};
use serde_json::{Value, json};

const PYTHON_VERIFIER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transparency/verify.py");

/// What sawt's own verifier says.
pub(crate) async fn verified(what: &str, keys: &[String], keep: Option<&Path>) -> Result<String, Unverified> {
    let keys = keys.iter().map(|key| key.parse::<VerifierKey>().unwrap()).collect();
    let request = VerifyRequest { what: what.to_owned(), keys, keep: keep.map(Path::to_owned) };
    tokio::task::spawn_blocking(move || verify::run(&request)).await.unwrap()
}

/// What the other says; `None` if that is that it is wrong.
pub(crate) fn verified_in_python(what: &str, which: &str, keys: &[String]) -> Option<Value> {
    let ran = Command::new("python3").arg("-B").args([PYTHON_VERIFIER, what, which]).args(keys).output().unwrap();
    ran.status.success().then(|| serde_json::from_slice(&ran.stdout).unwrap())
}

/// How many entries a bundle has, and hashes a tile.
const TILE: u64 = 256;

/// Writes a site's logs into a directory, as they are served.
pub(crate) async fn save_logs(log: &TransparencyLog, site: &SiteId, directory: &Path) {
    let logs = log.logs_of(site).await.unwrap();
    let mut index = json!(logs.head);
    index["before"] = json!(logs.before);
    let mut files = vec![("log.json".to_owned(), index.to_string().into_bytes())];
    for head in logs.before.iter().chain([&logs.head]) {
        files.push((format!("{}/checkpoint", head.log), head.checkpoint.clone().into_bytes()));
        for bundle in 0..head.size.div_ceil(TILE) {
            let openings = json!({ "openings": log.openings(site, head.log, bundle).await.unwrap() });
            files.push((format!("{}/openings/{bundle}", head.log), openings.to_string().into_bytes()));
        }
        for (content, hashes) in [("0", head.size), ("entries", head.size), ("1", head.size / TILE)] {
            for tile in 0..hashes.div_ceil(TILE) {
                let name = match hashes - tile * TILE {
                    TILE.. => format!("{content}/{tile:03}"),
                    part => format!("{content}/{tile:03}.p/{part}"),
                };
                let bytes = log.tile(site, head.log, name.parse().unwrap()).await.unwrap();
                files.push((format!("{}/tile/{name}", head.log), bytes));
            }
        }
    }
    for (name, bytes) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
