//! The networks of servers, as the operator lists them in a file. No look-up leaves the machine.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;

use crate::client::{AddressRanges, Client, InvalidRanges};

/// The networks; without a file there are none. All workers share them.
#[derive(Debug, Clone, Default)]
pub struct HostingRanges(Option<Arc<RangesFile>>);

#[derive(Debug)]
struct RangesFile {
    path: PathBuf,
    ranges: ArcSwap<AddressRanges>,
}

/// Why a file is no list of networks.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableRanges {
    /// It can't be read.
    #[error("it can't be read: {0}")]
    File(#[from] io::Error),
    /// A line is none.
    #[error(transparent)]
    Line(#[from] InvalidRanges),
}

impl HostingRanges {
    /// Those in a file.
    ///
    /// # Errors
    /// [`UnreadableRanges`].
    pub fn read(path: &Path) -> Result<Self, UnreadableRanges> {
        let ranges = ArcSwap::from_pointee(read(path)?);
        Ok(Self(Some(Arc::new(RangesFile { path: path.to_owned(), ranges }))))
    }

    /// The file they are in.
    pub fn path(&self) -> Option<&Path> {
        self.0.as_ref().map(|file| &*file.path)
    }

    /// Reads the file again, and returns how many ranges there are now. If it is not good, those that were read before
    /// stay.
    ///
    /// # Errors
    /// [`UnreadableRanges`].
    pub fn read_again(&self) -> Result<usize, UnreadableRanges> {
        let Some(file) = &self.0 else { return Ok(0) };
        let ranges = read(&file.path)?;
        let length = ranges.len();
        file.ranges.store(Arc::new(ranges));
        Ok(length)
    }

    /// Whether a client comes from one of them.
    pub fn contain(&self, client: Client) -> bool {
        self.0.as_ref().is_some_and(|file| file.ranges.load().contain(client))
    }

    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        let ranges = ArcSwap::from_pointee(AddressRanges::parse(text).unwrap());
        Self(Some(Arc::new(RangesFile { path: PathBuf::new(), ranges })))
    }
}

fn read(path: &Path) -> Result<AddressRanges, UnreadableRanges> {
    Ok(AddressRanges::parse(&fs::read_to_string(path)?)?)
}

impl fmt::Display for HostingRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().map_or(Ok(()), |path| path.display().fmt(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientRule;

    #[test]
    fn a_file_is_read_again_and_a_bad_one_leaves_what_there_was() {
        let rule = ClientRule::default();
        let client = |address: &str| rule.peer(address.parse().unwrap()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hosts");
        assert!(matches!(HostingRanges::read(&path), Err(UnreadableRanges::File(_))));
        fs::write(&path, "192.0.2.0/24\n").unwrap();
        let (ranges, shared) = {
            let ranges = HostingRanges::read(&path).unwrap();
            (ranges.clone(), ranges)
        };
        let seen = || ["192.0.2.1", "198.51.100.1"].map(|address| shared.contain(client(address)));
        assert_eq!(seen(), [true, false]);
        fs::write(&path, "198.51.100.0/24\nnone\n").unwrap();
        assert_eq!(ranges.read_again().unwrap_err().to_string(), "line 2 is none");
        assert_eq!(seen(), [true, false]);
        fs::write(&path, "198.51.100.0/24\n").unwrap();
        assert_eq!(ranges.read_again().unwrap(), 1);
        assert_eq!(seen(), [false, true]);
    }
}
