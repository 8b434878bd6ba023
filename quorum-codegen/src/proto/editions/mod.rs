//! Files that begin with `edition = "2023";` or `"2024"` instead of a syntax.
//!
//! Neither the front end nor prost knows editions, and both know proto3, in which all can be said
//! that an edition says but for a few features. It takes two steps, because the front end has to
//! resolve `[features.… = …]` in between:
//!
//! ```text
//!  edition ──source──▶ proto3 with features ──front end──▶ descriptor ──descriptor──▶ proto3
//! ```
//!
//! **Invariant:** no text moves in the first step, so the places of all errors are those of the
//! file that the user wrote.

mod descriptor;
mod features;
mod header;
mod presence;
mod resolver;
mod source;
mod tokens;
mod wording;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use prost_reflect::DescriptorPool;

use crate::error::Problem;
use crate::proto::position::Includes;
use crate::proto::syntax;

pub(crate) use header::{Header, read};
pub(crate) use resolver::EditionsResolver;
pub(crate) use wording::reword;

/// The files of an edition that were opened. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Editions(Rc<RefCell<Opened>>);

#[derive(Debug, Default)]
struct Opened {
    /// By the names under which they are imported.
    paths: BTreeMap<String, PathBuf>,
    /// What their text says that can't become proto3.
    problems: Vec<Problem>,
    /// The file that is to be compiled, by its name.
    asked_for: Option<(String, PathBuf)>,
}

impl Editions {
    /// The paths of the files on disk.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.0.borrow().paths.values().cloned().collect()
    }

    /// What was found in their text and not yet taken.
    pub(crate) fn take_problems(&self) -> Vec<Problem> {
        std::mem::take(&mut self.0.borrow_mut().problems)
    }

    /// The same files, where those of an edition are proto3 in all that they mean.
    pub(crate) fn lower(
        &self,
        pool: DescriptorPool,
        includes: &Includes,
    ) -> Result<DescriptorPool, Vec<Problem>> {
        if self.0.borrow().paths.is_empty() {
            return Ok(pool);
        }
        let mut lowered = DescriptorPool::new();
        let mut problems = Vec::new();
        for file in pool.files() {
            let mut encoded = file.encode_to_vec();
            if self.0.borrow().paths.contains_key(file.name()) {
                encoded = descriptor::to_proto3(&encoded, includes, &mut problems)
                    .expect("the pool has just encoded it");
            }
            let added = lowered.decode_file_descriptor_proto(&*encoded);
            added.map_err(|error| vec![syntax::in_descriptor(&error, includes)])?;
        }
        if problems.is_empty() { Ok(lowered) } else { Err(problems) }
    }

    fn asked_for(&self, name: &str, path: &Path) {
        self.0.borrow_mut().asked_for = Some((name.to_owned(), path.to_owned()));
    }

    fn opened(&self, name: &str, path: PathBuf, problems: impl Iterator<Item = Problem>) {
        let mut opened = self.0.borrow_mut();
        opened.problems.extend(problems);
        // The front end sees to this in files whose path it knows.
        let asked_for = opened.asked_for.take().filter(|(asked_name, _)| asked_name == name);
        if let Some((_, asked_for)) = asked_for.filter(|(_, asked_for)| !is_same(asked_for, &path))
        {
            opened.problems.push(Problem {
                place: asked_for.display().to_string(),
                message: format!("`{}` has the same name and is found first", path.display()),
                help: Some(
                    "change the order of the includes, or rename one of the files".to_owned(),
                ),
            });
        }
        opened.paths.insert(name.to_owned(), path);
    }
}

/// Whether two paths are the same but for a `./` in front.
fn is_same(a: &Path, b: &Path) -> bool {
    let is_name = |component: &Component<'_>| *component != Component::CurDir;
    a.components().filter(is_name).eq(b.components().filter(is_name))
}
