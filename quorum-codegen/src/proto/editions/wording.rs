use super::source;

/// What the front end says of a file with this text, in words for its edition, and a mend. None if
/// its words are right.
pub(crate) fn reword(message: &str, text: &str) -> Option<(&'static str, &'static str)> {
    let (_, reworded, help) = REWORDED.iter().find(|(said, ..)| *said == message)?;
    source::to_proto3(text).is_some().then_some((*reworded, *help))
}

const REWORDED: [(&str, &str, &str); 4] = [
    (
        "default values are not allowed in proto3",
        "default values are not supported in an edition",
        "take it away: a field that was not set is `None`, and its reader knows the default",
    ),
    (
        "groups are not allowed in proto3 syntax",
        "groups are not allowed in an edition",
        "declare a message, and a field of its type",
    ),
    (
        "required fields are not allowed in proto3 syntax",
        "required fields are not allowed in an edition",
        "take the word `required` away",
    ),
    (
        "the first value for proto3 enums must be 0",
        "the first value of an open enum must be 0",
        "begin with a value of 0; closed enums are not supported",
    ),
];
