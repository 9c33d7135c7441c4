//! How strictly the input's JSON is read.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;

use crate::decision::is_decimal;

/// `null` is a value; leaving the field out is not.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// An id or a number as the forge writes it. Compared as text, so it must have one form.
pub(super) fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_decimal(&text) {
        Ok(text)
    } else {
        Err(D::Error::custom(format!(
            "expected a decimal number as text, found {text:?}"
        )))
    }
}

/// Whether what was read is what was written, but for the form of times and for `null` where a field may be left out.
/// serde also takes a list of values for an object, and `{"open":null}` for `"open"`.
pub(super) fn is_same(written: &Value, read: &Value) -> bool {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            read.iter().all(|(key, value)| match written.get(key) {
                Some(other) => is_same(other, value),
                None => value.is_null(),
            })
        }
        (Value::Array(written), Value::Array(read)) => {
            written.len() == read.len()
                && written
                    .iter()
                    .zip(read)
                    .all(|(written, read)| is_same(written, read))
        }
        (Value::String(_), Value::String(_)) => true,
        (written, read) => written == read,
    }
}
