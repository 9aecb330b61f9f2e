//! Classes of characters, one bit each; test with [`is`] (RFC 3261 §25.1).

/// `token`: alphanumeric and ``-.!%*_+`'~``.
pub const TOKEN: u8 = 1;
/// White space inside a value: SP, HTAB, and the CR LF of a fold.
pub const LWS: u8 = 2;
/// `word`, of a Call-ID: token and ``()<>:\"/[]?{}``.
pub const WORD: u8 = 4;
/// What the value of a header parameter may hold unquoted: all but white space, controls and
/// `" , ; < >`. Wider than the grammar, whose `gen-value` knows only token and host.
pub const VALUE: u8 = 8;
/// Of the user part of a URI, besides escapes.
pub const USER: u8 = 16;
/// Of a URI parameter, besides escapes.
pub const PARAM: u8 = 32;
/// Of any URI: printable ASCII but space and `" < > \ ^ { | }` and the backquote.
pub const URIC: u8 = 64;
/// Of a host name: alphanumeric, `-`, `.`, and `_` that the DNS of many offices has.
pub const HOST: u8 = 128;

/// Whether `octet` is in any of `classes`.
#[inline]
pub const fn is(octet: u8, classes: u8) -> bool {
    #[allow(clippy::indexing_slicing)] // 256 entries, one for each octet
    let found = CLASSES[octet as usize];
    found & classes != 0
}

/// How many octets at the start of `text` are of `class`.
#[inline]
pub(crate) fn run_len(text: &[u8], class: u8) -> usize {
    text.iter().position(|octet| !is(*octet, class)).unwrap_or(text.len())
}

static CLASSES: [u8; 256] = classes();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler alone
const fn classes() -> [u8; 256] {
    const fn add(table: &mut [u8; 256], members: &[u8], class: u8) {
        let mut at = 0;
        while at < members.len() {
            table[members[at] as usize] |= class;
            at += 1;
        }
    }
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        if (octet as u8).is_ascii_alphanumeric() {
            table[octet] |= TOKEN | WORD | USER | PARAM | URIC | HOST;
        }
        if octet > 0x20 && octet != 0x7f {
            table[octet] |= VALUE;
        }
        octet += 1;
    }
    add(&mut table, b" \t\r\n", LWS);
    add(&mut table, b"-.!%*_+`'~", TOKEN | WORD);
    add(&mut table, b"()<>:\\\"/[]?{}", WORD);
    add(&mut table, b"-_.!~*'()&=+$,;?/#", USER); // '#' is dialled, and seen unescaped
    add(&mut table, b"-_.!~*'()[]/:&+$", PARAM);
    add(&mut table, b"-_.!~*'();/?:@&=+$,%[]#", URIC);
    add(&mut table, b"-._", HOST);
    table[b'"' as usize] &= !VALUE;
    table[b',' as usize] &= !VALUE;
    table[b';' as usize] &= !VALUE;
    table[b'<' as usize] &= !VALUE;
    table[b'>' as usize] &= !VALUE;
    table
}
