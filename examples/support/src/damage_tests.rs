//! A store of which a byte is flipped or the end is missing: what is read is right, or nothing is.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use redb::{ReadTransaction, ReadableTable as _, StorageBackend, TableDefinition};

use crate::identity::Identity;
use crate::stopped::Stopped;
use crate::store::{Reason, Store};

const TABLE: TableDefinition<&str, &[u8]> = TableDefinition::new("table");
const LAST: u8 = 3;
const FORMAT: &str = "damage 1";

/// A file whose bytes are there to be taken and changed. Clones are handles of the same.
#[derive(Clone, Debug, Default)]
struct Image(Arc<Mutex<Vec<u8>>>);

impl Image {
    fn of(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(bytes)))
    }

    fn bytes(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for Image {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes();
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let found = bytes.get(offset..offset + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.bytes().resize(usize::try_from(len).map_err(io::Error::other)?, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        self.bytes()[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }
}

type Contents = BTreeMap<String, Vec<u8>>;

fn me() -> Identity {
    Identity::new("blue", 3)
}

/// What the last of some commits writes; those before it write another last byte.
fn written() -> Contents {
    let value = |key| [&[key; 300][..], &[LAST]].concat();
    (0..30).map(|key| (format!("key {key:02}"), value(key))).collect()
}

/// The bytes of a store that was closed, and of one whose process was killed.
fn images() -> [(&'static str, Vec<u8>); 2] {
    let image = Image::default();
    let fill = |transaction: &redb::WriteTransaction| {
        transaction.open_table(TABLE)?;
        Ok(())
    };
    let store = Store::on(image.clone(), FORMAT, &me(), fill).unwrap();
    for commit in 0..=LAST {
        let transaction = store.begin_write().unwrap();
        let mut table = transaction.open_table(TABLE).unwrap();
        for (key, mut value) in written() {
            value[300] = commit;
            table.insert(key.as_str(), value.as_slice()).unwrap();
        }
        drop(table);
        transaction.commit().unwrap();
    }
    let killed = image.bytes().clone();
    store.close().unwrap();
    let closed = image.bytes().clone();
    [("closed", closed), ("killed", killed)]
}

/// Everything in a store, as its node finds it.
fn opened(file: Image) -> Result<Contents, Reason> {
    let store = Store::reopened(file, FORMAT, &me())?;
    Ok(read(&store.begin_read().unwrap()))
}

/// The same, as another finds it.
fn stopped(file: Image) -> Result<Contents, Reason> {
    let store = Stopped::on(file, FORMAT)?;
    assert_eq!(store.identity(), &me());
    Ok(read(&store.begin_read().unwrap()))
}

fn read(transaction: &ReadTransaction) -> Contents {
    let table = transaction.open_table(TABLE).unwrap();
    let mut contents = Contents::new();
    for entry in table.iter().unwrap() {
        let (key, value) = entry.unwrap();
        contents.insert(key.value().to_owned(), value.value().to_vec());
    }
    contents
}

/// How a damaged store was met, by its node and by others: `true` when it was refused.
fn is_refused(damaged: Vec<u8>, what: &str) -> bool {
    let image = Image::of(damaged.clone());
    let is_refused =
        |open: fn(Image) -> Result<Contents, Reason>| match catch_unwind(AssertUnwindSafe(|| {
            open(image.clone())
        })) {
            Err(_) => panic!("{what}: panics"),
            Ok(Ok(contents)) => {
                assert!(contents == written(), "{what}: something else is read");
                false
            }
            Ok(Err(Reason::Damaged(_) | Reason::NoStore)) => true,
            Ok(Err(other)) => panic!("{what}: {other}"),
        };
    let by_others = is_refused(stopped);
    assert!(*image.bytes() == damaged, "{what}: the file was changed");
    let by_node = is_refused(opened);
    assert!(!by_node || *image.bytes() == damaged, "{what}: the file was changed");
    assert_eq!(by_others, by_node, "{what}");
    by_node
}

#[test]
fn a_store_that_was_closed_or_killed_is_read_as_it_was() {
    for (name, image) in images() {
        assert!(!is_refused(image, name));
    }
}

#[test]
fn a_flipped_byte_is_harmless_or_refused() {
    for (name, image) in images() {
        // All bits of the header, all bytes of the commit slots, and behind them one in each line that
        // holds something.
        let header = (0..64 * 8).map(|bit| (bit / 8, 1 << (bit % 8)));
        let slots = (64..320).map(|byte| (byte, 0xff));
        let lines = image.chunks(61).enumerate().filter(|(_, line)| line.iter().any(|b| *b != 0));
        let behind = lines.map(|(line, _)| (line * 61 + line % 61, 1 << (line % 8)));
        let mut refused = 0;
        for (byte, bits) in header.chain(slots).chain(behind) {
            let mut damaged = image.clone();
            damaged[byte.min(image.len() - 1)] ^= bits;
            refused += u32::from(is_refused(damaged, &format!("{name}, byte {byte}, {bits:x}")));
        }
        assert!(refused > 700, "{name}: only {refused} were in use");
    }
}

#[test]
fn a_file_that_was_cut_is_refused() {
    for (name, image) in images() {
        let in_use = image.iter().rposition(|byte| *byte != 0).unwrap();
        let pages = (0..image.len()).step_by(4096);
        let odd = [1, 9, 63, 64, 319, 4095, 4097, 10_000, image.len() - 1];
        for len in pages.chain(odd) {
            let mut damaged = image.clone();
            damaged.truncate(len);
            let what = format!("{name}, cut at {len}");
            assert!(is_refused(damaged, &what) || len > in_use, "{what}");
        }
    }
}
