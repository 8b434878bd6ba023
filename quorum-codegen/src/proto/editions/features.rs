use prost_reflect::DynamicMessage;

/// What the features of an element come to, where that makes a difference here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Features {
    /// Whether it is known of a field that it was not set.
    pub(super) presence: bool,
    /// Whether repeated numbers are written without a tag for each.
    pub(super) packed: bool,
}

impl Default for Features {
    /// Those of the editions 2023 and 2024.
    fn default() -> Self {
        Self { presence: true, packed: true }
    }
}

impl Features {
    /// What holds for an element that sets these features itself.
    pub(super) fn overridden_by(self, set: &DynamicMessage) -> Self {
        Self {
            presence: value(set, "field_presence").map_or(self.presence, |value| value != IMPLICIT),
            packed: value(set, "repeated_field_encoding")
                .map_or(self.packed, |value| value == PACKED),
        }
    }
}

/// A value of a feature that proto3 has nothing for.
#[derive(Debug)]
pub(super) struct Unsupported {
    pub(super) feature: &'static str,
    value: i32,
    pub(super) message: &'static str,
    pub(super) help: &'static str,
}

/// Those that are set.
pub(super) fn unsupported(set: &DynamicMessage) -> impl Iterator<Item = &'static Unsupported> {
    UNSUPPORTED
        .iter()
        .filter(|unsupported| value(set, unsupported.feature) == Some(unsupported.value))
}

static UNSUPPORTED: [Unsupported; 3] = [
    Unsupported {
        feature: "field_presence",
        value: 3,
        message: "`features.field_presence = LEGACY_REQUIRED` is not supported",
        help: "take it away: a field that was not set is `None`, which the receiver can refuse",
    },
    Unsupported {
        feature: "enum_type",
        value: 2,
        message: "`features.enum_type = CLOSED` is not supported",
        help: "take it away, and let the first value be 0: an open enum keeps numbers that it has \
               no name for",
    },
    Unsupported {
        feature: "message_encoding",
        value: 2,
        message: "`features.message_encoding = DELIMITED` is not supported",
        help: "take it away: messages are written with their length in front",
    },
];

// The numbers of values in `google.protobuf.FeatureSet`.
const IMPLICIT: i32 = 2;
const PACKED: i32 = 1;

fn value(set: &DynamicMessage, feature: &str) -> Option<i32> {
    set.has_field_by_name(feature).then(|| set.get_field_by_name(feature)?.as_enum_number())?
}
