//! Times: Date, Timestamp (RFC 3261 §20.17, §20.38). What time it is nobody here knows: the caller
//! brings seconds since 1970.

use crate::error::HeaderError;
use crate::header::Header;
use crate::header::reason::space;
use crate::name::HeaderName;
use crate::scan::{Scanner, class, is};

/// `Sat, 13 Nov 2010 23:29:00 GMT`; always in GMT (RFC 3261 §20.17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Seconds since the beginning of 1970, in GMT; from year 0 to 9999.
    pub unix_secs: i64,
}

const SECS_PER_DAY: i64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]; // 1 January 1970 first
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// 1 January of year 0.
const UNIX_SECS_MIN: i64 = -62_167_219_200;
/// The last second of year 9999.
const UNIX_SECS_MAX: i64 = 253_402_300_799;

impl Header<'_> for Date {
    const NAME: HeaderName = HeaderName::Date;

    // rfc3261 §20.17
    fn decode(value: &[u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        // The weekday says nothing that the date does not say; which one it is, is not judged.
        one_of(&mut scanner, &WEEKDAYS, "a weekday")?;
        punctuation(&mut scanner, b',')?;
        space(&mut scanner)?;
        let start = scanner.at();
        let day = digits(&mut scanner, 2)?;
        space(&mut scanner)?;
        let month = one_of(&mut scanner, &MONTHS, "a month")?;
        space(&mut scanner)?;
        let year = digits(&mut scanner, 4)?;
        if day == 0 || day > days_in(year, month) {
            return Err(HeaderError::new(start, "a day of that month"));
        }
        space(&mut scanner)?;
        let start = scanner.at();
        let hour = digits(&mut scanner, 2)?;
        punctuation(&mut scanner, b':')?;
        let minute = digits(&mut scanner, 2)?;
        punctuation(&mut scanner, b':')?;
        let second = digits(&mut scanner, 2)?;
        if hour > 23 || minute > 59 || second > 60 {
            return Err(HeaderError::new(start, "a time of day"));
        }
        space(&mut scanner)?;
        let start = scanner.at();
        if !scanner.token()?.eq_ignore_ascii_case(b"GMT") {
            return Err(HeaderError::new(start, "GMT"));
        }
        scanner.end()?;
        let unix_secs = days(year, month, day) * SECS_PER_DAY + hour * 3_600 + minute * 60 + second;
        Ok(Date { unix_secs: unix_secs.min(UNIX_SECS_MAX) })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let unix_secs = self.unix_secs.clamp(UNIX_SECS_MIN, UNIX_SECS_MAX);
        let (days, second) = (unix_secs.div_euclid(SECS_PER_DAY), unix_secs.rem_euclid(SECS_PER_DAY));
        let (year, month, day) = date(days);
        let name = |names: &[&'static str], at: i64| {
            usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
        };
        let (weekday, month) = (name(&WEEKDAYS, days.rem_euclid(7)), name(&MONTHS, month - 1));
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        out.extend(
            format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT").as_bytes(),
        );
    }
}

/// Which of these names stands here, counted from 1; in any case.
fn one_of(scanner: &mut Scanner<'_>, names: &[&str], expected: &'static str) -> Result<i64, HeaderError> {
    let start = scanner.at();
    let found = scanner.token()?;
    let at = names.iter().position(|name| found.eq_ignore_ascii_case(name.as_bytes()));
    let at = at.and_then(|at| i64::try_from(at + 1).ok());
    at.ok_or(HeaderError::new(start, expected))
}

fn punctuation(scanner: &mut Scanner<'_>, octet: u8) -> Result<(), HeaderError> {
    if scanner.eat(octet) {
        Ok(())
    } else {
        Err(scanner.expected("the form of Sat, 13 Nov 2010 23:29:00 GMT"))
    }
}

/// Exactly `count` digits.
fn digits(scanner: &mut Scanner<'_>, count: usize) -> Result<i64, HeaderError> {
    let start = scanner.at();
    let number = scanner.number()?;
    if scanner.at() - start != count {
        return Err(HeaderError::new(start, "two digits (of a year: four)"));
    }
    Ok(i64::from(number))
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1 January 1970 to this day of the Gregorian calendar. The year is taken to begin in
/// March, so that the leap day is its last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of that many days after 1 January 1970: the inverse of [`days`].
const fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// When the request was sent, by the sender's clock, and how long the answer took:
/// `54.21 0.3` (RFC 3261 §20.38). Clocks start where they like: only differences mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp<'a> {
    /// Seconds, with a fraction or without, as written: an answer gives it back so.
    pub seconds: &'a [u8],
    /// The delay in seconds, as written.
    pub delay: Option<&'a [u8]>,
}

impl Timestamp<'_> {
    /// The time in microseconds; `None` beyond what 64 bits hold.
    pub fn micros(&self) -> Option<u64> {
        micros(self.seconds)
    }

    /// The delay in microseconds.
    pub fn delay_micros(&self) -> Option<u64> {
        micros(self.delay?)
    }
}

fn micros(text: &[u8]) -> Option<u64> {
    let mut parts = text.splitn(2, |octet| *octet == b'.');
    let number = |digits: &[u8]| match digits {
        [] => Some(0),
        digits => str::from_utf8(digits).ok()?.parse::<u64>().ok(),
    };
    let seconds = number(parts.next()?)?;
    let fraction = parts.next().unwrap_or_default();
    let fraction = fraction.get(..6).unwrap_or(fraction);
    let scale = (fraction.len()..6).fold(1, |scale, _| scale * 10);
    seconds.checked_mul(1_000_000)?.checked_add(number(fraction)? * scale)
}

/// Takes digits with at most one dot among them.
fn decimal<'a>(scanner: &mut Scanner<'a>) -> &'a [u8] {
    let start = scanner.at();
    let digits = |scanner: &mut Scanner<'_>| {
        while scanner.peek().is_some_and(|octet| octet.is_ascii_digit()) {
            scanner.skip(1);
        }
    };
    digits(scanner);
    if scanner.eat(b'.') {
        digits(scanner);
    }
    scanner.since(start)
}

impl<'a> Header<'a> for Timestamp<'a> {
    const NAME: HeaderName = HeaderName::Timestamp;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        if !scanner.peek().is_some_and(|octet| octet.is_ascii_digit()) {
            return Err(scanner.expected("a number of seconds"));
        }
        let seconds = decimal(&mut scanner);
        let has_space = scanner.peek().is_some_and(|octet| is(octet, class::LWS));
        scanner.skip_lws();
        let delay = if has_space && scanner.peek().is_some() { Some(decimal(&mut scanner)) } else { None };
        scanner.end()?;
        Ok(Timestamp { seconds, delay: delay.filter(|delay| !delay.is_empty()) })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.seconds);
        if let Some(delay) = self.delay {
            out.push(b' ');
            out.extend(delay);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix_secs(text: &str) -> Result<i64, usize> {
        Date::decode(text.as_bytes()).map(|date| date.unix_secs).map_err(|error| error.at())
    }

    fn print(unix_secs: i64) -> String {
        String::from_utf8(Date { unix_secs }.to_value()).unwrap()
    }

    #[test]
    fn dates_are_read_and_printed() {
        // tests rfc3261 §20.17
        for (text, secs) in [
            ("Sat, 13 Nov 2010 23:29:00 GMT", 1_289_690_940),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Sat, 01 Jan 0000 00:00:00 GMT", UNIX_SECS_MIN),
            ("Fri, 31 Dec 9999 23:59:59 GMT", UNIX_SECS_MAX),
        ] {
            assert_eq!((unix_secs(text), print(secs)), (Ok(secs), text.to_owned()));
        }
        assert_eq!(unix_secs(" sat,  13 NOV 2010\r\n 23:29:60 gmt "), Ok(1_289_691_000));
        assert_eq!(print(i64::MAX), print(UNIX_SECS_MAX));
    }

    #[test]
    fn every_day_of_four_centuries_is_printed_and_read_again() {
        // tests rfc3261 §20.17
        for day in (-10_000..136_097).step_by(13) {
            let secs = day * SECS_PER_DAY + 3_661;
            assert_eq!(unix_secs(&print(secs)), Ok(secs));
        }
    }

    #[test]
    fn what_is_no_date_in_gmt_is_refused() {
        // tests rfc4475 §3.1.2.12
        for (text, at) in [
            ("Fri, 01 Jan 2010 16:00:00 EST", 26),
            ("Fri, 31 Feb 2010 16:00:00 GMT", 5),
            ("Fri, 00 Jan 2010 16:00:00 GMT", 5),
            ("Thu, 29 Feb 1900 16:00:00 GMT", 5),
            ("Tue, 29 Feb 2011 16:00:00 GMT", 5),
            ("Fri, 31 Jun 2010 16:00:00 GMT", 5),
            ("Fri, 01 Jan 2010 16:60:00 GMT", 17),
            ("Fri, 01 Jan 2010 16:00:61 GMT", 17),
            ("Fri, 01 Jan 2010 24:00:00 GMT", 17),
            ("Fri, 1 Jan 2010 16:00:00 GMT", 5),
            ("Fri, 01 Jan 10 16:00:00 GMT", 12),
            ("01 Jan 2010 16:00:00 GMT", 0),
            ("Fri, 01 Jan 2010 16:00:00", 25),
            ("", 0),
        ] {
            assert_eq!(unix_secs(text), Err(at), "{text}");
        }
    }

    #[test]
    fn a_timestamp_is_decimal_and_given_back_as_written() {
        // tests rfc3261 §20.38
        let stamp = Timestamp::decode(b" 54.21 0.3 ").unwrap();
        assert_eq!((stamp.micros(), stamp.delay_micros()), (Some(54_210_000), Some(300_000)));
        assert_eq!(stamp.to_value(), b"54.21 0.3");
        assert_eq!(Timestamp::decode(b"54").unwrap().micros(), Some(54_000_000));
        assert_eq!(Timestamp::decode(b"1.12345678 .5").unwrap().micros(), Some(1_123_456));
        assert_eq!(Timestamp::decode(b"99999999999999999999").unwrap().micros(), None);
        for bad in [&b""[..], b".5", b"1.2.3", b"1 2 3", b"-1"] {
            assert!(Timestamp::decode(bad).is_err());
        }
    }
}
