//! Offer and answer in one dialog: whose turn it is (RFC 3261 §13.2.1, RFC 3262 §5, RFC 3311 §5.1). What a
//! description says is not read here.

/// How far the offers and answers of a dialog are that is not confirmed.
///
/// ```text
///            ours                 theirs
///   Open ------------> Offered ------------+
///    |                                     v
///    |      theirs                ours   Settled
///    +---------------> Asked ------------> |
///                        ^       theirs    |
///                        +-----------------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// Nobody has made an offer.
    Open,
    /// Our offer waits for the answer.
    Offered,
    /// Theirs waits for ours.
    Asked,
    /// The last offer has its answer.
    Settled,
}

/// What a description of the peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Nothing,
    Offer,
    Answer,
}

impl Exchange {
    /// Our INVITE opens the dialog.
    pub(crate) fn of_our_invite(describes: bool) -> Self {
        if describes { Exchange::Offered } else { Exchange::Open }
    }

    /// Theirs does.
    pub(crate) fn of_their_invite(describes: bool) -> Self {
        if describes { Exchange::Asked } else { Exchange::Open }
    }

    /// We send a description in a reliable message. False: it is not our turn, it stays out.
    // rfc3261 §13.2.1
    pub(crate) fn send(&mut self) -> bool {
        *self = match self {
            Exchange::Open => Exchange::Offered,
            Exchange::Asked => Exchange::Settled,
            Exchange::Offered | Exchange::Settled => return false,
        };
        true
    }

    /// A reliable message of the peer brings a description, or none.
    // rfc3261 §13.2.1
    pub(crate) fn receive(&mut self, describes: bool) -> Meaning {
        let (next, meaning) = match (*self, describes) {
            (before, false) => (before, Meaning::Nothing),
            (Exchange::Open | Exchange::Settled, true) => (Exchange::Asked, Meaning::Offer),
            (Exchange::Offered, true) => (Exchange::Settled, Meaning::Answer),
            // A second offer before the first has its answer.
            (Exchange::Asked, true) => (Exchange::Asked, Meaning::Nothing),
        };
        *self = next;
        meaning
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_answered_by_the_other_side() {
        // tests rfc3261 §13.2.1
        let mut ours = Exchange::of_our_invite(true);
        assert_eq!((ours.send(), ours.receive(false)), (false, Meaning::Nothing));
        assert_eq!((ours.receive(true), ours), (Meaning::Answer, Exchange::Settled));
        assert_eq!(
            (ours.send(), ours.receive(true), ours.receive(true)),
            (false, Meaning::Offer, Meaning::Nothing)
        );
        assert_eq!((ours.send(), ours), (true, Exchange::Settled));
        let mut theirs = Exchange::of_their_invite(false);
        assert_eq!((theirs.send(), theirs.receive(true), theirs), (true, Meaning::Answer, Exchange::Settled));
        assert_eq!(Exchange::of_their_invite(true), Exchange::Asked);
        assert_eq!(Exchange::of_our_invite(false), Exchange::Open);
    }
}
