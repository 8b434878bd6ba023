use std::fmt;
use std::path::Path;

/// In which form a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A space-time diagram to be looked at in a browser: one file that needs no other, with filters
    /// and a search. A column is a process, time goes down, an arrow is a message; long times in which
    /// nothing happens are shortened, and marked so. What is queued, and how connections come to be, is
    /// left to the text.
    Html,
    /// The same diagram as a picture.
    Svg,
    /// The log of [ShiViz](https://bestchai.bitbucket.io/shiviz/), with vector clocks.
    ShiViz,
    /// The JSON of Chrome's trace viewer, which [Perfetto](https://ui.perfetto.dev) reads.
    Chrome,
    /// One line an event, for people and for snapshots of tests.
    Text,
}

/// A file that is to be written has a name that says no [`Format`].
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot tell the format of a trace from the name {path}: end it in {}", Endings)]
pub struct UnknownFormat {
    path: String,
}

/// Every format has one.
const ENDINGS: [(&str, Format); 5] = [
    ("html", Format::Html),
    ("svg", Format::Svg),
    ("shiviz", Format::ShiViz),
    ("json", Format::Chrome),
    ("txt", Format::Text),
];

impl Format {
    /// The format of the file of this name, by its ending: `.html`, `.svg`, `.shiviz`, `.json` (for
    /// [`Chrome`](Self::Chrome)) or `.txt`.
    ///
    /// # Errors
    ///
    /// [`UnknownFormat`], which lists the endings, when it has none of them.
    ///
    /// ```
    /// use quorum_runtime::trace::Format;
    ///
    /// assert_eq!(Format::of("runs/17.html")?, Format::Html);
    /// let error = Format::of("runs/17.png").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "cannot tell the format of a trace from the name runs/17.png: \
    ///      end it in .html, .svg, .shiviz, .json or .txt"
    /// );
    /// # Ok::<_, quorum_runtime::trace::UnknownFormat>(())
    /// ```
    pub fn of(path: impl AsRef<Path>) -> Result<Self, UnknownFormat> {
        let path = path.as_ref();
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        let format = ENDINGS.into_iter().find(|(known, _)| ending == *known);
        let unknown = || UnknownFormat { path: path.display().to_string() };
        format.map(|(_, format)| format).ok_or_else(unknown)
    }
}

/// The endings as a sentence has them.
struct Endings;

impl fmt::Display for Endings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (ending, _)) in ENDINGS.iter().enumerate() {
            let before = match place {
                0 => "",
                _ if place + 1 == ENDINGS.len() => " or ",
                _ => ", ",
            };
            write!(f, "{before}.{ending}")?;
        }
        Ok(())
    }
}
