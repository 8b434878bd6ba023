use bytes::Bytes;
use fastrand::Rng;
use prost::Message;

use crate::recorder::Item;

/// A message on the ordered stream, as a peer may write it.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the wire's own names")]
pub struct Frame {
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    #[prost(string, tag = "2")]
    pub method: String,
    #[prost(message, optional, tag = "3")]
    pub status: Option<FrameStatus>,
    #[prost(message, repeated, tag = "4")]
    pub entries: Vec<FrameEntry>,
    #[prost(bytes = "bytes", tag = "5")]
    pub payload: Bytes,
}

/// The status in a reply.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the wire's own names")]
pub struct FrameStatus {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub details: Vec<Bytes>,
}

/// A key and a value of a message's metadata.
#[derive(Clone, PartialEq, Eq, Message)]
#[allow(missing_docs, reason = "the wire's own names")]
pub struct FrameEntry {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

impl Frame {
    /// A request or a reply with a number in its item.
    #[must_use]
    pub fn new(sequence: u64, method: &str, item: &Item) -> Self {
        let payload = item.encode_to_vec().into();
        Self { sequence, method: method.to_owned(), payload, ..Self::default() }
    }

    /// The bytes of it.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// What a peer of ours has sent.
    ///
    /// # Panics
    ///
    /// When it is not well-formed.
    #[must_use]
    pub fn received(bytes: Bytes) -> Self {
        Self::decode(bytes).expect("a frame that is well-formed")
    }

    /// The item in it; without a payload that is the empty one.
    ///
    /// # Panics
    ///
    /// When its payload is no item.
    #[must_use]
    pub fn item(&self) -> Item {
        Item::decode(self.payload.clone()).expect("an item")
    }
}

/// Methods, some of which are there.
const METHODS: [&str; 12] = [
    "recorder.Recorder.Ask",
    "recorder.Recorder.AskBeside",
    "recorder.Recorder.AskAgain",
    "recorder.Recorder.Record",
    "recorder.Recorder.Tell",
    "recorder.Recorder.Note",
    "recorder.Recorder.Beat",
    "recorder.Recorder.Chat",
    "recorder.Absent.Call",
    "recorder.Recorder.",
    "",
    "Ärger.☃",
];
/// Keys of metadata: ours, gRPC's, what is no header, and the application's.
const KEYS: [&str; 14] = [
    "quorum-cancel",
    "quorum-end",
    "quorum-timeout-us",
    "quorum-incarnation",
    "quorum-wire",
    "quorum-",
    "gorums-node-id",
    "grpc-timeout",
    "te",
    ":path",
    "key",
    "Key with\nnewline",
    "",
    "sign-bin",
];
const VALUES: [&str; 10] = [
    "",
    "0",
    "-1",
    "1",
    "18446744073709551615",
    "18446744073709551616",
    "1e300",
    "99999999H",
    "\u{0}\r\n",
    "☃",
];

/// Frames that a hostile or broken peer may send, from a seed.
#[derive(Debug)]
pub struct Frames {
    random: Rng,
    last: Vec<u8>,
}

impl Frames {
    /// The same seed gives the same frames.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { random: Rng::with_seed(seed), last: vec![8, 1] }
    }

    /// A frame that a peer can decode, if only to be surprised. It speaks of one of the sequence
    /// numbers, of a reserved one, or of none that there is.
    pub fn decodable(&mut self, sequences: &[u64]) -> Bytes {
        loop {
            let bytes = self.any(sequences);
            if Frame::decode(&bytes[..]).is_ok() {
                return bytes.into();
            }
        }
    }

    /// A frame that no peer can decode.
    pub fn undecodable(&mut self, sequences: &[u64]) -> Bytes {
        loop {
            let bytes = self.any(sequences);
            if Frame::decode(&bytes[..]).is_err() {
                return bytes.into();
            }
        }
    }

    fn any(&mut self, sequences: &[u64]) -> Vec<u8> {
        let mut bytes = match self.random.u8(0..16) {
            0 => self.noise(64),
            1..=8 => self.frame(sequences).encode_to_vec(),
            _ => {
                let mut bytes = self.frame(sequences).encode_to_vec();
                for _ in 0..=self.random.u8(0..3) {
                    self.mutate(&mut bytes);
                }
                bytes
            }
        };
        if self.random.u8(0..64) == 0 {
            // Fields that come twice: the later one counts, or is added.
            bytes.extend(self.frame(sequences).encode_to_vec());
        }
        self.last.clone_from(&bytes);
        bytes
    }

    /// A well-formed frame whose contents are anything.
    fn frame(&mut self, sequences: &[u64]) -> Frame {
        let random = &mut self.random;
        let known = random.choice(sequences).copied().unwrap_or(1);
        let sequence = match random.u8(0..10) {
            0 => random.u64(..),
            1 => 1 << 63 | known,
            2 => *random.choice([0, u64::MAX, 1 << 63].iter()).expect("there are some"),
            _ => known,
        };
        let method = match random.u8(0..50) {
            0 => "recorder.Recorder.Watch".to_owned(),
            1 => "x".repeat(random.usize(0..10_000)),
            _ => (*random.choice(METHODS.iter()).expect("there are some")).to_owned(),
        };
        let status = (random.u8(0..4) == 0).then(|| self.status());
        let entries = match self.random.u16(0..200) {
            0 => (0..self.random.usize(0..2000)).map(|_| self.entry()).collect(),
            1..=80 => (0..self.random.usize(1..5)).map(|_| self.entry()).collect(),
            _ => Vec::new(),
        };
        let payload = match self.random.u16(0..100) {
            0 => self.noise(64 * 1024).into(),
            1..=10 => self.noise(40).into(),
            11..=30 => Bytes::new(),
            _ => {
                let text = *self.random.choice(["", "fail", "x"].iter()).expect("there are some");
                let item = Item { number: self.random.u64(..), text: text.to_owned() };
                item.encode_to_vec().into()
            }
        };
        Frame { sequence, method, status, entries, payload }
    }

    fn status(&mut self) -> FrameStatus {
        let code = if self.random.bool() { self.random.i32(-1..20) } else { self.random.i32(..) };
        let message = "no ".repeat(self.random.usize(0..20));
        let details = (0..self.random.usize(0..3)).map(|_| self.noise(20).into()).collect();
        FrameStatus { code, message, details }
    }

    fn entry(&mut self) -> FrameEntry {
        let random = &mut self.random;
        let key = (*random.choice(KEYS.iter()).expect("there are some")).to_owned();
        let value = match random.u8(0..20) {
            0 => "v".repeat(random.usize(0..5000)),
            _ => (*random.choice(VALUES.iter()).expect("there are some")).to_owned(),
        };
        FrameEntry { key, value }
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.random.usize(0..=bytes.len());
        match self.random.u8(0..9) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << self.random.u8(0..8),
            2 => bytes.truncate(at),
            3 => {
                let from = self.random.usize(0..=self.last.len());
                let other = self.last[from..].to_vec();
                bytes.splice(at.., other);
            }
            // A length beyond all there is, then one beyond 64 bits.
            4 => drop(bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0x0f])),
            5 => drop(bytes.splice(at..at, [0xff; 11])),
            // Another wire type for the first field.
            6 => bytes[..1.min(at)].iter_mut().for_each(|key| *key ^= self.random.u8(1..8)),
            // A field that nobody knows, of any wire type; groups are nested.
            7 => {
                let key = self.random.u8(6..16) << 3 | self.random.u8(0..6);
                bytes.push(key);
                let value = self.noise(12);
                bytes.extend(value);
            }
            _ => {
                let deep = self.random.usize(1..300);
                bytes.extend(std::iter::repeat_n(0x33, deep));
                bytes.extend(std::iter::repeat_n(0x34, deep));
            }
        }
    }

    /// Bytes by chance.
    pub fn noise(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.random.usize(0..=most)];
        self.random.fill(&mut bytes);
        bytes
    }
}
