//! The order of look-ups: rule, account, bindings.

use ruf_admission::{Accounts, AddressOfRecord, Identity, Lookup, Party};
use ruf_message::{Flow, Uri};
use ruf_proxy::{Destination, Refusal, Target, TargetSet};

use crate::plan::DialPlan;

/// What routing looks things up in. The node joins the services behind it.
pub trait Directory {
    /// Everybody who has an account.
    fn accounts(&self) -> &dyn Accounts;

    /// Adds the bindings of an account to the targets.
    fn bindings(&self, address: &AddressOfRecord, targets: &mut TargetSet);

    /// Whose device a GRUU names; `None`: it is none of ours.
    fn owner(&self, gruu: &Uri) -> Option<AddressOfRecord>;

    /// Adds the bindings of that device to the targets, the one to be tried first in front: that by the
    /// flow `onward`, if the device still keeps it. Says whether the GRUU is valid at all, be the device
    /// here or not.
    fn device(
        &self,
        address: &AddressOfRecord,
        gruu: &Uri,
        onward: Option<Flow>,
        targets: &mut TargetSet,
    ) -> bool;
}

/// To which targets a request goes, or why to none.
// rfc3261 §16.5
pub fn route(
    plan: &DialPlan,
    destination: &Destination,
    identity: &Identity,
    directory: &impl Directory,
) -> Result<TargetSet, Refusal> {
    match destination {
        Destination::User(address) if plan.is_emergency(address.user()) => {
            answering(plan, "urn:service:sos", identity, directory)
        }
        Destination::User(address) => account(address, identity, directory),
        Destination::Gruu { uri, onward } => device(uri, *onward, identity, directory),
        Destination::Service(urn) => answering(plan, urn, identity, directory),
        // rfc3261 §16.5: a resource of ours that does not exist
        Destination::Ourselves => Err(Refusal::NotFound),
        // Nothing leaves for somewhere else without a rule.
        Destination::Elsewhere(uri) if plan.leads_to(uri) && is_our_own(identity, directory) => {
            Ok(TargetSet::from_elem(Target::unchanged(), 1)) // rfc3261 §16.5
        }
        Destination::Elsewhere(_) => Err(Refusal::Forbidden),
    }
}

fn answering(
    plan: &DialPlan,
    urn: &str,
    identity: &Identity,
    directory: &impl Directory,
) -> Result<TargetSet, Refusal> {
    let address = plan.service(urn).ok_or(Refusal::NotFound)?;
    account(address, identity, directory)
}

fn account(
    address: &AddressOfRecord,
    identity: &Identity,
    directory: &impl Directory,
) -> Result<TargetSet, Refusal> {
    let account = match directory.accounts().by_alias(address.domain(), address.user()) {
        Lookup::Found(account) => account,
        Lookup::Unknown => return stranger(address, directory),
        Lookup::Unavailable => return Err(Refusal::Unanswered),
    };
    // A built-in account is reached by its like only; to all others it does not exist.
    if account.hidden && !is_hidden(identity, directory) {
        return Err(Refusal::NotFound);
    }
    let mut targets = TargetSet::new();
    directory.bindings(&account.address, &mut targets);
    match targets.is_empty() {
        true => Err(Refusal::Unavailable),
        false => Ok(targets),
    }
}

/// One device of a user. The dial plan has no part in it, nor has forwarding: it is this device or none.
// rfc5627 §6.1
fn device(
    gruu: &Uri,
    onward: Option<Flow>,
    identity: &Identity,
    directory: &impl Directory,
) -> Result<TargetSet, Refusal> {
    let owner = directory.owner(gruu).ok_or(Refusal::NotFound)?;
    let (address, is_known) = match directory.accounts().by_alias(owner.domain(), owner.user()) {
        Lookup::Found(account) if account.hidden && !is_hidden(identity, directory) => {
            return Err(Refusal::NotFound);
        }
        Lookup::Found(account) => (account.address.clone(), true),
        Lookup::Unknown => (owner, false),
        Lookup::Unavailable => return Err(Refusal::Unanswered),
    };
    if let Identity::Dialog(pass) = identity
        && pass.onward.party != Some(Party::of(&address))
    {
        // What a token admits goes to the other side of its dialog, whosever GRUU it names.
        return Ok(TargetSet::from_elem(Target { flow: Some(pass.onward.flow), ..Target::unchanged() }, 1));
    }
    let mut targets = TargetSet::new();
    let is_valid = directory.device(&address, gruu, onward, &mut targets);
    if !targets.is_empty() {
        return Ok(targets);
    }
    // rfc5627 §5.4: a public one is valid for as long as its address-of-record is
    let is_known = is_known || stranger(&address, directory).is_ok();
    Err(if is_valid && is_known { Refusal::Unavailable } else { Refusal::NotFound })
}

/// A user without an account: one of an open domain, who is known as long as a phone of theirs is.
fn stranger(address: &AddressOfRecord, directory: &impl Directory) -> Result<TargetSet, Refusal> {
    let mut targets = TargetSet::new();
    directory.bindings(address, &mut targets);
    match targets.is_empty() {
        true => Err(Refusal::NotFound), // rfc3261 §16.5
        false => Ok(targets),
    }
}

/// An account that somebody has made: no guest, no peer, and none of the built-in ones.
fn is_our_own(identity: &Identity, directory: &impl Directory) -> bool {
    matches!(identity, Identity::Account(_)) && !is_hidden(identity, directory)
}

fn is_hidden(identity: &Identity, directory: &impl Directory) -> bool {
    match identity {
        Identity::Account(address) => {
            let account = directory.accounts().account(address.domain(), address.user());
            matches!(account, Lookup::Found(account) if account.hidden)
        }
        Identity::Peer(_) | Identity::Dialog(_) | Identity::Guest => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_admission::{Account, DialogPass, Side};
    use ruf_message::{StatusCode, Transport};

    /// Accounts of `example.org`; those in the second list have one binding.
    struct Town {
        accounts: Vec<Account>,
        at_home: Vec<&'static str>,
    }

    impl Directory for Town {
        fn accounts(&self) -> &dyn Accounts {
            &self.accounts
        }

        fn bindings(&self, address: &AddressOfRecord, targets: &mut TargetSet) {
            if address.domain() == "example.org" && self.at_home.contains(&address.user()) {
                let uri = format!("sip:{}@phone.example", address.user()).parse().unwrap();
                targets.push(Target { uri: Some(uri), ..Target::unchanged() });
            }
        }

        fn owner(&self, gruu: &Uri) -> Option<AddressOfRecord> {
            let user = str::from_utf8(gruu.as_ref().user()?).ok()?;
            (user != "forged").then(|| AddressOfRecord::new(user, "example.org"))
        }

        /// There are two devices: `here`, and `gone`, whose GRUU has lapsed.
        fn device(
            &self,
            address: &AddressOfRecord,
            gruu: &Uri,
            _onward: Option<Flow>,
            targets: &mut TargetSet,
        ) -> bool {
            let device = gruu.as_ref().gr().flatten();
            if device == Some(b"here") {
                self.bindings(address, targets);
            }
            device != Some(b"gone")
        }
    }

    struct Broken;

    impl Accounts for Broken {
        fn account(&self, _domain: &str, _user: &str) -> Lookup<'_> {
            Lookup::Unavailable
        }
    }

    impl Directory for Broken {
        fn accounts(&self) -> &dyn Accounts {
            self
        }

        fn bindings(&self, _address: &AddressOfRecord, _targets: &mut TargetSet) {}

        fn owner(&self, _gruu: &Uri) -> Option<AddressOfRecord> {
            Some(AddressOfRecord::new("bob", "example.org"))
        }

        fn device(&self, _: &AddressOfRecord, _: &Uri, _: Option<Flow>, _: &mut TargetSet) -> bool {
            false
        }
    }

    fn town() -> Town {
        let account = |user: &str| Account::with_password(user, "example.org", "secret");
        let mut accounts: Vec<Account> = ["alice", "bob", "check1", "check2"].map(account).into();
        accounts[1].aliases = vec!["200".into(), "+493012345".into()];
        accounts[2].hidden = true;
        accounts[3].hidden = true;
        Town { accounts, at_home: vec!["bob", "check1", "check2", "visitor"] }
    }

    fn user(user: &str) -> Destination {
        Destination::User(AddressOfRecord::new(user, "example.org"))
    }

    fn from(user: &str) -> Identity {
        Identity::Account(AddressOfRecord::new(user, "example.org"))
    }

    /// The targets, or the status of the refusal.
    fn routed(plan: &DialPlan, destination: &Destination, identity: &Identity) -> Result<String, u16> {
        match route(plan, destination, identity, &town()) {
            Ok(targets) => {
                Ok(targets.iter().map(|target| target.uri.as_ref().unwrap().to_string()).collect())
            }
            Err(refusal) => Err(refusal.status().as_u16()),
        }
    }

    #[test]
    fn a_user_is_found_by_name_alias_and_number() {
        let to = |name: &str| routed(&DialPlan::default(), &user(name), &from("alice"));
        for bob in ["bob", "200", "+493012345"] {
            assert_eq!(to(bob).as_deref(), Ok("sip:bob@phone.example"), "{bob}");
        }
    }

    #[test]
    fn a_user_of_an_open_domain_needs_a_phone_and_no_account() {
        let to = |name: &str| routed(&DialPlan::default(), &user(name), &from("alice"));
        assert_eq!(to("visitor").as_deref(), Ok("sip:visitor@phone.example"));
        assert_eq!(to("nobody"), Err(404));
    }

    #[test]
    fn an_unknown_user_is_404_and_one_without_a_phone_480() {
        // tests rfc3261 §16.5
        let to = |destination: &Destination| routed(&DialPlan::default(), destination, &from("bob"));
        assert_eq!(to(&user("nobody")), Err(404));
        assert_eq!(to(&user("+15550100")), Err(404));
        assert_eq!(to(&user("alice")), Err(480));
        assert_eq!(to(&Destination::User(AddressOfRecord::new("bob", "second.example"))), Err(404));
        assert_eq!(to(&Destination::Ourselves), Err(404));
    }

    #[test]
    fn a_device_is_found_away_or_unknown() {
        // tests rfc5627 §6.1, §5.3, §5.4
        let gruu = |user: &str, device: &str| {
            let uri = format!("sip:{user}@example.org;gr={device}").parse().unwrap();
            Destination::Gruu { uri, onward: None }
        };
        let plan = DialPlan { emergency_numbers: vec!["200".into()], ..DialPlan::default() };
        let to = |user: &str, device: &str| routed(&plan, &gruu(user, device), &from("alice"));
        let bob = Ok("sip:bob@phone.example");
        assert_eq!(to("bob", "here").as_deref(), bob);
        assert_eq!(to("200", "here").as_deref(), bob, "the dial plan has no part in it");
        assert_eq!(to("bob", "away"), Err(480));
        assert_eq!(to("alice", "here"), Err(480));
        assert_eq!(to("bob", "gone"), Err(404));
        assert_eq!(to("forged", "here"), Err(404));
        assert_eq!(to("nobody", "away"), Err(404));
        assert_eq!(to("visitor", "away"), Err(480), "of an open domain");
        assert_eq!(to("check1", "here"), Err(404));
        let like = routed(&plan, &gruu("check1", "here"), &from("check2"));
        assert_eq!(like.as_deref(), Ok("sip:check1@phone.example"));
    }

    #[test]
    fn in_a_dialog_only_the_other_sides_devices_are_found() {
        // tests rfc5627 §6.1
        let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.7:5060".parse().unwrap());
        let flow = Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 };
        let uri: Uri = "sip:bob@example.org;gr=here".parse().unwrap();
        let device = Destination::Gruu { uri: uri.clone(), onward: Some(flow) };
        let with = |user: Option<&str>| {
            let party = user.map(|user| Party::of(&AddressOfRecord::new(user, "example.org")));
            let pass = DialogPass { onward: Side { flow, party, listens: None }, from_caller: true };
            let found = route(&DialPlan::default(), &device, &Identity::Dialog(pass), &town()).unwrap();
            found.into_iter().map(|target| (target.uri, target.flow)).collect::<Vec<_>>()
        };
        let bob: Uri = "sip:bob@phone.example".parse().unwrap();
        assert_eq!(with(Some("bob")), [(Some(bob), None)]);
        for stranger in [Some("alice"), None] {
            assert_eq!(with(stranger), [(None, Some(flow))], "the way of the token, and no look-up");
        }
    }

    #[test]
    fn a_store_that_does_not_answer_is_our_fault() {
        let refusal = route(&DialPlan::default(), &user("bob"), &from("alice"), &Broken).unwrap_err();
        assert_eq!(refusal.status(), StatusCode::SERVER_INTERNAL_ERROR);
        let uri = "sip:bob@example.org;gr=1".parse().unwrap();
        let device = Destination::Gruu { uri, onward: None };
        let refusal = route(&DialPlan::default(), &device, &from("alice"), &Broken).unwrap_err();
        assert_eq!(refusal.status(), StatusCode::SERVER_INTERNAL_ERROR);
    }

    #[test]
    fn nothing_goes_elsewhere_without_a_rule() {
        let elsewhere = Destination::Elsewhere("sip:bob@far.example".parse().unwrap());
        for identity in [from("alice"), Identity::Guest, Identity::Peer("pbx".into())] {
            assert_eq!(routed(&DialPlan::default(), &elsewhere, &identity), Err(403));
        }
    }

    #[test]
    fn accounts_reach_the_hosts_of_a_rule_and_nobody_else_does() {
        // tests rfc3261 §16.5
        let elsewhere = vec!["far.example".into(), "192.0.2.9".into(), "[2001:db8::9]".into()];
        let plan = DialPlan { elsewhere, ..DialPlan::default() };
        let to = |uri: &str, identity: Identity| {
            let destination = Destination::Elsewhere(uri.parse().unwrap());
            match route(&plan, &destination, &identity, &town()) {
                Ok(targets) => {
                    Ok(targets.iter().map(|target| (target.uri.clone(), target.flow)).collect::<Vec<_>>())
                }
                Err(refusal) => Err(refusal.status().as_u16()),
            }
        };
        for uri in ["sip:x@FAR.example:5070;transport=tcp", "sips:192.0.2.9", "sip:x@[2001:db8:0::9]:5080"] {
            assert_eq!(to(uri, from("alice")), Ok(vec![(None, None)]), "{uri}");
        }
        for uri in
            ["sip:x@www.far.example", "sip:x@192.0.2.90", "sip:x@far.example;maddr=192.0.2.1", "tel:+1"]
        {
            assert_eq!(to(uri, from("alice")), Err(403), "{uri}");
        }
        for identity in [from("check1"), Identity::Guest, Identity::Peer("pbx".into())] {
            assert_eq!(to("sip:x@far.example", identity), Err(403));
        }
    }

    #[test]
    fn built_in_accounts_exist_for_their_like_only() {
        let plan = DialPlan::default();
        for identity in [from("alice"), from("nobody"), Identity::Guest, Identity::Peer("pbx".into())] {
            assert_eq!(routed(&plan, &user("check2"), &identity), Err(404), "{identity:?}");
        }
        assert_eq!(
            routed(&plan, &user("check2"), &from("check1")).as_deref(),
            Ok("sip:check2@phone.example")
        );
    }

    #[test]
    fn an_emergency_goes_to_its_rule_and_to_nobody_without_one() {
        // tests rfc5031 §4.2
        let mut plan = DialPlan { emergency_numbers: vec!["112".into()], ..DialPlan::default() };
        let sos = [user("112"), service("urn:service:sos"), service("urn:service:sos.fire")];
        for call in &sos {
            assert_eq!(routed(&plan, call, &from("alice")), Err(404), "{call:?}");
        }
        plan.emergency = Some(AddressOfRecord::new("bob", "example.org"));
        for call in &sos {
            assert_eq!(
                routed(&plan, call, &from("alice")).as_deref(),
                Ok("sip:bob@phone.example"),
                "{call:?}"
            );
        }
        for other in [service("urn:service:counseling"), service("urn:service:sosx"), user("911")] {
            assert_eq!(routed(&plan, &other, &from("alice")), Err(404), "{other:?}");
        }
    }

    fn service(urn: &str) -> Destination {
        Destination::Service(urn.into())
    }
}
