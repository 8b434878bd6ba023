use prost_build::Config;

/// Sets prost as the comma-separated parameters of a request say, or says what is wrong with them.
pub(super) fn apply(parameters: &str, prost: &mut Config) -> Result<(), String> {
    for parameter in parameters.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let known = PARAMETERS.iter().find(|known| known.name == name);
        let known =
            known.ok_or_else(|| format!("unknown parameter `{parameter}`\n  {}", help()))?;
        (known.apply)(prost, value).ok_or_else(|| {
            let help = format!("help: write it like `{}`", known.example);
            format!("parameter `{parameter}` has no value that makes sense\n  {help}")
        })?;
    }
    Ok(())
}

/// A setting of prost, which generates the messages.
pub(super) struct Parameter {
    name: &'static str,
    pub(super) example: &'static str,
    pub(super) about: &'static str,
    /// Returns none if the value is not right.
    apply: fn(&mut Config, &str) -> Option<()>,
}

pub(super) static PARAMETERS: [Parameter; 3] = [
    Parameter {
        name: "btree_map",
        example: "btree_map=.storage.State.values",
        about: "maps below this path become BTreeMaps",
        apply: |prost, path| {
            prost.btree_map([proto_path(path)?]);
            Some(())
        },
    },
    Parameter {
        name: "bytes",
        example: "bytes=.storage",
        about: "bytes below this path become prost::bytes::Bytes",
        apply: |prost, path| {
            prost.bytes([proto_path(path)?]);
            Some(())
        },
    },
    Parameter {
        name: "extern_path",
        example: "extern_path=.google.type=::google_type",
        about: "types below this path are declared elsewhere",
        apply: |prost, value| {
            let (path, rust) = value.split_once('=')?;
            syn::parse_str::<syn::Path>(rust).ok()?;
            prost.extern_path(proto_path(path)?, rust);
            Some(())
        },
    },
];

/// A path that begins with a dot, as prost wants them.
fn proto_path(path: &str) -> Option<&str> {
    let is_path = |rest: &str| rest.chars().all(|c| c.is_alphanumeric() || "_.".contains(c));
    path.strip_prefix('.').is_some_and(is_path).then_some(path)
}

fn help() -> String {
    let examples: Vec<_> =
        PARAMETERS.iter().map(|parameter| format!("`{}`", parameter.example)).collect();
    format!("help: the parameters are, by example, {}", examples.join(", "))
}
