use std::collections::BTreeSet;
use std::io::{self, Write};

use super::escape::{clean, xml};
use super::run::Run;
use super::svg::{Diagram, LEGEND, Options, STYLE};

/// How the page around the diagram looks.
const PAGE_STYLE: &str = include_str!("html/page.css");

/// What the page does: filters, search, and what is shown where one points.
const SCRIPT: &str = include_str!("html/page.js");

/// Writes a page that needs no other file, and may load none.
pub(super) fn write(run: &Run<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let diagram = Diagram::new(run, options);
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\" class=\"quorum-trace\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>Space-time diagram</title>\n<style>\n{STYLE}{PAGE_STYLE}</style>\n</head>\n<body>"
    )?;
    controls(run, &diagram, out)?;
    let (width, height) = (diagram.width(), diagram.height());
    writeln!(out, "<main>\n<div class=\"heads\" style=\"width:{width}px\">")?;
    for column in diagram.lanes() {
        let (x, title) = (diagram.x(column), xml(run.title(column)));
        let says = xml(&runs(run, column));
        writeln!(
            out,
            "<button type=\"button\" data-column=\"{column}\" style=\"left:{x}px\" \
             title=\"{says}\" aria-pressed=\"false\">{title}</button>"
        )?;
    }
    writeln!(
        out,
        "</div>\n<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"Space-time diagram\">"
    )?;
    diagram.draw(out)?;
    writeln!(out, "</svg>\n</main>\n<div class=\"says\" hidden></div>")?;
    writeln!(out, "<script>\n{SCRIPT}</script>\n</body>\n</html>")
}

/// What stands above the diagram.
fn controls(run: &Run<'_>, diagram: &Diagram<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<header>\n<p class=\"what\">{}</p>\n<p class=\"legend\">",
        xml(&diagram.summary())
    )?;
    for (class, shape, word) in LEGEND {
        writeln!(
            out,
            "<span><svg width=\"24\" height=\"8\"><g class=\"{class}\">{shape}</g></svg>\
             {word}</span>"
        )?;
    }
    writeln!(
        out,
        "</p>\n<form>\n<label>method <select name=\"method\"><option value=\"\">all</option>"
    )?;
    let methods = run.calls.calls.iter().map(|call| clean(run.short_name(&call.method)));
    for method in methods.filter(|method| !method.is_empty()).collect::<BTreeSet<_>>() {
        let method = xml(&method);
        writeln!(out, "<option value=\"{method}\">{method}</option>")?;
    }
    out.write_all(
        b"</select></label>\n<label>messages <select name=\"fate\"><option value=\"\">all</option>\
          <option value=\"lost\">lost</option><option value=\"late\">late</option>\
          <option value=\"error\">errors</option></select></label>\n\
          <label>search <input type=\"search\" name=\"text\" \
          placeholder=\"content, call, time \xe2\x80\xa6\"></label>\n\
          <output></output>\n<button type=\"reset\">show all</button>\n\
          <span class=\"hint\">click a column's name to see only what it has to do with, a call or a \
          message to follow it; Enter goes to the next that was found</span>\n</form>\n</header>\n",
    )
}

/// What is to be known of a column besides its title.
fn runs(run: &Run<'_>, column: usize) -> String {
    let runs = &run.columns.columns[column].runs;
    let numbers: Vec<_> = runs.iter().take(10).map(|run| format!("{run:016x}")).collect();
    let more = if runs.len() > numbers.len() { " …" } else { "" };
    format!("incarnations: {}{more}", numbers.join(", "))
}
