//! What the system knows of this process, from `/proc`.

use std::fs;

/// The fraction of a second in which the kernel reports processor time to programs, on every processor that sawt is
/// built for (`USER_HZ`).
const TICKS_PER_SEC: f64 = 100.0;

/// What this process uses. Each is `None` where the system does not tell.
#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) cpu_secs: Option<f64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
}

impl Usage {
    /// Read now.
    pub(super) fn read() -> Self {
        let text = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        Self {
            cpu_secs: cpu_secs(&text("stat")),
            resident_bytes: resident_bytes(&text("status")),
            // The directory read here is one of them.
            open_fds: fs::read_dir("/proc/self/fd").ok().and_then(|fds| u64::try_from(fds.count()).ok()),
            max_fds: max_fds(&text("limits")),
        }
    }
}

/// Fields 14 and 15. The second field is the program's name in parentheses, which may contain anything.
fn cpu_secs(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11).map(str::parse::<f64>);
    let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some((user + system) / TICKS_PER_SEC)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1_024)
}

fn max_fds(limits: &str) -> Option<u64> {
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    soft.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read_whatever_the_program_is_called() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 5 0 100 1 1 1";
        assert_eq!(cpu_secs(stat), Some(3.0));
        assert_eq!(resident_bytes("Name:\tsawt\nVmRSS:\t    2048 kB\n"), Some(2_097_152));
        let limits =
            "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096      files\n";
        assert_eq!(max_fds(limits), Some(1_024));
        assert_eq!(max_fds("Max open files            unlimited            unlimited            files\n"), None);
        assert_eq!((cpu_secs(""), resident_bytes("")), (None, None));
    }
}
