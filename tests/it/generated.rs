//! What the build script makes of `.proto` files that a test writes.

use std::fs;
use std::path::Path;

/// The generated code for the first of these files, which are pairs of a name and a text; all files
/// of a test are in one package. The message of the error where they are refused.
pub(crate) fn generate(files: &[(&str, &str)]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    for (name, text) in files {
        let path = folder.path().join("proto").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let includes = [folder.path().join("proto")];
    let proto = includes[0].join(files[0].0);
    let result = quorum_codegen::Builder::new().out_dir(&out).compile(&[proto], &includes);
    match result {
        Ok(()) => Ok(read_all(&out)),
        Err(error) => {
            assert_eq!(read_all(&out), "", "nothing was generated");
            Err(error.to_string().replace(&format!("{}/", includes[0].display()), ""))
        }
    }
}

/// The text of all files in a folder, in the order of their names.
fn read_all(folder: &Path) -> String {
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}
