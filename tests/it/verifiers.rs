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

/// Writes a site's logs into a directory, as they are served: each has fewer entries than a tile.
pub(crate) async fn save_logs(log: &TransparencyLog, site: &SiteId, directory: &Path) {
    let logs = log.logs_of(site).await.unwrap();
    let mut index = json!(logs.head);
    index["before"] = json!(logs.before);
    let mut files = vec![("log.json".to_owned(), index.to_string().into_bytes())];
    for head in logs.before.iter().chain([&logs.head]) {
        files.push((format!("{}/checkpoint", head.log), head.checkpoint.clone().into_bytes()));
        let openings = log.openings(site, head.log, 0).await.unwrap();
        files.push((format!("{}/openings/0", head.log), json!({ "openings": openings }).to_string().into_bytes()));
        for content in ["0", "entries"] {
            let name = format!("{content}/000.p/{}", head.size);
            let tile = log.tile(site, head.log, name.parse().unwrap()).await.unwrap();
            files.push((format!("{}/tile/{name}", head.log), tile));
        }
    }
    for (name, bytes) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
