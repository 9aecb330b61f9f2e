//! Who a source is (SDES), that it leaves (BYE), and what applications say (APP): RFC 3550 §6.5 to §6.7.

use super::{Raw, word, words};

/// The item that names a source for as long as it lives.
// rfc3550 §6.5.1
pub const SDES_CNAME: u8 = 1;

/// SDES: descriptions of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    chunks: &'a [u8],
    count: u8,
}

/// The description of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Which source.
    pub ssrc: u32,
    items: &'a [u8],
}

impl<'a> Description<'a> {
    // rfc3550 §6.5, §A.5
    pub(super) fn read(raw: Raw<'a>) -> Option<Description<'a>> {
        let description = Description { chunks: raw.body, count: raw.count };
        let whole = description.chunks().count();
        (whole == usize::from(raw.count)).then_some(description)
    }

    /// One chunk for each source.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk<'a>> + use<'a> {
        let mut rest = self.chunks;
        std::iter::from_fn(move || {
            let (chunk, after) = Chunk::split(rest)?;
            rest = after;
            Some(chunk)
        })
        .take(usize::from(self.count))
    }
}

impl<'a> Chunk<'a> {
    fn split(octets: &'a [u8]) -> Option<(Chunk<'a>, &'a [u8])> {
        let (ssrc, all) = word(octets)?;
        let mut rest = all;
        while let Some((_, _, after)) = item(rest)? {
            rest = after;
        }
        let items = all.get(..all.len() - rest.len())?;
        // The zero that ends the items, and zeros up to the next word.
        let (_, after) = all.split_at_checked(items.len() / 4 * 4 + 4)?;
        Some((Chunk { ssrc, items }, after))
    }

    /// Its items: type and text.
    pub fn items(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut rest = self.items;
        std::iter::from_fn(move || {
            let (item_type, text, after) = item(rest).flatten()?;
            rest = after;
            Some((item_type, text))
        })
    }

    /// The canonical name.
    pub fn cname(&self) -> Option<&'a [u8]> {
        self.items().find(|(item_type, _)| *item_type == SDES_CNAME).map(|(_, text)| text)
    }
}

/// The first item, its text, and what follows; `Some(None)` if a zero says that there is none, `None` if it is cut
/// short.
#[expect(clippy::type_complexity, reason = "three pieces of one slice")]
fn item(octets: &[u8]) -> Option<Option<(u8, &[u8], &[u8])>> {
    let (&item_type, rest) = octets.split_first()?;
    if item_type == 0 {
        return Some(None);
    }
    let (&length, rest) = rest.split_first()?;
    let (text, after) = rest.split_at_checked(usize::from(length))?;
    Some(Some((item_type, text, after)))
}

/// BYE: sources that leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bye<'a> {
    ssrcs: &'a [u8],
    reason: Option<&'a [u8]>,
}

impl<'a> Bye<'a> {
    // rfc3550 §6.6
    pub(super) fn read(raw: Raw<'a>) -> Option<Bye<'a>> {
        let (ssrcs, rest) = raw.body.split_at_checked(usize::from(raw.count) * 4)?;
        let reason = match rest.split_first() {
            None => None,
            Some((&length, text)) => Some(text.get(..usize::from(length))?),
        };
        Some(Bye { ssrcs, reason })
    }

    /// Which.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        words(self.ssrcs)
    }

    /// Why: a text.
    pub fn reason(&self) -> Option<&'a [u8]> {
        self.reason
    }
}

/// APP: what an application says to its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Application<'a> {
    /// Five bits.
    pub subtype: u8,
    /// Who sends it.
    pub ssrc: u32,
    /// Four letters.
    pub name: [u8; 4],
    /// What the application makes of it.
    pub octets: &'a [u8],
}

impl<'a> Application<'a> {
    // rfc3550 §6.7
    pub(super) fn read(raw: Raw<'a>) -> Option<Application<'a>> {
        let (ssrc, rest) = word(raw.body)?;
        let (name, octets) = rest.split_first_chunk()?;
        Some(Application { subtype: raw.count, ssrc, name: *name, octets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{Compound, RtcpError, RtcpPacket};

    #[test]
    fn two_sources_are_described() {
        // tests rfc3550 §6.5, §6.5.1, §A.5
        let datagram = [
            &[0x82, 202, 0, 7][..],
            &[0, 0, 0, 7, 1, 3, b'a', b'@', b'b', 2, 1, b'A', 0, 0, 0, 0],
            &[0, 0, 0, 9, 1, 1, b'x', 6, 0, 0, 0, 0],
        ]
        .concat();
        let packets: Vec<RtcpPacket> = Compound::parse(&datagram).unwrap().packets().collect();
        let [RtcpPacket::Description(description)] = packets[..] else { panic!("{packets:?}") };
        let chunks: Vec<Chunk> = description.chunks().collect();
        assert_eq!((chunks[0].ssrc, chunks[0].cname()), (7, Some(&b"a@b"[..])));
        assert_eq!(chunks[0].items().collect::<Vec<_>>(), [(1, &b"a@b"[..]), (2, &b"A"[..])]);
        assert_eq!((chunks[1].ssrc, chunks[1].items().count(), chunks.len()), (9, 2, 2));
    }

    #[test]
    fn a_description_that_is_cut_short_is_refused() {
        // tests rfc3550 §6.5
        let refused = |octets: &[u8]| Compound::parse(octets).unwrap_err() == RtcpError::Short(202);
        assert!(refused(&[0x81, 202, 0, 0]), "no source");
        assert!(refused(&[0x81, 202, 0, 1, 0, 0, 0, 7]), "no end of its items");
        assert!(refused(&[0x81, 202, 0, 2, 0, 0, 0, 7, 1, 2, b'a', b'b']), "no zero");
        assert!(refused(&[0x81, 202, 0, 2, 0, 0, 0, 7, 1, 3, b'a', b'b']), "a text too long");
        assert!(Compound::parse(&[0x81, 202, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0]).is_ok(), "an empty one");
        assert!(Compound::parse(&[0x80, 202, 0, 0]).is_ok(), "none");
    }

    #[test]
    fn who_leaves_may_say_why() {
        // tests rfc3550 §6.6
        let datagram = [0x82, 203, 0, 3, 0, 0, 0, 7, 0, 0, 0, 9, 2, b'o', b'k', 0];
        let packets: Vec<RtcpPacket> = Compound::parse(&datagram).unwrap().packets().collect();
        let [RtcpPacket::Bye(bye)] = packets[..] else { panic!("{packets:?}") };
        assert_eq!((bye.ssrcs().collect::<Vec<_>>(), bye.reason()), (vec![7, 9], Some(&b"ok"[..])));
        assert_eq!(Compound::parse(&[0x80, 203, 0, 1, 4, 0, 0, 0]), Err(RtcpError::Short(203)));
        assert_eq!(Compound::parse(&[0x83, 203, 0, 1, 4, 0, 0, 0]), Err(RtcpError::Short(203)));
    }

    #[test]
    fn an_application_says_what_it_likes() {
        // tests rfc3550 §6.7
        let datagram = [0x85, 204, 0, 3, 0, 0, 0, 7, b'n', b'a', b'm', b'e', 1, 2, 3, 4];
        let packets: Vec<RtcpPacket> = Compound::parse(&datagram).unwrap().packets().collect();
        let expected = Application { subtype: 5, ssrc: 7, name: *b"name", octets: &[1, 2, 3, 4] };
        assert_eq!(packets, [RtcpPacket::Application(expected)]);
        assert_eq!(Compound::parse(&[0x85, 204, 0, 1, 0, 0, 0, 7]), Err(RtcpError::Short(204)));
    }
}
