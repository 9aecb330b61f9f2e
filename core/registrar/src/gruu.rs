//! GRUUs: URIs that lead to one device of an address-of-record (RFC 5627): [`Gruus`] makes them and reads
//! them back, a [`Gruu`] knows its bindings.
//!
//! ```text
//! public     sip:alice@example.org;gr=urn:uuid:...             the instance id stands in it (A.1)
//! temporary  sip:tgruu.<80 characters>@example.org;gr          hides user and instance
//!            text( 10 noise | 8 run | 32 user | 10 MAC )        run and user are encrypted
//! ```
//!
//! Neither costs memory. A temporary one holds the user and the *run* of its instance, a number that
//! every binding of the instance carries. A new run begins when the instance is registered afresh or with
//! another Call-ID, and the GRUUs of the run before are then nobody's. All temporary ones have the same
//! length, so that nothing can be told from it; a user of more than 31 octets gets none.
//!
//! Not here: where a request to one goes (services/routing, core/proxy), and when a run begins
//! (`change`).

use ruf_admission::mac::{Mac, decode, encode, same, text_len};
use ruf_admission::{AddressOfRecord, Ourselves};
use ruf_message::{Scheme, UriRef, escape_user, unescape};

use crate::binding::Binding;
use crate::instance::canonical;

/// What the user of a temporary GRUU begins with, as in the example of the RFC.
const PREFIX: &[u8] = b"tgruu.";
const NOISE: usize = 10;
const RUN: usize = 8;
/// One octet for its length, then the user.
const USER: usize = 32;
const MAC: usize = 10;
const LEN: usize = NOISE + RUN + USER + MAC;

/// Makes GRUUs and reads them back. The key outlives a restart, as they do.
#[derive(Clone, Debug)]
pub struct Gruus {
    noise: Mac,
    stream: Mac,
    seal: Mac,
    runs: Mac,
}

/// To whom a GRUU leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gruu {
    /// To every binding of an instance.
    Public {
        /// Whose.
        address: AddressOfRecord,
        /// In canonical form.
        instance: Vec<u8>,
    },
    /// To the bindings of an instance while its run lasts.
    Temporary {
        /// Whose.
        address: AddressOfRecord,
        /// The run.
        run: u64,
    },
}

impl Gruus {
    /// With this key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        let mac = |purpose| Mac::new(key, purpose);
        Self {
            noise: mac("gruu noise"),
            stream: mac("gruu stream"),
            seal: mac("gruu seal"),
            runs: mac("gruu run"),
        }
    }

    /// The public GRUU of an instance, in the scheme of its contact.
    // rfc5627 §5.1, §7: a SIP URI: the "gr" parameter, with a value, added to the address-of-record
    // rfc5630 §5.2.1
    pub(crate) fn public(&self, address: &AddressOfRecord, scheme: Scheme, instance: &[u8]) -> Vec<u8> {
        let mut uri = beginning(scheme);
        escape_user(address.user().as_bytes(), &mut uri);
        uri.push(b'@');
        uri.extend_from_slice(address.domain().as_bytes());
        uri.extend_from_slice(b";gr=");
        escape_param(instance, &mut uri);
        uri
    }

    /// The temporary GRUU that the REGISTER of a binding got. `None`: the binding asked for none, or its
    /// user is too long to hide.
    // rfc5627 §5.1-8, §5.1-9: no two alike, and nothing to be told from two of them
    pub(crate) fn temporary(
        &self,
        address: &AddressOfRecord,
        scheme: Scheme,
        binding: &Binding,
    ) -> Option<Vec<u8>> {
        let run = binding.run()?.to_be_bytes();
        let (user, cseq) = (address.user().as_bytes(), binding.cseq().to_be_bytes());
        let noise: [u8; NOISE] =
            self.noise.over(&[address.as_str().as_bytes(), &run, binding.call_id(), &cseq]);
        let mut plain = [0; USER];
        let (length, room) = plain.split_first_mut()?;
        *length = u8::try_from(user.len()).ok()?;
        room.get_mut(..user.len())?.copy_from_slice(user);
        let (hidden_run, hidden_user) = (self.hidden(&noise, 0, run), self.hidden(&noise, 1, plain));
        let mac = self.mac(address.domain(), &noise, &hidden_run, &hidden_user);
        let octets = [&noise[..], &hidden_run, &hidden_user, &mac].concat();
        let mut uri = beginning(scheme);
        uri.extend_from_slice(PREFIX);
        uri.extend_from_slice(encode(&octets, &mut vec![0; text_len(octets.len())]));
        uri.push(b'@');
        uri.extend_from_slice(address.domain().as_bytes());
        uri.extend_from_slice(b";gr");
        Some(uri)
    }

    /// What a URI with `gr` says; `None` if it is no GRUU of ours, or never was one.
    // rfc5627 §6.1
    #[must_use]
    pub fn read(&self, uri: UriRef<'_>, ourselves: &Ourselves) -> Option<Gruu> {
        let domain = uri.host().and_then(|host| ourselves.domain(host))?;
        match uri.gr()? {
            Some(instance) if !instance.is_empty() => Some(Gruu::Public {
                address: AddressOfRecord::of(uri, ourselves)?,
                instance: canonical(&unescape(instance)),
            }),
            Some(_) | None => self.read_temporary(uri.user()?, &domain.name),
        }
    }

    fn read_temporary(&self, user: &[u8], domain: &str) -> Option<Gruu> {
        let mut room = [0; LEN];
        let octets = decode(user.strip_prefix(PREFIX)?, &mut room)?;
        let (noise, rest) = octets.split_first_chunk::<NOISE>()?;
        let (hidden_run, rest) = rest.split_first_chunk::<RUN>()?;
        let (hidden_user, mac) = rest.split_first_chunk::<USER>()?;
        // The domain is written in the URI as its owner writes it: in lower case here.
        let domain = domain.to_ascii_lowercase();
        if !same(mac, &self.mac(&domain, noise, hidden_run, hidden_user)) {
            return None;
        }
        let plain = self.hidden(noise, 1, *hidden_user);
        let (length, user) = plain.split_first()?;
        let user = str::from_utf8(user.get(..usize::from(*length))?).ok()?;
        let run = u64::from_be_bytes(self.hidden(noise, 0, *hidden_run));
        Some(Gruu::Temporary { address: AddressOfRecord::new(user, &domain), run })
    }

    /// The run that begins with a REGISTER.
    pub(crate) fn run(&self, address: &AddressOfRecord, instance: &[u8], call_id: &[u8], cseq: u32) -> u64 {
        self.runs.number(&[address.as_str().as_bytes(), instance, call_id, &cseq.to_be_bytes()])
    }

    /// Encrypts, and decrypts what it encrypted.
    fn hidden<const N: usize>(&self, noise: &[u8; NOISE], part: u8, plain: [u8; N]) -> [u8; N] {
        let mut hidden: [u8; N] = self.stream.over(&[noise, &[part]]);
        for (octet, plain) in hidden.iter_mut().zip(plain) {
            *octet ^= plain;
        }
        hidden
    }

    fn mac(&self, domain: &str, noise: &[u8], run: &[u8], user: &[u8]) -> [u8; MAC] {
        self.seal.over(&[domain.as_bytes(), noise, run, user])
    }
}

impl Gruu {
    /// Whose device it is.
    #[must_use]
    pub const fn address(&self) -> &AddressOfRecord {
        match self {
            Self::Public { address, .. } | Self::Temporary { address, .. } => address,
        }
    }

    /// Whether it leads to this binding of its address-of-record.
    // rfc5627 §5.4: to those contacts only whose instance id is its own
    #[must_use]
    pub fn leads_to(&self, binding: &Binding) -> bool {
        match self {
            Self::Public { instance, .. } => binding.instance().as_ref() == Some(instance),
            Self::Temporary { run, .. } => binding.run() == Some(*run),
        }
    }

    /// Whether it is valid where none of the bindings of its address-of-record is one of its own: a public
    /// one is as long as the address is, a temporary one has lapsed.
    // rfc5627 §5.3
    #[must_use]
    pub const fn outlives_its_bindings(&self) -> bool {
        matches!(self, Self::Public { .. })
    }
}

fn beginning(scheme: Scheme) -> Vec<u8> {
    let scheme: &[u8] = if scheme == Scheme::Sips { b"sips:" } else { b"sip:" };
    scheme.to_vec()
}

/// Appends a text as the value of a URI's parameter.
// rfc3261 §25.1: pvalue
fn escape_param(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &octet in text {
        if octet.is_ascii_alphanumeric() || b"-_.!~*'()[]/:&+$".contains(&octet) {
            out.push(octet);
        } else {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or_default();
            out.extend([b'%', digit(octet >> 4), digit(octet & 15)]);
        }
    }
}
