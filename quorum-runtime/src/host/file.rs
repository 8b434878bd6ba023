use std::{fs, io};

#[cfg(feature = "sim")]
use super::simulated::SimulatedFile;

/// An open file on the disk of this host: an array of bytes that can grow.
///
/// It can be read and written from several threads; where they meet on the same bytes, the outcome
/// is that of some order, byte by byte. It is closed when it is dropped.
///
/// Its operations wait for the disk: call them inside of [`blocking`](super::blocking).
///
/// # Errors
///
/// Those of the disk. On a simulated host every operation fails from the moment on when the host
/// crashes, so that what destructors write then is not kept.
///
/// # Examples
///
/// ```
/// use quorum_runtime::host::Disk;
///
/// # fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// let file = Disk::folder(folder.path())?.open("log")?;
/// let end = file.len()?;
/// file.write_at(b"entry", end)?;
/// file.sync()?;
///
/// let mut entry = [0; 5];
/// file.read_at(&mut entry, end)?;
/// assert_eq!(&entry, b"entry");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct File(Inner);

#[derive(Debug)]
enum Inner {
    Real(fs::File),
    #[cfg(feature = "sim")]
    Simulated(SimulatedFile),
}

#[expect(clippy::len_without_is_empty, reason = "to ask for the length may fail, and is no test")]
impl File {
    pub(super) const fn real(file: fs::File) -> Self {
        Self(Inner::Real(file))
    }

    #[cfg(feature = "sim")]
    pub(super) const fn simulated(file: SimulatedFile) -> Self {
        Self(Inner::Simulated(file))
    }

    /// Its length, in bytes.
    pub fn len(&self) -> io::Result<u64> {
        match &self.0 {
            Inner::Real(file) => Ok(file.metadata()?.len()),
            #[cfg(feature = "sim")]
            Inner::Simulated(file) => file.len(),
        }
    }

    /// Fills the buffer with the bytes that stand at an offset.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the file ends before the buffer is full;
    /// what the buffer holds then is not said.
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        match &self.0 {
            Inner::Real(file) => positioned::read(file, bytes, offset),
            #[cfg(feature = "sim")]
            Inner::Simulated(file) => file.read_at(bytes, offset),
        }
    }

    /// Writes all of these bytes at an offset. A file that ended before grows, with zeros in between.
    ///
    /// # Errors
    ///
    /// After an error nobody knows which of the bytes were written.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match &self.0 {
            Inner::Real(file) => positioned::write(file, bytes, offset),
            #[cfg(feature = "sim")]
            Inner::Simulated(file) => file.write_at(bytes, offset),
        }
    }

    /// Cuts the file off at a length in bytes, or fills it up with zeros to that.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        match &self.0 {
            Inner::Real(file) => file.set_len(len),
            #[cfg(feature = "sim")]
            Inner::Simulated(file) => file.set_len(len),
        }
    }

    /// Makes all that was written before durable, and the length. The name of a new file is made
    /// durable by [`Disk::sync`](super::Disk::sync).
    ///
    /// # Errors
    ///
    /// After an error nobody knows which writes are durable, and another sync, though it succeeds,
    /// does not make them so (Rebello et al., *Can Applications Recover from fsync Failures?*, ATC
    /// 2020): end the process, and look at what is there when it starts again.
    pub fn sync(&self) -> io::Result<()> {
        match &self.0 {
            Inner::Real(file) => file.sync_data(),
            #[cfg(feature = "sim")]
            Inner::Simulated(file) => file.sync(),
        }
    }
}

#[cfg(unix)]
mod positioned {
    use std::os::unix::fs::FileExt as _;
    use std::{fs, io};

    pub(super) fn read(file: &fs::File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        file.read_exact_at(bytes, offset)
    }

    pub(super) fn write(file: &fs::File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }
}

#[cfg(windows)]
mod positioned {
    use std::os::windows::fs::FileExt as _;
    use std::{fs, io};

    pub(super) fn read(file: &fs::File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match file.seek_read(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    bytes = &mut bytes[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn write(file: &fs::File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match file.seek_write(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    offset += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
