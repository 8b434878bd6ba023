use std::collections::BTreeSet;
use std::io::{self, Write};

use super::columns::Names;
use super::content::Schema;
use super::run::Run;
use super::{Format, chrome, html, shiviz, svg, text};
use crate::observe::{Event, Process};

/// How many events a diagram shows if nothing else is said.
const MAX_DRAWN: usize = 10_000;

/// What happened in one run, at all processes that were observed, to be drawn or written.
///
/// The events may come from any number of observers, and in any order: they are sorted by their times,
/// and where those are the same no effect stands before its cause. Their times are to be of one clock,
/// as those of one process and of one simulation are. Messages are matched as [`Event`] says. One that
/// was sent is *lost* when it was not received, and the connection or a process at its ends broke later,
/// or a later one on the same way came; it is *late* when its call had ended before it came.
///
/// ```
/// use std::sync::Arc;
/// use quorum_runtime::trace::Trace;
/// use quorum_runtime::{EventLog, Majority, Manager, Process, Server};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let [client, node] = [(); 2].map(|()| Arc::new(EventLog::new(1000)));
/// let server = Server::builder().service(RegisterServer::new(Replica::new()));
/// let address = serving(server.observer(Arc::clone(&node))).await;
/// let manager = Manager::builder()
///     .nodes([address])
///     .incarnation(77)
///     .observer(Arc::clone(&client))
///     .build()?;
/// manager.register(Majority)?.write(State::new(1, "hello")).await?;
///
/// let trace = Trace::new([client.take(), node.take()].concat()).name(Process::run(77), "writer");
/// let text = trace.to_text();
/// assert!(text.contains("  writer  called Write #1 at 1 node\n"), "{text}");
/// assert!(text.contains("  node 1  ← writer  Write #1 request\n"), "{text}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Trace {
    /// In the order of their times.
    events: Vec<Event>,
    names: Names,
    schema: Option<Schema>,
    highlighted: BTreeSet<(Process, u64)>,
    max_drawn: usize,
}

/// Bytes that were to be descriptors are none.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "cannot read the descriptors: {0}; they are to be an encoded google.protobuf.FileDescriptorSet"
)]
pub struct DescriptorError(#[source] prost::DecodeError);

impl Trace {
    /// The run in which these events happened.
    #[must_use]
    pub fn new(events: impl IntoIterator<Item = Event>) -> Self {
        let mut events: Vec<_> = events.into_iter().collect();
        events.sort_by_key(|event| event.time);
        let (names, highlighted) = (Names::default(), BTreeSet::new());
        Self { events, names, schema: None, highlighted, max_drawn: MAX_DRAWN }
    }

    /// Names a process, or one run of it. Processes that are no nodes and have the same name are one.
    /// Those that are named stand behind the nodes, in the order in which they got their names.
    ///
    /// Without a name a node is called after its id, and others are numbered in the order in which they
    /// appear: `node 3`, `client 1`.
    ///
    /// ```
    /// use quorum_runtime::trace::Trace;
    /// use quorum_runtime::{Event, EventKind, Process};
    ///
    /// let events = [3, 77, 78].map(|run| Event::new(Process::run(run), EventKind::Started));
    /// let trace = Trace::new(events).name(Process::run(77), "writer").name(Process::run(78), "writer");
    /// let text = trace.to_text();
    /// let lines: Vec<_> = text.lines().map(|line| &line[10..]).collect();
    /// assert_eq!(lines, ["client 1  started", "writer    started", "writer    started"]);
    /// ```
    #[must_use]
    pub fn name(mut self, process: Process, name: impl Into<String>) -> Self {
        self.names.0.push((process, name.into()));
        self
    }

    /// Shows what messages contain with the names of fields. These are the descriptors of the
    /// services, as [`include_file_descriptor_set!`](crate::include_file_descriptor_set) gives them: an
    /// encoded `google.protobuf.FileDescriptorSet`. Without them fields have numbers, and what their
    /// bytes are is guessed.
    ///
    /// There is something to show if the observers asked for it: see
    /// [`Observer::wants_content`](crate::Observer::wants_content).
    ///
    /// # Errors
    ///
    /// [`DescriptorError`] when the bytes are no descriptors.
    ///
    /// ```
    /// use prost::Message as _;
    /// use prost_types::field_descriptor_proto::Type;
    /// use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};
    /// use prost_types::{FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto};
    /// use quorum_runtime::trace::Trace;
    /// use quorum_runtime::{Event, EventKind, Message, Process};
    ///
    /// # fn some<T: From<&'static str>>(text: &'static str) -> Option<T> { Some(text.into()) }
    /// # let mut field = FieldDescriptorProto { name: some("key"), number: Some(1), ..Default::default() };
    /// # field.set_type(Type::String);
    /// # let (name, input_type) = (some("Get"), some(".Key"));
    /// # let method = MethodDescriptorProto { name, input_type, ..Default::default() };
    /// # let (name, method) = (some("Store"), vec![method]);
    /// # let service = ServiceDescriptorProto { name, method, ..Default::default() };
    /// # let (name, field) = (some("Key"), vec![field]);
    /// # let message = DescriptorProto { name, field, ..Default::default() };
    /// # let (message_type, service) = (vec![message], vec![service]);
    /// # let file = FileDescriptorProto { message_type, service, ..Default::default() };
    /// # let store = FileDescriptorSet { file: vec![file] }.encode_to_vec();
    /// let mut event = Event::new(Process::run(77), EventKind::Sent(Message::Request));
    /// event.peer = Some(Process::node(1));
    /// event.method = "Store.Get".into();
    /// event.sequence = 1;
    /// event.content = b"\x0a\x02k7".as_slice().into();
    ///
    /// let trace = Trace::new([event]);
    /// assert!(trace.to_text().contains(r#"→ node 1  Get #1 request  1: "k7""#));
    /// let trace = trace.descriptors(&store)?;
    /// assert!(trace.to_text().contains(r#"→ node 1  Get #1 request  key: "k7""#));
    /// # Ok::<_, quorum_runtime::trace::DescriptorError>(())
    /// ```
    pub fn descriptors(mut self, descriptors: &[u8]) -> Result<Self, DescriptorError> {
        self.schema = Some(Schema::decode(descriptors).map_err(DescriptorError)?);
        Ok(self)
    }

    /// Marks a call in the diagrams: that which this process made with this number. A page is opened
    /// where it begins.
    ///
    /// ```
    /// use quorum_runtime::trace::{Format, Trace};
    /// use quorum_runtime::{Event, EventKind, Process};
    ///
    /// let mut event = Event::new(Process::run(77), EventKind::Called { targets: 3 });
    /// event.sequence = 5;
    /// let mut picture = Vec::new();
    /// Trace::new([event]).highlight(Process::run(77), 5).write(Format::Svg, &mut picture)?;
    /// assert!(String::from_utf8(picture)?.contains(r#"<g class="call hot""#));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn highlight(mut self, caller: Process, sequence: u64) -> Self {
        self.highlighted.insert((caller, sequence));
        self
    }

    /// The most events that a diagram shows; it says so if there are more. They are the first, or
    /// those that end with the last of a [highlighted](Self::highlight) call. Default: 10,000. The
    /// other forms show all events.
    ///
    /// ```
    /// use quorum_runtime::trace::{Format, Trace};
    /// use quorum_runtime::{Event, EventKind, Process};
    ///
    /// let events = (0..5).map(|_| Event::new(Process::node(1), EventKind::Noted("!".into())));
    /// let mut picture = Vec::new();
    /// Trace::new(events).max_drawn(3).write(Format::Svg, &mut picture)?;
    /// assert!(String::from_utf8(picture)?.contains("2 more events are not shown"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn max_drawn(mut self, events: usize) -> Self {
        self.max_drawn = events;
        self
    }

    /// Writes the run in this form.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    ///
    /// ```
    /// use quorum_runtime::trace::{Format, Trace};
    /// use quorum_runtime::{Event, EventKind, Process};
    ///
    /// let trace = Trace::new([Event::new(Process::node(1), EventKind::Started)]);
    /// let mut file = Vec::new();
    /// trace.write(Format::of("run.html")?, &mut file)?;
    /// assert!(file.starts_with(b"<!DOCTYPE html>"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, format: Format, mut out: impl Write) -> io::Result<()> {
        let (run, out) = (self.run(), &mut out);
        match format {
            Format::Html => html::write(&run, &self.diagram(&run), out),
            Format::Svg => svg::write(&run, &self.diagram(&run), out),
            Format::ShiViz => shiviz::write(&run, out),
            Format::Chrome => chrome::write(&run, out),
            Format::Text => text::write(&run, out),
        }
    }

    /// The run as text, one line an event. It is the same whenever the events and their times are, so
    /// a test of a simulated run can compare it.
    ///
    /// ```
    /// use quorum_runtime::trace::Trace;
    /// use quorum_runtime::{Event, EventKind, Process};
    ///
    /// let trace = Trace::new([Event::new(Process::node(1), EventKind::Crashed)]);
    /// assert_eq!(trace.to_text(), "0.000000  node 1  crashed\n");
    /// ```
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = Vec::new();
        // Memory takes all.
        let _ = self.write(Format::Text, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    pub(super) fn run(&self) -> Run<'_> {
        Run::new(&self.events, &self.names, self.schema.as_ref())
    }

    fn diagram(&self, run: &Run<'_>) -> svg::Options {
        let of = |(caller, sequence): &(Process, u64)| run.find_call(*caller, *sequence);
        let highlighted = self.highlighted.iter().filter_map(of).collect();
        svg::Options { highlighted, max_drawn: self.max_drawn }
    }
}
