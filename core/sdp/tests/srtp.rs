//! SRTP: what each policy offers, takes and refuses; keys of descriptions and of DTLS.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod pair;

use pair::{Side, attributes, audio, exchange, text};
use ruf_sdp::{
    Attribute, Capabilities, Codec, Crypto, Fingerprint, MasterKey, Mismatch, OfferAnswerError, Protection,
    Security, Suite,
};

/// Keys whose octets are all `octet`, of both suites with a tag of 80 and 32 bits.
fn keys(octet: u8) -> Vec<Crypto> {
    let key = |suite: Suite| {
        let octets = suite.key_salt_octets().unwrap();
        Crypto::new(9, suite, MasterKey::new(vec![octet; octets]))
    };
    vec![key(Suite::AesCm128HmacSha1_80), key(Suite::AesCm128HmacSha1_32)]
}

fn ours(security: Security) -> Capabilities {
    audio(4_000, &[Codec::pcma()]).security(security)
}

/// What the first octets of both keys are, as one side sees it: (sends, receives); (0, 0) if it is plain.
fn octets(side: &ruf_sdp::OfferAnswer) -> (u8, u8) {
    match &side.negotiated().unwrap().streams[0].protection {
        Protection::Srtp { send, receive, .. } => (send.key_salt[0], receive.key_salt[0]),
        Protection::Plain => (0, 0),
        Protection::Dtls { .. } => panic!("no DTLS was offered"),
    }
}

/// An offer of one policy and the answer of another: the transport and the keys, or why not.
fn meet(alice: Security, bob: Security) -> Result<(String, (u8, u8)), OfferAnswerError> {
    let (mut a, mut b) = (Side::new(), Side::new());
    let offer = a.offer(&[ours(alice)]).unwrap();
    b.receive_offer(&offer.to_bytes()).unwrap();
    let answer = b.answer(&[ours(bob)])?;
    a.receive_answer(&answer.to_bytes())?;
    let (sends, receives) = octets(&a);
    assert_eq!(octets(&b), (receives, sends));
    let protocol =
        |text: &ruf_sdp::Description| text.media().next().unwrap().line().unwrap().protocol.to_string();
    assert_eq!(protocol(&offer), protocol(&answer));
    Ok((protocol(&answer), octets(&a)))
}

#[test]
fn each_policy_meets_each() {
    // tests rfc4568 §5.1.1, §5.1.2, §5.1.3, §7.1.2
    let (plain, optional, required) = (
        |_| Security::Plain,
        |octet| Security::Optional(keys(octet)),
        |octet| Security::Required(keys(octet)),
    );
    let policies: [fn(u8) -> Security; 3] = [plain, optional, required];
    let refused = |mismatch| Err(OfferAnswerError::NothingInCommon(mismatch));
    let had = |protocol: &str, octets| Ok((protocol.to_owned(), octets));
    let (avp, savp) = ("RTP/AVP", "RTP/SAVP");
    let expected = [
        [had(avp, (0, 0)), had(avp, (0, 0)), refused(Mismatch::Keys)],
        [had(avp, (0, 0)), had(avp, (1, 2)), had(avp, (1, 2))],
        [refused(Mismatch::Transport), had(savp, (1, 2)), had(savp, (1, 2))],
    ];
    for (alice, row) in policies.iter().zip(expected) {
        let found = policies.each_ref().map(|bob| meet(alice(1), bob(2)));
        assert_eq!(found, row);
    }
}

#[test]
fn an_offer_has_one_line_a_suite_and_the_answer_picks_one() {
    // tests rfc4568 §4.1, §5.1.1, §5.1.2, §5.1.4, §7.1.1, §7.1.4
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let only_32 = Security::Required(keys(2).split_off(1));
    let (offer, answer) =
        exchange((&mut alice, &[ours(Security::Required(keys(1)))]), (&mut bob, &[ours(only_32)]));
    let suites = |lines: Vec<String>| -> Vec<String> {
        lines.iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(
        suites(attributes(&offer, 0, &["crypto"])),
        ["crypto:1 AES_CM_128_HMAC_SHA1_80", "crypto:2 AES_CM_128_HMAC_SHA1_32"]
    );
    assert_eq!(suites(attributes(&answer, 0, &["crypto"])), ["crypto:2 AES_CM_128_HMAC_SHA1_32"]);
    assert_eq!(octets(&alice), (1, 2));
    assert_eq!(attributes(&alice.offer_again().unwrap(), 0, &["crypto"]), attributes(&offer, 0, &["crypto"]));
}

const KEY: &str = "inline:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH";

#[test]
fn a_line_that_asks_for_more_than_we_do_is_passed_over() {
    // tests rfc4568 §5.1.2, §6.3.7
    let takes = |line: String| {
        let mut bob = Side::new();
        bob.receive_offer(&text(&["m=audio 9 RTP/SAVP 8", &format!("a=crypto:{line}")])).unwrap();
        bob.answer(&[ours(Security::Required(keys(2)))]).is_ok()
    };
    assert!(takes(format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}")));
    assert!(takes(format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}|2^31|1:4 -X")));
    assert!(!takes(format!("1 AES_CM_128_HMAC_SHA1_80 {KEY} UNENCRYPTED_SRTP")));
    assert!(!takes(format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}|1:4;{KEY}|2:4")));
    assert!(!takes("1 AES_CM_128_HMAC_SHA1_80 inline:BwcH".to_owned()), "a key too short");
    assert!(!takes(format!("1 AES_192_CM_HMAC_SHA1_80 {KEY}")));
    let mut bob = Side::new();
    bob.receive_offer(&text(&["m=audio 9 RTP/SAVP 8"])).unwrap();
    assert!(bob.answer(&[ours(Security::Optional(keys(2)))]).is_err(), "SAVP without keys");
    let ours_again = &keys(2)[0].keys[0];
    assert!(!takes(format!("1 AES_CM_128_HMAC_SHA1_80 {ours_again}")), "our own key");
}

#[test]
fn an_answer_names_a_line_of_the_offer_or_fails() {
    // tests rfc4568 §5.1.3, §7.1.3
    let answered = |security: Security, protocol: &str, line: &str| {
        let mut alice = Side::new();
        alice.offer(&[ours(security)]).unwrap();
        let lines = [format!("m=audio 9 {protocol} 8"), line.to_owned()];
        let lines: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
        alice
            .receive_answer(&text(&lines))
            .map(|negotiated| negotiated.streams[0].protection != Protection::Plain)
    };
    let line = |tag: u8, suite: &str| format!("a=crypto:{tag} {suite} {KEY}");
    let fails = Err(OfferAnswerError::NothingInCommon(Mismatch::Keys));
    let required = || Security::Required(keys(1));
    let optional = || Security::Optional(keys(1));
    let (sha_80, sha_32) = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32");
    assert_eq!(answered(required(), "RTP/SAVP", &line(1, sha_80)), Ok(true));
    assert_eq!(answered(required(), "RTP/SAVP", &line(2, sha_80)), fails, "another tag");
    assert_eq!(answered(required(), "RTP/SAVP", &line(1, sha_32)), fails, "another suite");
    assert_eq!(answered(required(), "RTP/SAVP", ""), fails);
    assert_eq!(answered(required(), "RTP/AVP", ""), fails, "it is never plain where it must not be");
    assert_eq!(answered(optional(), "RTP/AVP", ""), Ok(false));
    assert_eq!(answered(optional(), "RTP/AVP", &line(2, sha_32)), Ok(true));
    assert_eq!(answered(optional(), "RTP/AVP", &line(7, sha_32)), fails);
    assert_eq!(answered(optional(), "RTP/SAVP", ""), fails);
    let ours_again = format!("a=crypto:1 {sha_80} {}", keys(1)[0].keys[0]);
    assert_eq!(answered(required(), "RTP/SAVP", &ours_again), fails, "our own key");
}

#[test]
fn the_peer_may_ask_for_savp_though_we_offered_keys_beside_avp() {
    let mut alice = Side::new();
    alice.offer(&[ours(Security::Optional(keys(1)))]).unwrap();
    let line = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}");
    alice.receive_answer(&text(&["m=audio 9 RTP/SAVP 8", &line])).unwrap();
    assert_eq!(octets(&alice), (1, 7));
}

#[test]
fn keys_of_the_session_are_none() {
    // tests rfc4568 §4
    let line = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}");
    let offer = String::from_utf8(text(&["m=audio 9 RTP/SAVP 8"])).unwrap();
    let mut bob = Side::new();
    bob.receive_offer(offer.replace("t=0 0", &format!("t=0 0\r\n{line}")).as_bytes()).unwrap();
    assert_eq!(
        bob.answer(&[ours(Security::Required(keys(2)))]),
        Err(OfferAnswerError::NothingInCommon(Mismatch::Keys))
    );
}

#[test]
fn two_media_of_which_one_is_safe() {
    // The old way to have SRTP as a choice: the first media is safe, the second plain.
    let line = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}");
    let offer = text(&["m=audio 9 RTP/SAVP 8", &line, "m=audio 11 RTP/AVP 8"]);
    for (security, slot) in
        [(Security::Required(keys(2)), 0), (Security::Optional(keys(2)), 0), (Security::Plain, 1)]
    {
        let mut bob = Side::new();
        bob.receive_offer(&offer).unwrap();
        bob.answer(&[ours(security)]).unwrap();
        let streams = &bob.negotiated().unwrap().streams;
        assert_eq!((streams.len(), streams[0].slot), (1, slot));
    }
}

#[test]
fn dtls_goes_with_fingerprints_and_who_opens() {
    // tests rfc5763 §5
    let fingerprint = |octet| Fingerprint { hash: "sha-256".to_owned(), octets: vec![octet; 32] };
    let dtls = |octet| [ours(Security::Dtls(fingerprint(octet)))];
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let (offer, answer) = exchange((&mut alice, &dtls(1)), (&mut bob, &dtls(2)));
    assert_eq!(attributes(&offer, 0, &["setup"]), ["setup:actpass"]);
    assert_eq!(attributes(&answer, 0, &["setup"]), ["setup:active"]);
    let protection = |side: &ruf_sdp::OfferAnswer| side.negotiated().unwrap().streams[0].protection.clone();
    assert_eq!(protection(&alice), Protection::Dtls { fingerprints: vec![fingerprint(2)], we_open: false });
    assert_eq!(protection(&bob), Protection::Dtls { fingerprints: vec![fingerprint(1)], we_open: true });

    let print = format!("a=fingerprint:{}", fingerprint(3));
    let answers = |lines: &[&str]| {
        let mut bob = Side::new();
        bob.receive_offer(&text(&[&["m=audio 9 UDP/TLS/RTP/SAVPF 8"], lines].concat())).unwrap();
        bob.answer(&dtls(2)).map(|answer| attributes(&answer, 0, &["setup"]).concat())
    };
    assert_eq!(answers(&[&print, "a=setup:active"]), Ok("setup:passive".to_owned()));
    assert_eq!(answers(&[&print, "a=setup:passive"]), Ok("setup:active".to_owned()));
    let fails = Err(OfferAnswerError::NothingInCommon(Mismatch::Keys));
    assert_eq!(answers(&[&print, "a=setup:holdconn"]), fails);
    assert_eq!(answers(&["a=setup:actpass"]), fails);
    assert_eq!(Fingerprint::parse(&fingerprint(3).to_string()), Some(fingerprint(3)));
}

#[test]
fn dtls_and_the_rest_do_not_mix() {
    let dtls = || Security::Dtls(Fingerprint { hash: "sha-256".to_owned(), octets: vec![1; 32] });
    let mismatch = Err(OfferAnswerError::NothingInCommon(Mismatch::Transport));
    assert_eq!(meet(dtls(), Security::Required(keys(1))), mismatch);
    assert_eq!(meet(dtls(), Security::Plain), mismatch);
    assert_eq!(meet(Security::Required(keys(1)), dtls()), mismatch);
    assert_eq!(meet(Security::Plain, dtls()), mismatch);
    for protocol in ["RTP/AVP", "RTP/SAVP"] {
        let mut alice = Side::new();
        alice.offer(&[ours(dtls())]).unwrap();
        let print = format!("a=fingerprint:sha-256 {}", ["01"; 32].join(":"));
        let answer = text(&[&format!("m=audio 9 {protocol} 8"), &print, "a=setup:active"]);
        assert_eq!(
            alice.receive_answer(&answer),
            Err(OfferAnswerError::NothingInCommon(Mismatch::Transport)),
            "{protocol}"
        );
    }
}
