//! JSON that names no key twice. Two readers of `{"a":1,"a":2}` may see different values, so nobody may sign it.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::reason::{Fault, Reason};

/// Reads one JSON document from bytes.
///
/// # Errors
/// [`Reason::Json`] if it is not JSON (or not UTF-8, or nested too deep), [`Reason::JsonDupkey`] if an object at
/// any depth names a key twice.
pub fn parse(bytes: &[u8]) -> Result<Value, Fault> {
    let twice = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict(&twice)
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    match (twice.take(), value) {
        (Some(key), _) => {
            Err(Reason::JsonDupkey.because(format!("the key {key:?} stands twice in one object")))
        }
        (None, Ok(value)) => Ok(value),
        (None, Err(error)) => Err(Reason::Json.because(error.to_string())),
    }
}

struct Strict<'a>(&'a Cell<Option<String>>);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict(self.0))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Strict(self.0))?;
            if object.contains_key(&key) {
                self.0.set(Some(key));
                return Err(serde::de::Error::custom("key stands twice"));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_found_at_any_depth() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"[{"b":{"a":1,"a":1}}]"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            assert_eq!(
                parse(text.as_bytes()).map_err(|fault| fault.reason),
                Err(Reason::JsonDupkey),
                "{text}"
            );
        }
        assert!(parse(br#"{"a":{"a":[1,-2,3.5,null,true,"x"]},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn what_is_not_json_is_named_so() {
        let deep = "[".repeat(10_000);
        for bytes in [
            b"".as_slice(),
            b"{",
            b"{} {}",
            b"\xff",
            b"{\"a\":\"\xff\"}",
            deep.as_bytes(),
        ] {
            assert_eq!(parse(bytes).map_err(|fault| fault.reason), Err(Reason::Json));
        }
    }

    #[test]
    fn values_are_the_ones_of_the_usual_reader() {
        let text = r#"{"a":[1,-2,3.5,null,true,"x\n"],"b":{}}"#;
        assert_eq!(parse(text.as_bytes()).ok(), serde_json::from_str(text).ok());
    }
}
