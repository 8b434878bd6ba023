//! Files with the keys of the one writer: `writer.key` signs, `writer.pub` verifies. Both are hexadecimal.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::signature::Authority;

/// How many bytes a public key has.
const PUBLIC: usize = 32;

/// The authority in a file: with a private key a writer, with a public one a reader.
pub(crate) fn read(file: &Path) -> anyhow::Result<Authority> {
    let shown = file.display();
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read the key in {shown}"))?;
    let wrong = || format!("{shown} has no key: make a pair with `storage make-keys FOLDER`");
    let bytes = decode(text.trim()).with_context(wrong)?;
    if bytes.len() == PUBLIC {
        return Ok(Authority { public: bytes, pair: None });
    }
    Authority::writer(&bytes).with_context(wrong)
}

/// The pair in a folder, which is made where it is missing; without a folder a new one.
pub(crate) fn in_folder(folder: Option<&Path>) -> anyhow::Result<Authority> {
    let Some(folder) = folder else {
        return generate().map(|(_, authority)| authority);
    };
    let private = private(folder);
    if !private.exists() {
        make(folder)?;
    }
    read(&private)
}

/// Makes a new pair in a folder, and gives the names of the files.
pub(crate) fn make(folder: &Path) -> anyhow::Result<[PathBuf; 2]> {
    let files = [private(folder), folder.join("writer.pub")];
    if let Some(there) = files.iter().find(|file| file.exists()) {
        bail!("{} is there already: what it has signed could not be verified", there.display());
    }
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let (pair, authority) = generate()?;
    write(&files[1], &authority.public, 0o644)?;
    write(&files[0], &pair, 0o600)?;
    Ok(files)
}

impl Authority {
    /// A new key pair, as PKCS #8.
    fn generate() -> Option<Vec<u8>> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok()?;
        Some(pkcs8.as_ref().to_vec())
    }

    /// One who writes, if that is such a pair.
    fn writer(pkcs8: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_pkcs8(pkcs8).ok().map(Self::of)
    }

    /// A writer whose key everybody can make, for tests.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn from_seed(seed: [u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(&seed).ok().map(Self::of)
    }

    fn of(pair: Ed25519KeyPair) -> Self {
        Self { public: pair.public_key().as_ref().to_vec(), pair: Some(Arc::new(pair)) }
    }
}

fn private(folder: &Path) -> PathBuf {
    folder.join("writer.key")
}

fn generate() -> anyhow::Result<(Vec<u8>, Authority)> {
    let pair = Authority::generate().context("the system gives no random numbers for a key")?;
    let authority = Authority::writer(&pair).context("the new key is none")?;
    Ok((pair, authority))
}

fn write(file: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}")?;
    }
    text.push('\n');
    let written = options.open(file).and_then(|mut opened| {
        opened.write_all(text.as_bytes())?;
        opened.sync_all()
    });
    written.with_context(|| format!("cannot write {}", file.display()))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<_>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let bytes = digits?;
    let bytes = bytes.chunks(2).map(|pair| match *pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_made_once_and_read_as_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let authority = in_folder(Some(folder.path())).unwrap();
        assert!(authority.can_write());
        let reader = read(&folder.path().join("writer.pub")).unwrap();
        assert!(!reader.can_write());
        assert_eq!(reader.public, authority.public);
        let again = in_folder(Some(folder.path())).unwrap();
        assert_eq!(again.public, authority.public);
        let error = make(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is there already"), "{error}");
    }

    #[test]
    fn what_is_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "0", "xy", "00", "é"] {
            let file = folder.path().join("key");
            fs::write(&file, text).unwrap();
            let error = read(&file).unwrap_err().to_string();
            assert!(error.contains("has no key: make a pair"), "{error}");
        }
    }
}
