//! Whether the file can be relied on: it is at its path, and undamaged.
//!
//! A process that has a file open can go on writing to it after it was deleted, moved or replaced; everything works,
//! and all of it is lost when the process ends. So after each commit, before it is answered, the paths of the file and
//! its two companions are checked (`stat`): they must lead to the files that were opened. That is three system calls of
//! a microsecond each, beside a wait for the disk. While they lead elsewhere nothing more is written; once they lead
//! back, because somebody moved the file back, the store goes on.
//!
//! A file with a damaged page is not written any more either, until the process is started again: writing on top of
//! damage makes it worse.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU8, Ordering::Relaxed},
};

use rusqlite::ErrorCode;

use crate::store::StoreError;

const SOUND: u8 = 0;
const ASTRAY: u8 = 1;
const DAMAGED: u8 = 2;

/// Shared by all threads; each change is logged once.
pub(super) struct Condition {
    files: [Opened; 3],
    state: AtomicU8,
}

/// A file's identity when it was opened.
struct Opened {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Why nothing was written, for all tasks of the batch.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may pass by itself.
    Away(String),
    /// It does not pass by itself.
    Damaged(String),
}

impl Condition {
    /// Of a database that a connection holds open, and has read from: only then do its companions exist.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        // The companions are beside the file itself, also if the path is a link.
        let real = fs::canonicalize(path)?;
        let beside = |suffix: &str| {
            let mut name = real.clone().into_os_string();
            name.push(suffix);
            Opened::at(name.into())
        };
        let files = [Opened::at(path.to_owned())?, beside("-wal")?, beside("-shm")?];
        Ok(Self { files, state: AtomicU8::new(SOUND) })
    }

    /// The path of the write-ahead log.
    pub(super) fn log_path(&self) -> &Path {
        &self.files[1].path
    }

    /// Whether the file can be relied on, as far as is known.
    pub(super) fn is_sound(&self) -> bool {
        self.state.load(Relaxed) == SOUND
    }

    /// Checks where the paths lead. The first to find a change logs it.
    pub(super) fn look(&self) -> Result<(), Failure> {
        let astray = self.files.iter().find(|file| !file.is_in_its_place());
        match (self.state.load(Relaxed), astray) {
            (DAMAGED, _) => Err(Failure::Damaged("its file is damaged".to_owned())),
            (_, Some(file)) => {
                let file = file.path.display();
                if self.turn(SOUND, ASTRAY) {
                    tracing::error!(
                        %file,
                        "the store's file was deleted, moved or replaced: votes are refused, for they would be lost. \
                         Put back what was there, or stop sawt, restore a backup and start it again. As long as this \
                         process runs, what it had counted can be copied from /proc/{}/fd",
                        std::process::id()
                    );
                }
                Err(Failure::Away(format!("{file} was deleted, moved or replaced")))
            }
            (_, None) => {
                if self.turn(ASTRAY, SOUND) {
                    tracing::info!("the store's file is back in its place, and votes are taken again");
                }
                Ok(())
            }
        }
    }

    /// Whether writing makes sense now.
    pub(super) fn admit(&self) -> Result<(), Failure> {
        if self.is_sound() { Ok(()) } else { self.look() }
    }

    /// Records damage that SQLite has found.
    pub(super) fn note_damage(&self, what: &str) {
        if self.state.swap(DAMAGED, Relaxed) != DAMAGED {
            let file = self.files[0].path.display();
            tracing::error!(
                %file,
                error = what,
                "the store's file is damaged: votes are refused. Stop sawt and keep a copy of the file with its -wal; \
                 then restore a backup, or save what can be read of it (sqlite3 {file} .recover), and start sawt again"
            );
        }
    }

    fn turn(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Relaxed, Relaxed).is_ok()
    }
}

impl Opened {
    fn at(path: PathBuf) -> io::Result<Self> {
        let found = fs::metadata(&path)?;
        Ok(Self { device: found.dev(), inode: found.ino(), path })
    }

    fn is_in_its_place(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }
}

impl Failure {
    pub(super) fn of(error: &rusqlite::Error) -> Self {
        if is_damage(error) { Self::Damaged(error.to_string()) } else { Self::Away(error.to_string()) }
    }

    /// A copy, as an error.
    pub(super) fn to_error(&self) -> StoreError {
        match self {
            Self::Away(why) => StoreError::unavailable(why.clone()),
            Self::Damaged(what) => StoreError::Damaged(what.clone()),
        }
    }
}

/// Whether SQLite says that the file is not what it has written.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
