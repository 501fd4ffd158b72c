//! The file: making it, checking that it is ours, and opening connections to it.
//!
//! Two numbers in a file's header say what it is: `application_id`, which is ours alone, and `user_version`, the
//! version of the schema. A file without them is not touched. A file of an earlier version is upgraded when it is
//! opened, in one transaction; an earlier sawt refuses it from then on.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, TransactionBehavior};

use super::{condition::Condition, watch::LOG_LIMIT};
use crate::{secret::Secret, store::StoreError};

/// "sawt" in ASCII.
const APPLICATION_ID: i32 = 0x7361_7774;
/// The version of `schema.sql` with all that was added.
const SCHEMA_VERSION: i32 = 4;
/// What has come with each version since the second.
const ADDED: [(i32, &str); 3] =
    [(2, include_str!("added_2.sql")), (3, include_str!("added_3.sql")), (4, include_str!("added_4.sql"))];

/// How long to wait for another process that locks the file (a shell with an open transaction). After that the reader
/// gets 503, which is better than waiting without end.
const BUSY: Duration = Duration::from_secs(1);

/// More than the store has statements, so that each is compiled once per connection.
const STATEMENTS: usize = 128;

/// How much of the file the writer keeps in memory, in KiB (SQLite wants it negative). Used only as the file grows; the
/// ballots of a million voters fit.
const WRITER_CACHE: i32 = -32_768;

/// A file that was found to be ours.
pub(super) struct DatabaseFile {
    path: PathBuf,
}

impl DatabaseFile {
    /// Makes the file if there is none, and checks that it is ours and has the schema.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let file = Self { path: path.to_owned() };
        file.touch().map_err(|error| file.unfit(&format!("can't be opened: {error}")))?;
        let mut db = file.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Checked before anything is changed: the file may be somebody else's.
        let is_new = file.is_new(&db)?;
        file.use_log(&db)?;
        if is_new {
            file.write_schema(&mut db)?;
        }
        upgrade(&mut db)?;
        Ok(file)
    }

    /// A connection that writes, and answers only after the disk has the data.
    pub(super) fn writer(&self) -> Result<Connection, StoreError> {
        let db = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        db.pragma_update(None, "synchronous", "full")?;
        db.pragma_update(None, "cache_size", WRITER_CACHE)?;
        db.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
        Ok(db)
    }

    /// A connection that reads.
    pub(super) fn reader(&self) -> Result<Connection, StoreError> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    /// The condition of the file and its companions, which some connection must hold open.
    pub(super) fn condition(&self) -> Result<Condition, StoreError> {
        Condition::of(&self.path).map_err(StoreError::unavailable)
    }

    /// What is kept under a name.
    pub(super) fn secret(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        Ok(secret(&self.reader()?, name)?)
    }

    /// What is kept under a name, made if it is missing, and whether it was made.
    pub(super) fn kept_secret(&self, name: &str, make: impl FnOnce() -> Secret) -> Result<(Secret, bool), StoreError> {
        let mut db = self.writer()?;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(kept) = secret(&transaction, name)? {
            return Ok((kept, false));
        }
        let secret = make();
        transaction.execute("insert into secrets (name, value) values (?1, ?2)", [name, secret.expose()])?;
        transaction.commit()?;
        Ok((secret, true))
    }

    /// Creates an empty file that only its owner can read, since it will hold secrets. SQLite gives its companions
    /// (`-wal`, `-shm`) the same mode.
    fn touch(&self) -> io::Result<()> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&self.path).map(drop)
    }

    fn connect(&self, access: OpenFlags) -> Result<Connection, StoreError> {
        // Without the URI flag, a path is only a path. Each connection stays on one thread.
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&self.path, flags).map_err(|error| self.refused(error))?;
        db.busy_timeout(BUSY)?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        // A connection opens the log by its name when it first reads: do it now, while that is the right one.
        let _: i64 = db
            .query_row("select count(*) from sqlite_schema", [], |row| row.get(0))
            .map_err(|error| self.refused(error))?;
        Ok(db)
    }

    /// Whether the file is still empty; refused if it is not ours.
    fn is_new(&self, db: &Connection) -> Result<bool, StoreError> {
        let number = |name: &str| {
            db.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(|error| self.refused(error))
        };
        let tables = || db.query_row("select count(*) from sqlite_schema", [], |row| row.get::<_, i64>(0));
        match (number("application_id")?, number("user_version")?) {
            (APPLICATION_ID, 1..=SCHEMA_VERSION) => Ok(false),
            (APPLICATION_ID, newer) if newer > SCHEMA_VERSION => Err(self.unfit(&format!(
                "was written by a newer sawt (schema {newer}, this one knows {SCHEMA_VERSION}); run that one, or name \
                 another file in SAWT_STORE"
            ))),
            (0, 0) if tables()? == 0 => Ok(true),
            _ => Err(self.unfit("is the database of another program; name another file in SAWT_STORE")),
        }
    }

    /// Switches to the write-ahead log, for good.
    fn use_log(&self, db: &Connection) -> Result<(), StoreError> {
        let mode: String = db
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
            .map_err(|error| self.refused(error))?;
        if mode == "wal" {
            return Ok(());
        }
        Err(self.unfit("can't have a write-ahead log there; put it on a local disk"))
    }

    fn write_schema(&self, db: &mut Connection) -> Result<(), StoreError> {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster.
        if self.is_new(&transaction)? {
            transaction.execute_batch(include_str!("schema.sql"))?;
            add_since(&transaction, 1)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        Ok(transaction.commit()?)
    }

    /// What an error while opening says about the file: only a lock may pass by itself.
    fn refused(&self, error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::unavailable(error),
            Some(ErrorCode::NotADatabase) => self.unfit("is not a SQLite database; name another file in SAWT_STORE"),
            _ => self.unfit(&format!("can't be opened: {error}")),
        }
    }

    fn unfit(&self, why: &str) -> StoreError {
        StoreError::Unfit(format!("the file {} {why}", self.path.display()))
    }
}

/// Upgrades a file of ours to this version.
fn upgrade(db: &mut Connection) -> Result<(), StoreError> {
    let version = |db: &Connection| db.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0));
    if version(db)? >= SCHEMA_VERSION {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let before = version(&transaction)?;
    if before < SCHEMA_VERSION {
        if before < 2 {
            // The first files of version 1 had no epochs.
            if !transaction.column_exists(None, "tallies", "epoch")? {
                transaction.execute_batch("alter table tallies add column epoch integer not null default 0")?;
            }
            transaction.execute_batch(include_str!("upgrade_2.sql"))?;
        }
        add_since(&transaction, before)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    Ok(transaction.commit()?)
}

/// Adds what has come after a version.
fn add_since(db: &Connection, before: i32) -> rusqlite::Result<()> {
    ADDED.iter().filter(|(version, _)| *version > before).try_for_each(|(_, tables)| db.execute_batch(tables))
}

fn secret(db: &Connection, name: &str) -> rusqlite::Result<Option<Secret>> {
    let value = db.query_row("select value from secrets where name = ?1", [name], |row| row.get(0)).optional()?;
    Ok(value.map(Secret::new))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn words(refused: Result<DatabaseFile, StoreError>) -> String {
        match refused {
            Err(StoreError::Unfit(words)) => words,
            Err(other) => panic!("not refused as unfit: {other:?}"),
            Ok(_) => panic!("taken"),
        }
    }

    #[test]
    fn a_new_file_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.db");
        let file = DatabaseFile::open(&path).unwrap();
        let db = file.writer().unwrap();
        db.execute("insert into secrets values ('a', 'b')", []).unwrap();
        for name in ["new.db", "new.db-wal", "new.db-shm"] {
            let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn the_writer_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let file = DatabaseFile::open(&folder.path().join("full.db")).unwrap();
        let db = file.writer().unwrap();
        let full: i64 = db.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((full, mode.as_str()), (2, "wal"));
    }

    #[test]
    fn a_log_that_has_grown_is_cut_when_it_begins_anew_while_votes_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = DatabaseFile::open(&folder.path().join("burst.db")).unwrap();
        let db = file.writer().unwrap();
        let length = || std::fs::metadata(folder.path().join("burst.db-wal")).unwrap().len();
        db.execute("insert into secrets values ('burst', printf('%.*c', ?1, 'x'))", [2 * LOG_LIMIT]).unwrap();
        assert!(length() > 2 * LOG_LIMIT);
        db.execute("insert into secrets values ('next', '')", []).unwrap();
        assert!(length() <= LOG_LIMIT, "{}", length());
    }

    #[test]
    fn what_is_not_ours_is_refused_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        Connection::open(path("other.db")).unwrap().execute_batch("create table theirs (a)").unwrap();
        std::fs::write(path("text.db"), "not a database, but long enough to look like the header of one").unwrap();
        drop(DatabaseFile::open(&path("newer.db")).unwrap());
        Connection::open(path("newer.db")).unwrap().pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
        std::fs::create_dir(path("folder.db")).unwrap();
        for (name, part) in [
            ("other.db", "is the database of another program"),
            ("text.db", "is not a SQLite database"),
            ("newer.db", "was written by a newer sawt (schema 5, this one knows 4)"),
            ("folder.db", "can't be opened"),
            ("no/such/folder.db", "can't be opened"),
        ] {
            let before = std::fs::read(path(name)).ok();
            let words = words(DatabaseFile::open(&path(name)));
            assert!(words.contains(part) && words.contains(name), "{words}");
            assert_eq!(std::fs::read(path(name)).ok(), before, "{name}");
        }
    }

    #[test]
    fn a_file_of_before_there_were_epochs_is_brought_to_this_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(include_str!("../../../tests/it/fixtures/before.sql")).unwrap();
        db.execute_batch("alter table tallies drop column epoch").unwrap();
        for _ in 0..2 {
            DatabaseFile::open(&path).unwrap();
            let sum = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!(sum("select sum(epoch) from tallies"), 0);
            assert_eq!(sum("select count(*) from polls where codec = (definition ->> '$.kind' = 'multiple')"), 4);
            assert_eq!(sum("pragma user_version"), i64::from(SCHEMA_VERSION));
        }
    }

    #[test]
    fn a_file_of_the_version_before_is_brought_to_this_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("before.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(concat!(include_str!("schema.sql"), include_str!("added_2.sql"))).unwrap();
        db.execute("insert into secrets values ('a', 'b')", []).unwrap();
        db.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        db.pragma_update(None, "user_version", 2).unwrap();
        drop(DatabaseFile::open(&folder.path().join("new.db")).unwrap());
        let new = Connection::open(folder.path().join("new.db")).unwrap();
        let tables = |db: &Connection| {
            let mut select = db.prepare("select name, sql from sqlite_schema order by name").unwrap();
            let rows = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)));
            rows.unwrap().collect::<Result<Vec<_>, _>>().unwrap()
        };
        for _ in 0..2 {
            DatabaseFile::open(&path).unwrap();
            assert_eq!(tables(&db), tables(&new));
            assert_eq!(db.query_row("select count(*) from secrets", [], |row| row.get(0)), Ok(1_i64));
        }
    }

    #[test]
    fn a_secret_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = DatabaseFile::open(&folder.path().join("secrets.db")).unwrap();
        let (made, is_new) = file.kept_secret("SAWT_SECRET", Secret::generate).unwrap();
        assert!(is_new);
        let again = DatabaseFile::open(&file.path).unwrap();
        assert_eq!(again.kept_secret("SAWT_SECRET", || panic!("made again")).unwrap(), (made.clone(), false));
        assert_ne!(again.kept_secret("SAWT_ADMIN_KEY", Secret::generate).unwrap().0, made);
    }
}
