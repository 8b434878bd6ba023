//! Figures as people read them.

/// Three digits that count, thousands apart: `1.23`, `45.6`, `789`, `1,235`.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => grouped(&format!("{value:.0}")),
    }
}

/// Three digits that count, in little space: `1.2`, `500`, `21.4k`, `1M`.
pub(crate) fn short(value: f64) -> String {
    let (size, unit) = match value.abs() {
        size if size < 999.5 => (value, ""),
        size if size < 999_500.0 => (value / 1e3, "k"),
        _ => (value / 1e6, "M"),
    };
    let digits = match size.abs() {
        size if size < 9.995 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    let text = format!("{size:.digits$}");
    let text = if digits == 0 { &text } else { text.trim_end_matches('0').trim_end_matches('.') };
    format!("{text}{unit}")
}

/// A figure that may not be known.
pub(crate) fn known(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), figure)
}

/// A number of bytes: `0 B`, `1 KiB`, `1.5 MiB`.
pub(crate) fn bytes(count: usize) -> String {
    let (size, unit) = match count {
        0..1024 => (count as f64, "B"),
        1024..1_048_576 => (count as f64 / 1024.0, "KiB"),
        _ => (count as f64 / 1_048_576.0, "MiB"),
    };
    let digits = if size.fract() == 0.0 { 0 } else { 1 };
    format!("{size:.digits$} {unit}")
}

/// `1 node`, `2 nodes`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len() - at;
        if at > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_that_count() {
        let texts =
            [0.0, 1.234, 9.996, 45.67, 99.96, 789.4, 1234.5, 1_234_567.0, -1234.0].map(figure);
        assert_eq!(
            texts,
            ["0.00", "1.23", "10.0", "45.7", "100", "789", "1,234", "1,234,567", "-1,234"]
        );
        assert_eq!(known(None), "–");
    }

    #[test]
    fn short_figures_leave_out_what_is_nought() {
        let texts = [0.0, 0.5, 10.0, 500.0, 999.9, 2_000.0, 21_449.0, 999_600.0, 1.234e6];
        assert_eq!(texts.map(short), ["0", "0.5", "10", "500", "1k", "2k", "21.4k", "1M", "1.23M"]);
    }

    #[test]
    fn bytes_have_the_unit_that_is_short() {
        assert_eq!(
            [0, 1023, 1024, 1536, 1_048_576].map(bytes),
            ["0 B", "1023 B", "1 KiB", "1.5 KiB", "1 MiB"]
        );
    }

    #[test]
    fn one_is_no_plural() {
        assert_eq!([1, 2].map(|count| counted(count, "node")), ["1 node", "2 nodes"]);
    }
}
