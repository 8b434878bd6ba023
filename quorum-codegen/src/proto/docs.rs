//! Comments of a `.proto` as documentation of Rust.

/// Makes a comment mean text in Markdown: an indented block or an unnamed fence would become a
/// test of the user's crate, and a bracket a broken link.
pub(crate) fn harmless(comment: &[String]) -> Vec<String> {
    let mut fenced = false;
    let mut lines: Vec<String> = comment
        .iter()
        .map(|line| {
            let text = line.trim();
            if text.starts_with("```") {
                fenced = !fenced;
                return if fenced { "```text".to_owned() } else { "```".to_owned() };
            }
            if fenced {
                return line.trim_end().to_owned();
            }
            text.replace('[', "\\[").replace(']', "\\]").replace('<', "\\<")
        })
        .collect();
    if fenced {
        lines.push("```".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(comment: &str) -> String {
        harmless(&comment.lines().map(str::to_owned).collect::<Vec<_>>()).join("\n")
    }

    #[test]
    fn an_indented_block_is_no_code() {
        assert_eq!(rendered(" Read:\n\n     let x = 1;"), "Read:\n\nlet x = 1;");
    }

    #[test]
    fn a_fence_is_text_and_is_closed() {
        assert_eq!(rendered(" ```\n x\n ```"), "```text\n x\n```");
        assert_eq!(rendered(" ```rust\n x"), "```text\n x\n```");
    }

    #[test]
    fn brackets_are_no_links_and_no_tags() {
        assert_eq!(rendered(" See [Other] and <key>."), "See \\[Other\\] and \\<key>.");
    }
}
