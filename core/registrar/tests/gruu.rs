//! GRUUs: what the 200 gives, what they lead to, and when they end (RFC 5627 §5).
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, gruus, listed, ourselves, request};
use ruf_message::{Transport, Uri};
use ruf_registrar_core::{Gruus, Reject};

const A: &str = "Contact: <sip:a@10.0.0.2>;+sip.instance=\"<urn:uuid:A1>\"\nSupported: gruu";
const B: &str = "Contact: <sip:b@10.0.0.3>;+sip.instance=\"<urn:uuid:b2>\"\nSupported: gruu";
const PUBLIC_A: &str = "sip:alice@a.example;gr=urn:uuid:a1";

/// Registers, and gives the temporary GRUU of the first contact.
fn temporary(desk: &mut Desk, call_id: &str, cseq: u32, lines: &str) -> String {
    gruus(&desk.register(call_id, cseq, lines).unwrap()).1.unwrap()
}

#[test]
fn a_phone_that_knows_gruus_gets_a_public_and_a_temporary_one() {
    // tests rfc5627 §5.1, §5.2, §5.4
    let mut desk = Desk::new();
    let response = desk.register("one", 1, A).unwrap();
    let (public, temporary) = gruus(&response);
    assert_eq!(public.as_deref(), Some(PUBLIC_A));
    let temporary = temporary.unwrap();
    assert!(temporary.starts_with("sip:tgruu.") && temporary.ends_with("@a.example;gr"), "{temporary}");
    assert_eq!(temporary.len(), "sip:tgruu.".len() + 80 + "@a.example;gr".len());
    let shown = listed(&response).concat();
    assert!(shown.starts_with("<sip:a@10.0.0.2>;+sip.instance=\"<urn:uuid:A1>\";pub-gruu=\"sip:"), "{shown}");
    let again = format!("{temporary}\"");
    assert!(shown.contains(&format!("temp-gruu=\"{again}")) && shown.ends_with(";expires=3600"));
}

#[test]
fn who_does_not_know_gruus_or_says_no_instance_gets_none() {
    // tests rfc5627 §5.2, §5.1-10
    let mut desk = Desk::new();
    let none = (None, None);
    let without = A.replace("\nSupported: gruu", "");
    assert_eq!(gruus(&desk.register("one", 1, &without).unwrap()), none);
    let mut desk = Desk::new();
    let plain =
        "Contact: <sip:a@10.0.0.2>;pub-gruu=\"sip:x@y;gr=1\";temp-gruu=\"sip:z@y;gr\"\nSupported: gruu";
    let response = desk.register("one", 1, plain).unwrap();
    assert_eq!(gruus(&response), none, "nobody makes up a GRUU of his own");
    assert_eq!(listed(&response), ["<sip:a@10.0.0.2>;expires=3600"]);
}

#[test]
fn a_gruu_leads_to_its_instance_alone() {
    // tests rfc5627 §5.4, §6.1
    let mut desk = Desk::new();
    let temporary = temporary(&mut desk, "one", 1, A);
    desk.register("two", 1, B).unwrap();
    let a = Some(vec!["sip:a@10.0.0.2".to_owned()]);
    for gruu in
        [PUBLIC_A, "sips:alice@alias.example;gr=URN:UUID:A1;ob", "sip:%61lice@a.example;gr=urn%3auuid:a1"]
    {
        assert_eq!(desk.called(gruu), a, "{gruu}");
    }
    assert_eq!(desk.called(&temporary), a);
    assert_eq!(desk.called("sip:alice@a.example;gr=urn:uuid:c3"), Some(vec![]), "an instance that is away");
    for none in ["sip:alice@a.example", "sip:alice@far.example;gr=urn:uuid:a1", "sip:alice@a.example;gr"] {
        assert_eq!(desk.called(none), None, "{none}");
    }
}

#[test]
fn each_instance_that_a_200_lists_has_its_own_temporary_gruu() {
    // tests rfc5627 §5.2
    let mut desk = Desk::new();
    desk.register("one", 1, A).unwrap();
    desk.after(1);
    let response = desk.register("two", 1, B).unwrap();
    for (contact, to) in response.contacts().zip(["sip:a@10.0.0.2", "sip:b@10.0.0.3"]) {
        let temporary = contact.address().unwrap().temp_gruu().unwrap().into_owned();
        assert_eq!(desk.called(&String::from_utf8(temporary).unwrap()), Some(vec![to.to_owned()]));
    }
}

#[test]
fn nobody_makes_up_a_temporary_gruu() {
    // tests rfc5627 §5.1
    let mut desk = Desk::new();
    let real = temporary(&mut desk, "one", 1, A);
    assert!(desk.called(&real).is_some());
    let token = real.strip_prefix("sip:tgruu.").unwrap().strip_suffix("@a.example;gr").unwrap();
    for at in 0..token.len() {
        let mut bent = token.as_bytes().to_vec();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        let bent = format!("sip:tgruu.{}@a.example;gr", String::from_utf8(bent).unwrap());
        assert_eq!(desk.called(&bent), None, "{at}");
    }
    let elsewhere = real.replace("a.example", "b.example");
    let uri: Uri = elsewhere.parse().unwrap();
    assert_eq!(desk.gruus.read(uri.as_ref(), &ourselves()), None, "good in its own domain only");
    for short in ["sip:tgruu.@a.example;gr", "sip:tgruu.AAAA@a.example;gr", "sip:@a.example;gr"] {
        assert!(short.parse::<Uri>().is_err() || desk.called(short).is_none(), "{short}");
    }
    desk.gruus = Gruus::new(&[2; 32]);
    assert_eq!(desk.called(&real), None, "another key");
}

#[test]
fn two_temporary_gruus_look_alike_whoever_has_them() {
    // tests rfc5627 §5.1-8, §5.1-9
    let mut desk = Desk::new();
    let first = temporary(&mut desk, "one", 1, A);
    let second = temporary(&mut desk, "one", 2, A);
    let b = &listed(&desk.register("two", 1, B).unwrap())[1];
    assert_ne!(first, second);
    let b = b.split("temp-gruu=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(first.len(), b.len());
    // No run of characters is common to two of them beyond what chance gives.
    let common = first.bytes().zip(second.bytes()).skip(10).take(80).filter(|(one, two)| one == two).count();
    assert!(common < 12, "{common} of 80\n{first}\n{second}");
}

#[test]
fn all_temporary_gruus_of_one_call_id_stay_valid_until_it_changes() {
    // tests rfc5627 §5.1
    let mut desk = Desk::new();
    let mut given = vec![temporary(&mut desk, "one", 1, A)];
    desk.after(600);
    given.push(temporary(&mut desk, "one", 2, &A.replace("10.0.0.2", "10.0.0.77")));
    given.push(temporary(&mut desk, "one", 3, &A.replace("10.0.0.2", "10.0.0.77")));
    for gruu in &given {
        assert!(desk.called(gruu).unwrap().contains(&"sip:a@10.0.0.77".to_owned()), "{gruu}");
    }
    let fresh = temporary(&mut desk, "other", 1, &A.replace("10.0.0.2", "10.0.0.77"));
    for gruu in &given {
        assert_eq!(desk.called(gruu), None, "{gruu}");
    }
    assert_eq!(desk.called(&fresh).unwrap().len(), 2, "both contacts of the instance are in one run");
}

#[test]
fn a_temporary_gruu_does_not_come_back_with_a_registration_that_lapsed() {
    // tests rfc5627 §5.3
    let mut desk = Desk::new();
    let lapsed = temporary(&mut desk, "one", 1, A);
    desk.after(3_601);
    desk.register("x", 1, "").unwrap();
    assert_eq!((desk.called(&lapsed), desk.called(PUBLIC_A)), (None, Some(vec![])));
    let fresh = temporary(&mut desk, "one", 2, A);
    assert_eq!(desk.called(&lapsed), None, "the Call-ID is the same, the registration is another");
    assert!(desk.called(&fresh).is_some());
    desk.register("one", 3, &A.replace("\"\n", "\";expires=0\n")).unwrap();
    assert_eq!(desk.called(&fresh), None);
}

#[test]
fn flows_of_one_instance_share_their_temporary_gruus() {
    // tests rfc5627 §5.1
    let mut desk = Desk::new();
    let flow =
        |reg_id: u32| A.replace("A1>\"", &format!("A1>\";reg-id={reg_id}")).replace("gruu", "gruu, outbound");
    let first = temporary(&mut desk, "one", 1, &flow(1));
    let second = temporary(&mut desk, "two", 1, &flow(2));
    assert_eq!(desk.called(&first).unwrap().len(), 2, "another Call-ID of another flow ends nothing");
    assert_eq!(desk.called(&second).unwrap().len(), 2);
    let third = temporary(&mut desk, "three", 1, &flow(2));
    assert_eq!((desk.called(&first), desk.called(&second)), (None, None), "that of the same flow ends all");
    assert_eq!(desk.called(&third).unwrap().len(), 2, "and the flow that was not named is in the new run");
}

#[test]
fn the_public_gruu_names_any_instance() {
    // tests rfc5627 §5.4, §7
    let mut desk = Desk::new();
    let odd = "Contact: <sip:a@10.0.0.2>;+sip.instance=\"<urn:x:a;b?c@d%41>\"\nSupported: gruu";
    let public = gruus(&desk.register("one", 1, odd).unwrap()).0.unwrap();
    assert_eq!(public, "sip:alice@a.example;gr=urn:x:a%3Bb%3Fc%40d%2541");
    assert_eq!(desk.called(&public).unwrap().len(), 1);
}

#[test]
fn a_contact_that_is_its_own_gruu_or_address_is_refused() {
    // tests rfc5627 §5.1
    let mut desk = Desk::new();
    let own = temporary(&mut desk, "one", 1, A);
    let itself = Reject::ContactIsItself;
    for contact in [PUBLIC_A, &own, "sip:alice@a.example", "sip:%61lice@ALIAS.example:5060"] {
        let lines = format!("Contact: <{contact}>;+sip.instance=\"<urn:uuid:a1>\"");
        assert_eq!(desk.refusal("two", 1, &lines), itself, "{contact}");
    }
    assert_eq!(Reject::ContactIsItself.into_reply("ours").status().as_u16(), 403);
    let mail = "Contact: <mailto:a@b>;+sip.instance=\"<urn:uuid:a1>\"";
    assert_eq!(desk.refusal("two", 1, mail), Reject::InstanceWithoutSip);
    assert_eq!(Reject::InstanceWithoutSip.into_reply("ours").status().as_u16(), 403);
    // To be removed it may say anything; the address of another is a contact like any other.
    desk.register("two", 1, &format!("Contact: <{PUBLIC_A}>;expires=0;+sip.instance=\"<urn:uuid:a1>\""))
        .unwrap();
    desk.register("two", 2, "Contact: <sip:bob@a.example>;+sip.instance=\"<urn:uuid:a1>\"").unwrap();
}

#[test]
fn a_phone_at_our_own_host_is_not_taken_for_its_address() {
    let mut desk = Desk::new();
    let lines = "Contact: <sip:alice@192.0.2.1:5080>;+sip.instance=\"<urn:uuid:a1>\"";
    desk.register("one", 1, lines).unwrap();
    assert_eq!(desk.bindings.len(), 1);
}

#[test]
fn a_sips_contact_has_sips_gruus() {
    // tests rfc5630 §5.2.1
    let mut desk = Desk::new();
    desk.flow.transport = Transport::Tls;
    let text = request("one", 1, &A.replace("<sip:", "<sips:")).to_string();
    let response = desk.take(&desk::parse(&text.replacen("REGISTER sip:", "REGISTER sips:", 1))).unwrap();
    let (public, temporary) = gruus(&response);
    assert_eq!(public.as_deref(), Some("sips:alice@a.example;gr=urn:uuid:a1"));
    let temporary = temporary.unwrap();
    assert!(temporary.starts_with("sips:tgruu."));
    assert_eq!(desk.called(&temporary.replacen("sips:", "sip:", 1)).unwrap().len(), 1, "one resource");
}
