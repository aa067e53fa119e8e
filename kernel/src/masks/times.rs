//! Days and moments: PostgreSQL counts from 2000-01-01. Text only in the ISO style; anything else is not understood, so nulled.
//!
//! Calendar arithmetic after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".

use super::value::Value;

const EPOCH: i64 = 10_957;
const DAY: i64 = 86_400_000_000;

/// Days since 2000-01-01 of `YYYY-MM-DD`.
pub fn day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, date) = (parts.next()?, parts.next()?, parts.next()?);
    if !(4..=6).contains(&year.len()) || month.len() != 2 || date.len() != 2 {
        return None;
    }
    let (year, month, date) = (year.parse().ok()?, month.parse().ok()?, date.parse().ok()?);
    ((1..=12).contains(&month) && (1..=31).contains(&date))
        .then(|| from_civil(year, month, date) - EPOCH)
}

/// A timestamp in ISO style, with or without a zone.
pub fn moment(text: &str) -> Option<Value> {
    let (date, rest) = text.split_once(' ')?;
    let end = rest.find(['+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(end)?;
    let mut parts = clock.splitn(3, ':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    if [hours, minutes, whole].iter().any(|part| part.len() != 2) {
        return None;
    }
    let fraction = format!("{fraction:0<6}");
    let numbers = [hours, minutes, whole, fraction.get(..6)?].map(|part| part.parse::<i64>().ok());
    let [Some(hours), Some(minutes), Some(whole), Some(micros)] = numbers else {
        return None;
    };
    if zone
        .bytes()
        .any(|c| !matches!(c, b'+' | b'-' | b':' | b'0'..=b'9'))
    {
        return None;
    }
    let time = ((hours * 60 + minutes) * 60 + whole) * 1_000_000 + micros;
    Some(Value::Moment(
        day(date)?.checked_mul(DAY)?.checked_add(time)?,
        zone.to_owned(),
    ))
}

/// None for the infinities.
pub fn finite_day(day: i32) -> Option<i64> {
    (day != i32::MAX && day != i32::MIN).then_some(i64::from(day))
}

/// None for the infinities.
pub fn finite_moment(micros: i64) -> Option<i64> {
    (micros != i64::MAX && micros != i64::MIN).then_some(micros)
}

/// `YYYY-MM-DD`.
pub fn print_day(day: i64) -> String {
    let (year, month, date) = civil(day + EPOCH);
    format!("{year:04}-{month:02}-{date:02}")
}

/// `YYYY-MM-DD HH:MM:SS[.ffffff]` and the zone as it was.
pub fn print_moment(micros: i64, zone: &str) -> String {
    let (day, time) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let (seconds, fraction) = (time / 1_000_000, time % 1_000_000);
    let mut text = format!(
        "{} {:02}:{:02}:{:02}",
        print_day(day),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction > 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    text + zone
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
