//! Atom (RFC 4287, December 2005; pages as RFC 5005 has them): changes for feed readers.
//!
//! Names in it are `tag:` URIs (RFC 4151) made of the log's origin and a leaf's index, both fixed for ever: a registry that moves to
//! another address shows no entry anew.

use std::fmt::Write as _;
use std::io;

use cleartitle_schema::changes::{Change, ChangeList};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::time::Timestamp;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::changes::Asked;

const NAMESPACE: &str = "http://www.w3.org/2005/Atom";

/// The feed's page, whose entries stand with the newest first.
///
/// # Errors
/// What the writer gives.
pub fn feed(operator: &Domain, page: &ChangeList, asked: &Asked) -> io::Result<Vec<u8>> {
    let log = &page.log;
    let mut writer = Writer::new(Vec::new());
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    let name = name(operator, log);
    writer.create_element("feed").with_attribute(("xmlns", NAMESPACE)).write_inner_content(|writer| {
        text(writer, "id", &name)?;
        text(writer, "title", &format!("Changes of the log {log}"))?;
        let updated = page.changes.first().map_or(Timestamp(0), |newest| newest.registered_at);
        text(writer, "updated", &updated.to_string())?;
        author(writer, operator)?;
        link(writer, "self", &address(asked, [("after", asked.after), ("before", asked.before)]))?;
        let (newest, oldest) = (page.changes.first(), page.changes.last());
        // Whatever lies on either side, as far as this page can tell: an empty page beyond costs one question.
        if let Some(oldest) = oldest.filter(|oldest| oldest.index > 0 && (asked.after.is_some() || page.more)) {
            link(writer, "next", &address(asked, [("after", None), ("before", Some(oldest.index))]))?;
        }
        if let Some(newest) = newest.filter(|_| asked.after.is_some() || asked.before.is_some()) {
            link(writer, "previous", &address(asked, [("after", Some(newest.index)), ("before", None)]))?;
        }
        page.changes.iter().try_for_each(|change| entry(writer, &name, operator, change))
    })?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// `tag:registry.example,2026-11:registry.example/log`.
fn name(operator: &Domain, log: &str) -> String {
    let mut name = format!("tag:{operator},2026-11:");
    for byte in log.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:@".contains(&byte) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

/// Where a page lies, relative to the registry: behind a proxy nobody knows its own address.
fn address(asked: &Asked, place: [(&str, Option<u64>); 2]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, index) in place {
        if let Some(index) = index {
            query.append_pair(name, &index.to_string());
        }
    }
    query.append_pair("limit", &asked.limit.to_string());
    if let Some(issuer) = &asked.filter.issuer {
        query.append_pair("issuer", issuer.as_str());
    }
    if let Some(kind) = asked.filter.kind {
        query.append_pair("kind", kind.word());
    }
    format!("/v1/changes.atom?{}", query.finish())
}

type Out = Writer<Vec<u8>>;

fn text(writer: &mut Out, element: &str, content: &str) -> io::Result<()> {
    writer.create_element(element).write_text_content(BytesText::new(content)).map(|_| ())
}

fn link(writer: &mut Out, relation: &str, address: &str) -> io::Result<()> {
    let element = writer.create_element("link").with_attribute(("rel", relation)).with_attribute(("href", address));
    element.write_empty().map(|_| ())
}

fn author(writer: &mut Out, domain: &Domain) -> io::Result<()> {
    let named = |writer: &mut Out| text(writer, "name", domain.as_str());
    writer.create_element("author").write_inner_content(named).map(|_| ())
}

fn entry(writer: &mut Out, feed: &str, operator: &Domain, change: &Change) -> io::Result<()> {
    let inside = |writer: &mut Out| {
        text(writer, "id", &format!("{feed}/changes/{}", change.index))?;
        text(writer, "title", &title(change))?;
        text(writer, "updated", &change.registered_at.to_string())?;
        author(writer, change.issuer.as_ref().unwrap_or(operator))?;
        if let Some(kind) = change.kind {
            writer.create_element("category").with_attribute(("term", kind.word())).write_empty()?;
        }
        if let Some(id) = &change.statement {
            link(writer, "alternate", &format!("/v1/statements/{id}"))?;
        }
        text(writer, "content", &content(change))
    };
    writer.create_element("entry").write_inner_content(inside).map(|_| ())
}

fn title(change: &Change) -> String {
    match (change.kind, &change.issuer, change.withheld) {
        (Some(kind), Some(issuer), _) => format!("{kind} by {issuer}"),
        (_, _, Some(withheld)) => format!("leaf {}: {withheld}", change.index),
        _ => format!("leaf {}", change.index),
    }
}

/// What it names and touches, one fact a line.
fn content(change: &Change) -> String {
    let mut lines = vec![format!("leaf {} of the log", change.index)];
    lines.extend(change.names.iter().map(|named| format!("{} {}", named.relation, named.statement)));
    for touched in &change.hosts {
        lines.push(format!("touches {}{}", touched.host, if touched.subdomains { " and hosts below" } else { "" }));
    }
    if change.hosts_left_off > 0 {
        lines.push(format!("touches {} hosts more", change.hosts_left_off));
    }
    if change.anywhere {
        lines.push("touches documents by their bytes, works or compilations, wherever they are".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_escaped_and_names_last() {
        let operator: Domain = "registry.example".parse().unwrap();
        let page = ChangeList {
            log: "registry.example/a&b<c>\"".to_owned(),
            changes: vec![Change::of(7, Timestamp(1_795_000_000))],
            next: Some(7),
            more: true,
        };
        let xml = String::from_utf8(feed(&operator, &page, &Asked { limit: 1, ..Asked::default() }).unwrap()).unwrap();
        assert!(xml.contains("<title>Changes of the log registry.example/a&amp;b&lt;c&gt;"), "{xml}");
        assert!(
            xml.contains("<id>tag:registry.example,2026-11:registry.example/a%26b%3Cc%3E%22/changes/7</id>"),
            "{xml}"
        );
        assert!(xml.contains("href=\"/v1/changes.atom?before=7&amp;limit=1\""), "{xml}");
    }
}
