//! Days and moments: PostgreSQL counts from 2000-01-01. Text only in the ISO style; anything else is not understood, so nulled.
//!
//! Calendar arithmetic after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". The limits are those of
//! https://www.postgresql.org/docs/current/datatype-datetime.html.

use super::number;
use super::value::Value;

const EPOCH: i64 = 10_957;
const DAY: i64 = 86_400_000_000;
/// 4714-11-24 BC, and the day behind 5874897-12-31.
const DAYS: std::ops::Range<i64> = -2_451_545..2_145_031_949;
/// 4714-11-24 BC, and the moment at which 294277 begins.
const MOMENTS: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;
const BEFORE: &str = " BC";

/// Days since 2000-01-01 of `YYYY-MM-DD`, with ` BC` behind it where the server writes that.
pub fn day(text: &str) -> Option<i64> {
    match text.strip_suffix(BEFORE) {
        Some(date) => written(date, true),
        None => written(text, false),
    }
}

fn written(date: &str, before: bool) -> Option<i64> {
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if !(4..=7).contains(&year.len()) || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let (year, month, day) = (digits(year)?, digits(month)?, digits(day)?);
    let year = if before { 1 - year } else { year };
    let known = (1..=12).contains(&month) && (1..=length(year, month)).contains(&day);
    (known && (year < 1) == before).then(|| from_civil(year, month, day) - EPOCH)
}

/// A number of a few digits.
fn digits(text: &str) -> Option<i64> {
    text.bytes().try_fold(0i64, |number, c| {
        c.is_ascii_digit()
            .then(|| number * 10 + i64::from(c - b'0'))
    })
}

fn length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A timestamp in ISO style, with or without a zone.
pub fn moment(text: &str) -> Option<Value> {
    let (text, before) = match text.strip_suffix(BEFORE) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (date, rest) = text.split_once(' ')?;
    let end = rest.find(['+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(end)?;
    let mut parts = clock.splitn(3, ':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if [hours, minutes, whole].iter().any(|part| part.len() != 2)
        || !(1..=6).contains(&fraction.len())
    {
        return None;
    }
    let (hours, minutes, whole) = (digits(hours)?, digits(minutes)?, digits(whole)?);
    let scale = 10i64.pow(6u32.saturating_sub(u32::try_from(fraction.len()).ok()?));
    if hours > 23 || minutes > 59 || whole > 59 {
        return None;
    }
    if zone
        .bytes()
        .any(|c| !matches!(c, b'+' | b'-' | b':' | b'0'..=b'9'))
    {
        return None;
    }
    let time = ((hours * 60 + minutes) * 60 + whole) * 1_000_000 + digits(fraction)? * scale;
    Some(Value::Moment(
        written(date, before)?.checked_mul(DAY)?.checked_add(time)?,
        zone.to_owned(),
    ))
}

/// Whether there is such a date; there is none for the infinities.
pub fn is_day(day: i64) -> bool {
    DAYS.contains(&day)
}

/// Whether there is such a timestamp, whatever the zone it is written in.
pub fn is_moment(micros: i64, zone: &str) -> bool {
    let spare = if zone.is_empty() { 0 } else { DAY };
    (MOMENTS.start + spare..MOMENTS.end - spare).contains(&micros)
}

/// `YYYY-MM-DD`, and ` BC` where it must be.
pub fn print_day(day: i64, out: &mut Vec<u8>) {
    if print_date(day, out) {
        out.extend_from_slice(BEFORE.as_bytes());
    }
}

/// `YYYY-MM-DD HH:MM:SS[.ffffff]`, the zone as it was, and ` BC` where it must be.
pub fn print_moment(micros: i64, zone: &str, out: &mut Vec<u8>) {
    let (day, time) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let (seconds, fraction) = (time / 1_000_000, time % 1_000_000);
    let before = print_date(day, out);
    for (mark, number) in [
        (b' ', seconds / 3600),
        (b':', seconds / 60 % 60),
        (b':', seconds % 60),
    ] {
        out.push(mark);
        two(number, out);
    }
    if fraction > 0 {
        out.push(b'.');
        for part in [fraction / 10_000, fraction / 100 % 100, fraction % 100] {
            two(part, out);
        }
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    out.extend_from_slice(zone.as_bytes());
    if before {
        out.extend_from_slice(BEFORE.as_bytes());
    }
}

/// The year counted as people do; whether it is one before the first.
fn print_date(day: i64, out: &mut Vec<u8>) -> bool {
    let (year, month, date) = civil(day + EPOCH);
    let shown = if year > 0 { year } else { 1 - year };
    if shown < 10_000 {
        two(shown / 100, out);
        two(shown % 100, out);
    } else {
        number::print(shown, out);
    }
    for part in [month, date] {
        out.push(b'-');
        two(part, out);
    }
    year <= 0
}

/// Two digits of a number below a hundred.
fn two(number: i64, out: &mut Vec<u8>) {
    for digit in [number / 10, number % 10] {
        out.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
}

/// The first day of the month or year.
pub fn start(day: i64, month: bool) -> i64 {
    let (year, of, _) = civil(day + EPOCH);
    from_civil(year, if month { of } else { 1 }, 1) - EPOCH
}

/// The first moment of the month or year.
pub fn start_of(micros: i64, month: bool) -> Option<i64> {
    start(micros.div_euclid(DAY), month).checked_mul(DAY)
}

/// Moves a moment by days.
pub fn shifted(micros: i64, days: i64) -> Option<i64> {
    micros.checked_add(days.checked_mul(DAY)?)
}

fn from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (
        year + era * 400 + i64::from(month <= 2),
        month,
        of_year - (153 * shifted + 2) / 5 + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(day: i64) -> String {
        let mut out = Vec::new();
        print_day(day, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn told(text: &str) -> Option<String> {
        let Value::Moment(micros, zone) = moment(text)? else {
            return None;
        };
        let mut out = Vec::new();
        print_moment(micros, &zone, &mut out);
        Some(String::from_utf8_lossy(&out).into_owned())
    }

    #[test]
    fn every_day_there_is_comes_back_from_its_own_text() {
        for place in 0..20_000 {
            let of = DAYS.start + place * ((DAYS.end - DAYS.start) / 20_000);
            assert_eq!(day(&shown(of)), Some(of));
        }
        for of in (DAYS.start..DAYS.start + 800)
            .chain(-731_000..-729_000)
            .chain(DAYS.end - 800..DAYS.end)
        {
            assert_eq!(day(&shown(of)), Some(of));
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, of) in [
            ("2000-01-01", 0),
            ("2000-02-29", 59),
            ("1999-12-31", -1),
            ("1970-01-01", -10_957),
            ("0001-01-01", -730_119),
            ("0001-12-31 BC", -730_120),
            ("4714-11-24 BC", -2_451_545),
            ("5874897-12-31", 2_145_031_948),
        ] {
            assert_eq!(day(text), Some(of), "{text}");
            assert_eq!(shown(of), text);
        }
    }

    #[test]
    fn what_no_server_writes_is_no_day_and_no_moment() {
        for text in [
            "",
            "infinity",
            "-infinity",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-01",
            "0000-01-01",
            "0000-01-01 BC",
            "+026-01-01",
            "07/15/2026",
            "15.07.2026",
            "07-15-2026",
            "2026-01-01 AD",
            "2026-01-001",
            "12345678-01-01",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
        for text in [
            "2026-01-01",
            "2026-01-01 24:00:00",
            "2026-01-01 10:60:00",
            "2026-01-01 10:00:60",
            "2026-01-01 1:00:00",
            "2026-01-01 10:00",
            "2026-01-01 10:00:00 CET",
            "2026-01-01 10:00:00.",
            "2026-01-01 10:00:00.1234567",
            "infinity",
        ] {
            assert!(moment(text).is_none(), "{text}");
        }
    }

    #[test]
    fn moments_keep_their_fraction_their_zone_and_their_era() {
        for text in [
            "2026-07-15 10:11:12",
            "2026-07-15 10:11:12.5",
            "1969-12-31 23:59:59.999999-03:30",
            "0044-03-15 12:00:00+00 BC",
            "1883-11-18 12:03:57-07:52:58",
            "294276-12-31 23:59:59.999999",
        ] {
            assert_eq!(told(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_month_and_a_year_start_on_their_first() {
        for (text, month, year) in [
            ("2026-07-15", "2026-07-01", "2026-01-01"),
            ("0044-03-15 BC", "0044-03-01 BC", "0044-01-01 BC"),
            ("2000-01-01", "2000-01-01", "2000-01-01"),
        ] {
            let of = day(text).unwrap_or_default();
            assert_eq!(
                (shown(start(of, true)), shown(start(of, false))),
                (month.into(), year.into())
            );
        }
        assert_eq!(start_of(-1, false), Some(-365 * DAY));
    }

    #[test]
    fn the_ends_of_time_are_the_servers() {
        assert!(is_day(DAYS.start) && is_day(DAYS.end - 1));
        for of in [
            DAYS.start - 1,
            DAYS.end,
            i64::from(i32::MAX),
            i64::from(i32::MIN),
        ] {
            assert!(!is_day(of));
        }
        assert!(is_moment(MOMENTS.start, "") && !is_moment(MOMENTS.start, "+14"));
        assert!(!is_moment(i64::MAX, "") && !is_moment(i64::MIN, ""));
        assert_eq!(shifted(i64::MAX, 1), None);
    }
}
