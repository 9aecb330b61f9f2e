//! The header extension of an RTP packet (RFC 3550 §5.3.1), and the elements in it (RFC 8285 sections 4.2 and 4.3):
//! a client's audio level is one.

/// An extension: what the profile says of it, and its octets, always a multiple of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// The first 16 bits: 0xBEDE for elements with a header of one octet, 0x1000 to 0x100F for one of two.
    pub profile: u16,
    /// What follows the length.
    pub octets: &'a [u8],
}

const ONE_OCTET: u16 = 0xBEDE;
const TWO_OCTETS: std::ops::RangeInclusive<u16> = 0x1000..=0x100F;
/// In the one-octet form: nobody may read on.
const STOP_ID: u8 = 15;

impl<'a> Extension<'a> {
    /// The extension at the beginning of `octets`, and what follows it.
    // rfc3550 §5.3.1
    pub(crate) fn split(octets: &'a [u8]) -> Option<(Extension<'a>, &'a [u8])> {
        let (&[p0, p1, l0, l1], rest) = octets.split_first_chunk::<4>()?;
        let (octets, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([l0, l1])) * 4)?;
        Some((Extension { profile: u16::from_be_bytes([p0, p1]), octets }, rest))
    }

    pub(crate) fn written_bytes(&self) -> usize {
        4 + self.words() * 4
    }

    /// What is written, in order: of an odd rest or of what is too long for the length, nothing.
    pub(crate) fn pieces(&self) -> [Piece<'a>; 2] {
        let words = self.words();
        let [p0, p1] = self.profile.to_be_bytes();
        let [l0, l1] = u16::try_from(words).unwrap_or_default().to_be_bytes();
        [Piece::Head([p0, p1, l0, l1]), Piece::Rest(self.octets.get(..words * 4).unwrap_or_default())]
    }

    fn words(&self) -> usize {
        (self.octets.len() / 4).min(usize::from(u16::MAX))
    }

    /// Its elements, if it is of RFC 8285. One that ends within an element ends before it.
    pub fn elements(&self) -> Elements<'a> {
        let octets =
            if self.profile == ONE_OCTET || TWO_OCTETS.contains(&self.profile) { self.octets } else { &[] };
        Elements { octets, is_long: self.profile != ONE_OCTET }
    }
}

pub(crate) enum Piece<'a> {
    Head([u8; 4]),
    Rest(&'a [u8]),
}

impl AsRef<[u8]> for Piece<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Piece::Head(octets) => octets,
            Piece::Rest(octets) => octets,
        }
    }
}

/// The elements of an extension: their local identifier, which SDP's `a=extmap` explains, and their octets.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    octets: &'a [u8],
    is_long: bool,
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&first, rest) = self.octets.split_first()?;
            // An identifier of 0 is padding: in the short form its whole octet.
            let (id, length, rest) = match (self.is_long, first) {
                (true, 0) | (false, 0) => {
                    self.octets = rest;
                    continue;
                }
                (true, id) => {
                    let (&length, rest) = rest.split_first()?;
                    (id, usize::from(length), rest)
                }
                (false, head) => (head >> 4, usize::from(head & 0x0F) + 1, rest),
            };
            self.octets = &[];
            if !self.is_long && (id == STOP_ID || id == 0) {
                return None;
            }
            let (octets, rest) = rest.split_at_checked(length)?;
            self.octets = rest;
            return Some((id, octets));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(profile: u16, octets: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let extension = Extension { profile, octets };
        extension.elements().map(|(id, octets)| (id, octets.to_vec())).collect()
    }

    #[test]
    fn elements_of_one_octet() {
        let octets = [0x10, 0x85, 0, 0x22, 1, 2, 3, 0];
        assert_eq!(elements(0xBEDE, &octets), [(1, vec![0x85]), (2, vec![1, 2, 3])]);
        assert_eq!(elements(0xBEDE, &[0x10, 0x85, 0xF0, 0x22]), [(1, vec![0x85])], "15 ends it");
        assert_eq!(elements(0xBEDE, &[0x10, 0x85, 0x23, 1]), [(1, vec![0x85])], "cut short");
    }

    #[test]
    fn elements_of_two_octets() {
        let octets = [1, 0, 0, 2, 3, 7, 8, 9];
        assert_eq!(elements(0x1003, &octets), [(1, vec![]), (2, vec![7, 8, 9])]);
        assert_eq!(elements(0x1000, &[5, 1, 0xAA, 0xF0]), [(5, vec![0xAA])]);
        assert_eq!(elements(0x1234, &octets), [], "of another profile");
    }
}
