//! Whether the file can be relied on: that it is where its path leads, and sound.
//!
//! A process that has a file open can go on writing to it after it was deleted, moved away or replaced; everything
//! works, and all of it is gone when the process ends. So after each commit, before it is answered, the path of
//! the file and those of its two companions are looked up (`stat`), and must lead to the very files that were opened.
//! That is three system calls of a microsecond beside a wait for the disk. While they lead elsewhere nothing is written
//! any more; if they lead back, for somebody has moved the file back, the store goes on.
//!
//! A file in which SQLite has found a page that can't be right is not written any more either, until the process is
//! started again: what is written on top of damage makes more of it.

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

/// A file as it was when it was opened.
struct Opened {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Why nothing was written, for all who asked together.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may pass.
    Away(String),
    /// It may not.
    Damaged(String),
}

impl Condition {
    /// Of a database that a connection holds open, and has read from: only then are its companions there.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        // The companions stand beside the file itself, wherever a link to it does.
        let real = fs::canonicalize(path)?;
        let beside = |suffix: &str| {
            let mut name = real.clone().into_os_string();
            name.push(suffix);
            Opened::at(name.into())
        };
        let files = [Opened::at(path.to_owned())?, beside("-wal")?, beside("-shm")?];
        Ok(Self { files, state: AtomicU8::new(SOUND) })
    }

    /// Where the log is.
    pub(super) fn log_path(&self) -> &Path {
        &self.files[1].path
    }

    /// Whether the file can be relied on, as far as is known.
    pub(super) fn is_sound(&self) -> bool {
        self.state.load(Relaxed) == SOUND
    }

    /// Looks where the paths lead. The first to find something says so in the log.
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

    /// Whether there is any use in writing.
    pub(super) fn admit(&self) -> Result<(), Failure> {
        if self.is_sound() { Ok(()) } else { self.look() }
    }

    /// Takes note of damage that SQLite has come upon.
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

    /// The same once more.
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
