//! The little of XML that event packages need: a document as a tree of the elements we know the namespaces of.
//!
//! Strangers write these documents, so they are bounded in octets and depth, have no document type and hence no
//! entities but the five of XML. Elements of other namespaces, with all that is in them, are read over
//! (RFC 3863 §4.2.3). What the elements mean is in the packages: [`presence`](crate::presence).

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use std::fmt;

/// Most octets of a document. A NOTIFY that brings more is not read.
pub const DOCUMENT_OCTETS_MAX: usize = 64 * 1024;

/// Most elements within each other.
pub const DEPTH_MAX: usize = 16;

/// The namespaces we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// `urn:ietf:params:xml:ns:pidf` (RFC 3863 §4.2.2).
    Pidf,
    /// `urn:ietf:params:xml:ns:pidf:data-model` (RFC 4479 §4).
    DataModel,
    /// `urn:ietf:params:xml:ns:pidf:rpid` (RFC 4480 §5).
    Rpid,
}

const NAMESPACES: [(&str, Namespace); 3] = [
    ("urn:ietf:params:xml:ns:pidf", Namespace::Pidf),
    ("urn:ietf:params:xml:ns:pidf:data-model", Namespace::DataModel),
    ("urn:ietf:params:xml:ns:pidf:rpid", Namespace::Rpid),
];

impl Namespace {
    fn of(resolved: &ResolveResult<'_>) -> Option<Self> {
        let ResolveResult::Bound(namespace) = resolved else { return None };
        NAMESPACES.into_iter().find(|(name, _)| *name == namespace.as_ref()).map(|(_, known)| known)
    }
}

/// One element of a namespace we know, with those within it.
#[derive(Debug)]
pub(crate) struct Element {
    namespace: Namespace,
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    pub(crate) fn is(&self, namespace: Namespace, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    /// Its name without prefix.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn namespace(&self) -> Namespace {
        self.namespace
    }

    /// The attribute of this name without prefix; or `xml:lang`.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// Its own text, without the space around it.
    pub(crate) fn text(&self) -> &str {
        self.text.trim()
    }

    pub(crate) fn children(&self) -> impl Iterator<Item = &Element> {
        self.children.iter()
    }

    /// The elements of this name right within it.
    pub(crate) fn all<'a>(
        &'a self,
        namespace: Namespace,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Element> + use<'a> {
        self.children.iter().filter(move |child| child.is(namespace, name))
    }
}

/// Why a document is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRead {
    /// More octets than [`DOCUMENT_OCTETS_MAX`].
    TooLong,
    /// More elements within each other than [`DEPTH_MAX`].
    TooDeep,
    /// It declares a document type, which is where entities come from that grow.
    DocumentType,
    /// It is not in UTF-8.
    Encoding,
    /// It is no XML, from about this octet on.
    NotXml {
        /// Counted from 0.
        at: usize,
    },
    /// It is XML and no document of this package: its root is another.
    OtherRoot,
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotRead::TooLong => write!(f, "longer than {DOCUMENT_OCTETS_MAX} octets"),
            NotRead::TooDeep => write!(f, "more than {DEPTH_MAX} elements within each other"),
            NotRead::DocumentType => f.write_str("declares a document type"),
            NotRead::Encoding => f.write_str("not in UTF-8"),
            NotRead::NotXml { at } => write!(f, "no XML at octet {at}"),
            NotRead::OtherRoot => f.write_str("another root element than expected"),
        }
    }
}

impl std::error::Error for NotRead {}

/// An element that is open.
enum Open {
    Known(Element),
    /// Of a namespace we do not know, or within such a one.
    Other,
}

/// Reads a document; its root.
pub(crate) fn read(document: &[u8]) -> Result<Element, NotRead> {
    if document.len() > DOCUMENT_OCTETS_MAX {
        return Err(NotRead::TooLong);
    }
    let text = str::from_utf8(document).map_err(|_| NotRead::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some((at, _)) = text.char_indices().find(|(_, character)| !may_stand(*character)) {
        return Err(NotRead::NotXml { at });
    }
    let mut reader = NsReader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    loop {
        let (namespace, event) = match reader.read_resolved_event() {
            Ok((resolved, event)) => (Namespace::of(&resolved), event),
            Err(_) => return Err(not_xml(&reader)),
        };
        let closed = match event {
            Event::Start(start) => {
                if open.len() >= DEPTH_MAX {
                    return Err(NotRead::TooDeep);
                }
                open.push(opened(namespace, &start, open.last()).map_err(|()| not_xml(&reader))?);
                None
            }
            Event::Empty(start) => {
                Some(opened(namespace, &start, open.last()).map_err(|()| not_xml(&reader))?)
            }
            Event::End(_) => open.pop(),
            Event::Text(text) => {
                say(&mut open, &text.xml10_content());
                None
            }
            Event::CData(text) => {
                say(&mut open, &text.xml10_content());
                None
            }
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(None) => predefined(&reference.xml10_content()),
                    Ok(character) => character,
                    Err(_) => None,
                };
                let character = character.filter(|character| may_stand(*character));
                say(&mut open, character.ok_or_else(|| not_xml(&reader))?.encode_utf8(&mut [0; 4]));
                None
            }
            Event::Decl(declaration) => {
                let is_utf_8 = declaration.encoding().is_none_or(|name| {
                    name.is_ok_and(|name| name.eq_ignore_ascii_case("utf-8") || document.is_ascii())
                });
                if !is_utf_8 {
                    return Err(NotRead::Encoding);
                }
                None
            }
            // What it declares may grow without end.
            Event::DocType(_) => return Err(NotRead::DocumentType),
            Event::Comment(_) | Event::PI(_) => None,
            Event::Eof => break,
        };
        match (closed, open.last_mut()) {
            (Some(Open::Known(element)), Some(Open::Known(parent))) => parent.children.push(element),
            (Some(closed), None) if root.is_none() => root = Some(closed),
            // A second root, or text beside the first.
            (Some(_), None) => return Err(not_xml(&reader)),
            (Some(Open::Known(_) | Open::Other), Some(Open::Known(_) | Open::Other)) | (None, _) => {}
        }
    }
    match root {
        Some(Open::Known(root)) if open.is_empty() => Ok(root),
        Some(Open::Other) if open.is_empty() => Err(NotRead::OtherRoot),
        Some(_) | None => Err(not_xml(&reader)),
    }
}

fn not_xml(reader: &NsReader<&[u8]>) -> NotRead {
    NotRead::NotXml { at: usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX) }
}

// rfc3863 §4.2.3: what is within an element that is not known is not known either
fn opened(namespace: Option<Namespace>, start: &BytesStart<'_>, parent: Option<&Open>) -> Result<Open, ()> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| ())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| ())?;
        if !value.chars().all(may_stand) {
            return Err(());
        }
        let name: &str = attribute.key.as_ref();
        if !name.contains(':') || name == "xml:lang" {
            attributes.push((name.to_owned(), value.into_owned()));
        }
    }
    match (namespace, parent) {
        (Some(namespace), None | Some(Open::Known(_))) => Ok(Open::Known(Element {
            namespace,
            name: start.local_name().as_ref().to_owned(),
            attributes,
            children: Vec::new(),
            text: String::new(),
        })),
        (Some(_), Some(Open::Other)) | (None, _) => Ok(Open::Other),
    }
}

fn say(open: &mut [Open], text: &str) {
    if let Some(Open::Known(element)) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// A document may have it, as it is or by a reference: no control but those of lines and columns.
fn may_stand(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        character => character >= ' ',
    }
}

/// The entities that need no declaration.
fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => return None,
    })
}

/// Text as it may stand between tags and in attributes; what XML cannot bear is left out.
pub(crate) fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            // A reader would take them for a space, or for the end of a line.
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            character if may_stand(character) => out.push(character),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIDF: &str = "xmlns='urn:ietf:params:xml:ns:pidf'";

    fn text(document: &str) -> Result<String, NotRead> {
        read(document.as_bytes()).map(|root| root.text().to_owned())
    }

    #[test]
    fn text_is_joined_from_all_its_pieces() {
        // tests rfc3863 §4.1
        let document = format!(
            "\u{feff}<?xml version='1.0'?><!-- x --><a {PIDF}> 1&lt;<![CDATA[<2>]]>&#x20;&#65;<?p?> </a>"
        );
        assert_eq!(text(&document).unwrap(), "1<<2> A");
        let element =
            read(format!("<a {PIDF} b='x&amp;&#10;y' xml:lang='de' q:z='1' xmlns:q='q'/>").as_bytes());
        let element = element.unwrap();
        assert_eq!((element.attribute("b"), element.attribute("xml:lang")), (Some("x&\ny"), Some("de")));
        assert_eq!((element.attribute("q:z"), element.attribute("z")), (None, None));
    }

    #[test]
    fn elements_of_other_namespaces_are_read_over_with_all_that_is_in_them() {
        // tests rfc3863 §4.2.3
        let document = "<p:a xmlns:p='urn:ietf:params:xml:ns:pidf' xmlns='other'><p:b>1</p:b><b>2<p:b>3</p:b></b><c/></p:a>";
        let root = read(document.as_bytes()).unwrap();
        let texts: Vec<&str> = root.all(Namespace::Pidf, "b").map(Element::text).collect();
        assert_eq!((texts, root.children().count(), root.text()), (vec!["1"], 1, ""));
        assert_eq!(read(b"<a xmlns='other'/>").unwrap_err(), NotRead::OtherRoot);
        assert_eq!(read(b"<a/>").unwrap_err(), NotRead::OtherRoot);
    }

    #[test]
    fn what_grows_or_is_too_deep_is_refused() {
        let bomb = format!("<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;'>]><a {PIDF}>&c;</a>");
        assert_eq!(text(&bomb), Err(NotRead::DocumentType));
        assert!(matches!(text(&format!("<a {PIDF}>&c;</a>")), Err(NotRead::NotXml { .. })));
        let deep = |levels: usize| {
            format!("<a {PIDF}>{}{}</a>", "<b>".repeat(levels - 1), "</b>".repeat(levels - 1))
        };
        assert!(text(&deep(DEPTH_MAX)).is_ok());
        assert_eq!(text(&deep(DEPTH_MAX + 1)), Err(NotRead::TooDeep));
        let long = format!("<a {PIDF}>{}</a>", " ".repeat(DOCUMENT_OCTETS_MAX));
        assert_eq!(text(&long), Err(NotRead::TooLong));
    }

    #[test]
    fn what_is_no_xml_is_refused_and_says_where() {
        let same = format!("<a {PIDF}></a><a {PIDF}/>");
        for bad in
            ["", "x", "<a", "<a></b>", "<a><b></a>", "</a>", "<a b='1' b='2'/>", "<a b=1/>", "<q:a/", &same]
        {
            assert!(matches!(text(bad), Err(NotRead::NotXml { .. })), "{bad}: {:?}", text(bad));
        }
        assert_eq!(text(&format!("<a {PIDF}>1</b></a>")), Err(NotRead::NotXml { at: 44 }));
        for bad in ["\u{1b}", "&#27;", "&#x1B;", "\u{ffff}", "&#0;"] {
            assert!(matches!(text(&format!("<a {PIDF}>{bad}</a>")), Err(NotRead::NotXml { .. })), "{bad:?}");
            assert!(
                matches!(text(&format!("<a {PIDF} b='{bad}'/>")), Err(NotRead::NotXml { .. })),
                "{bad:?}"
            );
        }
        assert_eq!(read(b"<a>\xff</a>").unwrap_err(), NotRead::Encoding);
        let latin =
            |body: &str| text(&format!("<?xml version='1.0' encoding='ISO-8859-1'?><a {PIDF}>{body}</a>"));
        assert_eq!((latin("x"), latin("ü")), (Ok("x".to_owned()), Err(NotRead::Encoding)));
    }

    #[test]
    fn what_is_written_is_read() {
        let text = "a<b>&\"c\"'d'\t\r\n\u{1}ü\u{ffff}";
        let mut escaped = String::new();
        escape(text, &mut escaped);
        let root = read(format!("<a {PIDF} b=\"{escaped}\">-{escaped}-</a>").as_bytes()).unwrap();
        let kept = "a<b>&\"c\"'d'\t\r\nü";
        assert_eq!((root.text(), root.attribute("b")), (format!("-{kept}-").as_str(), Some(kept)));
    }
}
