//! Reads JSON from other programs: a field with an unexpected shape counts as absent, so that one odd field does not spoil
//! the whole document. Unknown and odd values are skipped without recursion, however deeply they are nested, whereas
//! `serde_with::DefaultOnError` first keeps each of them in memory.

use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A string, or `None`.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(Tolerant(Text))
}

/// A string, or `None`; an empty one is also `None`.
pub(crate) fn identifier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text(deserializer)?.filter(|text| !text.is_empty()))
}

/// A boolean, as such or spelled out (`"true"`), or `None`.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    deserializer.deserialize_any(Tolerant(Flag))
}

/// A number, or `None`.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserializer.deserialize_any(Tolerant(Number))
}

/// An object, or `None`.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(Tolerant(Object(PhantomData)))
}

/// An object, or `None` if it is absent or `null`; any other shape is an error.
pub(crate) fn only_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(OnlyObject(PhantomData))
}

/// The objects of a list; other elements are left out, and any other value is an empty list.
pub(crate) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(Tolerant(Objects(PhantomData)))
}

/// A single string, or the strings of a list; `None` if there is neither.
pub(crate) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    deserializer.deserialize_any(Tolerant(OneOrMany))
}

/// The expected kind of a field; kinds that are not overridden yield the empty value.
trait Expected<'de>: Sized {
    type Value: Default;

    fn text(self, _value: &str) -> Self::Value {
        Self::Value::default()
    }

    fn flag(self, _value: bool) -> Self::Value {
        Self::Value::default()
    }

    fn number(self, _value: f64) -> Self::Value {
        Self::Value::default()
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }
}

struct Text;
impl Expected<'_> for Text {
    type Value = Option<String>;

    fn text(self, value: &str) -> Self::Value {
        Some(value.to_owned())
    }
}

struct Flag;
impl Expected<'_> for Flag {
    type Value = Option<bool>;

    fn flag(self, value: bool) -> Self::Value {
        Some(value)
    }

    fn text(self, value: &str) -> Self::Value {
        if value.eq_ignore_ascii_case("true") {
            Some(true)
        } else if value.eq_ignore_ascii_case("false") {
            Some(false)
        } else {
            None
        }
    }
}

struct Number;
impl Expected<'_> for Number {
    type Value = Option<f64>;

    fn number(self, value: f64) -> Self::Value {
        Some(value)
    }
}

struct Object<T>(PhantomData<T>);
impl<'de, T: Deserialize<'de>> Expected<'de> for Object<T> {
    type Value = Option<T>;

    fn object<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

struct OnlyObject<T>(PhantomData<T>);
impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyObject<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_unit<X: Error>(self) -> Result<Self::Value, X> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

struct Objects<T>(PhantomData<T>);
impl<'de, T: Deserialize<'de>> Expected<'de> for Objects<T> {
    type Value = Vec<T>;

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Element(element)) = list.next_element()? {
            found.extend(element);
        }
        Ok(found)
    }
}

struct Element<T>(Option<T>);
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}

struct OneOrMany;
impl<'de> Expected<'de> for OneOrMany {
    type Value = Option<Vec<String>>;

    fn text(self, value: &str) -> Self::Value {
        Some(vec![value.to_owned()])
    }

    fn flag(self, _value: bool) -> Self::Value {
        Some(Vec::new())
    }

    fn number(self, _value: f64) -> Self::Value {
        Some(Vec::new())
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Vec::new()))
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        struct TextElement(Option<String>);
        impl<'de> Deserialize<'de> for TextElement {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                text(deserializer).map(Self)
            }
        }

        let mut found = Vec::new();
        while let Some(TextElement(element)) = list.next_element()? {
            found.extend(element);
        }
        Ok(Some(found))
    }
}

struct Tolerant<E>(E);
impl<'de, E: Expected<'de>> Visitor<'de> for Tolerant<E> {
    type Value = E::Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<X: Error>(self) -> Result<Self::Value, X> {
        Ok(E::Value::default())
    }

    fn visit_bool<X: Error>(self, value: bool) -> Result<Self::Value, X> {
        Ok(self.0.flag(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "foreign numbers are seconds, far below 2^53")]
    fn visit_i64<X: Error>(self, value: i64) -> Result<Self::Value, X> {
        Ok(self.0.number(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "foreign numbers are seconds, far below 2^53")]
    fn visit_u64<X: Error>(self, value: u64) -> Result<Self::Value, X> {
        Ok(self.0.number(value as f64))
    }

    fn visit_f64<X: Error>(self, value: f64) -> Result<Self::Value, X> {
        Ok(self.0.number(value))
    }

    fn visit_str<X: Error>(self, value: &str) -> Result<Self::Value, X> {
        Ok(self.0.text(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        self.0.object(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        self.0.list(list)
    }
}
