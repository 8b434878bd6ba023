use std::io;
use std::path::{Component, Path};

use super::File;
use super::folder::Folder;
#[cfg(feature = "sim")]
use super::simulated::SimulatedFolder;

/// A folder of the disk of this host, and the files in it.
///
/// Its operations wait for the disk: call them inside of [`blocking`](super::blocking).
///
/// Names of files are durable only after [`sync`](Self::sync). A file that was made, renamed or
/// removed since then may have either name or none after a crash, even when its contents were
/// synced; a rename happens wholly or not at all.
///
/// # Errors
///
/// Those of the disk, with the path. A name that leads out of the folder, like `../a`, or into
/// another, like `a/b`, is refused as [`InvalidInput`](io::ErrorKind::InvalidInput). On a simulated
/// host every operation fails from the moment on when the host crashes.
///
/// # Examples
///
/// To replace the contents of a file as a whole:
///
/// ```
/// use quorum_runtime::host::Disk;
///
/// # fn main() -> std::io::Result<()> {
/// # let temporary = tempfile::tempdir()?;
/// # let path = temporary.path();
/// let disk = Disk::folder(path)?;
/// let new = disk.open("members.new")?;
/// new.write_at(b"1 2 3", 0)?;
/// new.sync()?;
/// disk.rename("members.new", "members")?;
/// disk.sync()?;
/// assert_eq!(disk.names()?, ["members"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Disk(Inner);

#[derive(Debug)]
enum Inner {
    Real(Folder),
    #[cfg(feature = "sim")]
    Simulated(SimulatedFolder),
}

impl Disk {
    /// A folder, which is made, with those above it, where it is missing.
    ///
    /// Its own name is durable when this returns.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made, or if something else has its name.
    pub fn folder(path: impl AsRef<Path>) -> io::Result<Self> {
        #[cfg(feature = "sim")]
        if let Some(here) = crate::sim::here() {
            return Ok(here.disk().folder(path));
        }
        Folder::open(path.as_ref()).map(|folder| Self(Inner::Real(folder)))
    }

    #[cfg(feature = "sim")]
    pub(super) const fn simulated(folder: SimulatedFolder) -> Self {
        Self(Inner::Simulated(folder))
    }

    /// The file with this name, open for reading and writing. It is made, empty, where there is none.
    pub fn open(&self, name: &str) -> io::Result<File> {
        let name = file_name(name)?;
        match &self.0 {
            Inner::Real(folder) => folder.open_file(name).map(File::real),
            #[cfg(feature = "sim")]
            Inner::Simulated(folder) => folder.open_file(name).map(File::simulated),
        }
    }

    /// Gives a file another name. A file that had this name is no longer there.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if there is no file `from`.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (file_name(from)?, file_name(to)?);
        match &self.0 {
            Inner::Real(folder) => folder.rename(from, to),
            #[cfg(feature = "sim")]
            Inner::Simulated(folder) => folder.rename(from, to),
        }
    }

    /// Removes a file. Where it is open, it stays readable and writable until it is closed.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if there is no such file.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let name = file_name(name)?;
        match &self.0 {
            Inner::Real(folder) => folder.remove(name),
            #[cfg(feature = "sim")]
            Inner::Simulated(folder) => folder.remove(name),
        }
    }

    /// The names of the files, sorted. Folders inside, and names that are no UTF-8, are left out.
    pub fn names(&self) -> io::Result<Vec<String>> {
        match &self.0 {
            Inner::Real(folder) => folder.names(),
            #[cfg(feature = "sim")]
            Inner::Simulated(folder) => folder.names(),
        }
    }

    /// Makes durable which files there are and what they are called. Their contents are made durable
    /// by [`File::sync`].
    ///
    /// On Windows, where folders cannot be synced by themselves, it does nothing.
    ///
    /// # Errors
    ///
    /// After an error nobody knows which changes are durable, and another sync does not tell: end the
    /// process, and look at what is there when it starts again.
    pub fn sync(&self) -> io::Result<()> {
        match &self.0 {
            Inner::Real(folder) => folder.sync(),
            #[cfg(feature = "sim")]
            Inner::Simulated(folder) => folder.sync(),
        }
    }
}

/// The name, if it is that of something right inside of a folder.
fn file_name(name: &str) -> io::Result<&str> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) if part == name => Ok(name),
        _ => {
            let refusal = format!("`{name}` is no name of a file: write one without a path");
            Err(io::Error::new(io::ErrorKind::InvalidInput, refusal))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there_for_the_next_one_who_opens_it() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("a/b");
        let file = Disk::folder(&path).unwrap().open("f").unwrap();
        file.write_at(b"hello", 3).unwrap();
        file.sync().unwrap();

        let disk = Disk::folder(&path).unwrap();
        let file = disk.open("f").unwrap();
        assert_eq!(file.len().unwrap(), 8);
        let mut bytes = [9; 8];
        file.read_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"\0\0\0hello");
        let beyond = file.read_at(&mut bytes, 1).unwrap_err();
        assert_eq!(beyond.kind(), io::ErrorKind::UnexpectedEof);
        file.set_len(4).unwrap();
        assert_eq!(file.len().unwrap(), 4);
    }

    #[test]
    fn files_are_listed_renamed_and_removed() {
        let temporary = tempfile::tempdir().unwrap();
        std::fs::create_dir(temporary.path().join("inner")).unwrap();
        let disk = Disk::folder(temporary.path()).unwrap();
        for name in ["c", "a", "b"] {
            disk.open(name).unwrap().write_at(name.as_bytes(), 0).unwrap();
        }
        disk.rename("a", "b").unwrap();
        disk.sync().unwrap();
        assert_eq!(disk.names().unwrap(), ["b", "c"]);
        let mut byte = [0];
        disk.open("b").unwrap().read_at(&mut byte, 0).unwrap();
        assert_eq!(&byte, b"a");
        disk.remove("c").unwrap();
        assert_eq!(disk.names().unwrap(), ["b"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_the_path() {
        let temporary = tempfile::tempdir().unwrap();
        let disk = Disk::folder(temporary.path()).unwrap();
        let missing = disk.remove("f").unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let path = temporary.path().join("f");
        assert!(missing.to_string().starts_with(&format!("cannot remove {}: ", path.display())));

        disk.open("f").unwrap();
        let not_a_folder = Disk::folder(&path).unwrap_err().to_string();
        assert!(not_a_folder.starts_with("cannot make the folder "), "{not_a_folder}");
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let temporary = tempfile::tempdir().unwrap();
        let disk = Disk::folder(temporary.path().join("inner")).unwrap();
        for name in ["", ".", "..", "../f", "a/f", "/f", "f/", "./f"] {
            let error = disk.open(name).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name}");
            let refusal = format!("`{name}` is no name of a file: write one without a path");
            assert_eq!(error.to_string(), refusal);
        }
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 1);
    }
}
