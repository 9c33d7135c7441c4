//! How old a change is that could not be read again with the others: the status line tells the age of the rest.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::sync::REFRESH;

/// A whole reading itself takes some time.
const READING: SignedDuration = SignedDuration::from_mins(5);

/// "28 Nov, 14:02", where the change was last read then and the forge has been answering since.
///
/// `read_at`: when the change was last read whole; `data_at`: when the last poll began that was answered.
pub(crate) fn late(read_at: Option<Timestamp>, data_at: Option<Timestamp>) -> Option<String> {
    let (read_at, data_at) = (read_at?, data_at?);
    let longest = REFRESH.saturating_add(READING);
    let is_late = data_at.duration_since(read_at) > longest;
    let local = || read_at.to_zoned_datetime(TimeZone::system());
    is_late.then(|| local().strftime("%-d %b, %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_old_as_the_rest_is_not_late() {
        let at = |minutes: i64| Timestamp::from_second(1_800_000_000 + 60 * minutes).ok();
        assert_eq!(
            late(at(0), at(14)),
            None,
            "it is read again with the next whole reading"
        );
        assert_eq!(late(at(0), at(-30)), None, "the clock was set");
        assert_eq!(late(at(0), None), None);
        assert!(late(at(0), at(16)).is_some());
    }
}
