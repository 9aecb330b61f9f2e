//! The descriptions of `tests/data/sdp`, each with its verdict: RFC texts, devices, browsers.
// tests rfc8866 §5, §9

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use ruf_sdp::{
    Attribute, Candidate, Crypto, Description, Extmap, Feedback, Fingerprint, Fmtp, Group, Liberty, Limits,
    MaxPtime, Ptime, Rtcp, Rtpmap, Section, Setup, Ssrc,
};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/sdp"))
}

/// Each file with its name and what is expected of it.
fn files() -> Vec<(String, Vec<u8>, String)> {
    let index: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder().join("index.json")).unwrap()).unwrap();
    let of = |file: &serde_json::Value| {
        let text = |name: &str| file.get(name).and_then(|text| text.as_str()).unwrap().to_owned();
        (text("file"), std::fs::read(folder().join(text("file"))).unwrap(), text("expect"))
    };
    index.get("files").and_then(|files| files.as_array()).unwrap().iter().map(of).collect()
}

#[test]
fn what_is_to_be_read_prints_as_it_came() {
    let mut read = 0;
    for (name, octets, expect) in files() {
        let reading = match Description::read(&octets, &Limits::DEFAULT) {
            Ok(reading) => reading,
            Err(error) => {
                assert!(expect.starts_with("incomplete"), "{name}: {error}");
                continue;
            }
        };
        let printed = reading.description.to_bytes();
        assert_eq!(Description::parse(&printed).as_ref(), Ok(&reading.description), "{name}");
        let reshaped = reading.liberties.iter().any(|(_, liberty)| {
            matches!(
                liberty,
                Liberty::BareLineFeed | Liberty::NoLastLineEnd | Liberty::EmptyLine | Liberty::Comment
            )
        });
        if reshaped {
            let kept =
                octets.split(|octet| *octet == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
            let kept =
                kept.filter(|line| line.get(1) == Some(&b'=')).flat_map(|line| [line, b"\r\n"].concat());
            assert_eq!(kept.collect::<Vec<u8>>(), printed, "{name}");
        } else {
            assert_eq!(octets, printed, "{name}");
        }
        read += usize::from(expect == "parse");
    }
    assert_eq!(read, files().iter().filter(|(.., expect)| expect == "parse").count());
    assert_eq!(read, 192);
}

#[test]
fn what_is_well_formed_needs_no_liberty() {
    let strict = ["rfc/rfc8866-01.sdp", "rfc/rfc8866-02.sdp", "rfc/rfc4317-01.sdp", "rfc/rfc3665-01.sdp"];
    let mut checked = 0;
    for (name, octets, _) in files().iter().filter(|(name, ..)| strict.contains(&name.as_str())) {
        assert_eq!(Description::read(octets, &Limits::DEFAULT).unwrap().liberties, [], "{name}");
        checked += 1;
    }
    assert_eq!(checked, strict.len());
}

/// The attributes of a section that have a type but cannot be read; what can prints and reads as the same.
fn unreadable(section: &Section) -> Vec<String> {
    fn one<T: Attribute + PartialEq + std::fmt::Debug>(section: &Section, errors: &mut Vec<String>) {
        for found in section.all::<T>() {
            match found {
                Ok(value) => assert_eq!(T::parse(&value.to_string()), Some(value)),
                Err(error) => errors.push(format!("{} {}", error.line(), error.found())),
            }
        }
    }
    let mut errors = Vec::new();
    one::<Rtpmap>(section, &mut errors);
    one::<Fmtp>(section, &mut errors);
    one::<Ptime>(section, &mut errors);
    one::<MaxPtime>(section, &mut errors);
    one::<Rtcp>(section, &mut errors);
    one::<Feedback>(section, &mut errors);
    one::<Crypto>(section, &mut errors);
    one::<Fingerprint>(section, &mut errors);
    one::<Setup>(section, &mut errors);
    one::<Candidate>(section, &mut errors);
    one::<Group>(section, &mut errors);
    one::<Ssrc>(section, &mut errors);
    one::<Extmap>(section, &mut errors);
    errors
}

#[test]
fn the_views_read_what_is_written_right() {
    let mut found = Vec::new();
    for (name, octets, expect) in files() {
        if expect != "parse" {
            continue;
        }
        let description = Description::parse(&octets).unwrap();
        for section in std::iter::once(description.session()).chain(description.sections()) {
            found.extend(unreadable(section).into_iter().map(|error| format!("{name} {error}")));
        }
    }
    // An encoding without its clock, places to fill in, and lines cut at 72 columns.
    let wrong = [
        "sdp-transform/alac.sdp 7 `a=rtpmap`",
        "rfc/rfc6871-04.sdp 8 `a=rtpmap`",
        "rfc/rfc8839-04.sdp 14 `a=candidate`",
        "rfc/rfc5245-01.sdp 13 `a=candidate`",
        "rfc/rfc5245-02.sdp 12 `a=candidate`",
        "rfc/rfc5245-03.sdp 12 `a=candidate`",
    ];
    assert_eq!(found, wrong);
}
