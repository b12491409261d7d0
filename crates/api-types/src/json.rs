//! Reads bodies: a type with fields accepts only a JSON object, at every depth.
//!
//! The code that serde derives for a struct also accepts an array of the fields in order. No documentation describes such a
//! body, so all our bodies are read here. (serde buffers internally tagged, untagged and flattened enums, out of reach of
//! this rule; the wire types have none.)

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

/// Why a body is invalid. The text is only for the sender, since it may repeat a part of the body.
#[derive(Debug)]
pub enum JsonError {
    /// It is not JSON.
    Syntax(serde_json::Error),
    /// It is JSON of the wrong shape.
    Shape {
        /// The path, such as `item.count`; empty for the body itself.
        path: String,
        /// What is wrong there.
        source: serde_json::Error,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(source) => write!(f, "the body is not JSON: {source}"),
            Self::Shape { path, source } if path.is_empty() => write!(f, "the body: {source}"),
            Self::Shape { path, source } => write!(f, "{path}: {source}"),
        }
    }
}

impl std::error::Error for JsonError {}

/// Reads a whole body.
pub fn from_slice<T: DeserializeOwned>(body: &[u8]) -> Result<T, JsonError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(Objects(&mut json)).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        let source = error.into_inner();
        if source.is_data() { JsonError::Shape { path, source } } else { JsonError::Syntax(source) }
    })?;
    json.end().map_err(JsonError::Syntax)?;
    Ok(read)
}

/// Forwards everything, and wraps whatever is nested.
struct Objects<T>(T);

macro_rules! handed_on {
    ($($method:ident($($argument:ident: $type:ty),*);)+) => { $(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($argument,)* Objects(visitor))
        }
    )+ };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    handed_on! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize);
        deserialize_map();
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }

    /// The rule itself: only a map is requested.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Objects(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! visits {
    ($($method:ident($type:ty);)+) => { $(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.0.$method(value)
        }
    )+ };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Objects<V> {
    type Value = V::Value;

    visits! {
        visit_bool(bool);
        visit_i8(i8);
        visit_i16(i16);
        visit_i32(i32);
        visit_i64(i64);
        visit_i128(i128);
        visit_u8(u8);
        visit_u16(u16);
        visit_u32(u32);
        visit_u64(u64);
        visit_u128(u128);
        visit_f32(f32);
        visit_f64(f64);
        visit_char(char);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
        visit_bytes(&[u8]);
        visit_borrowed_bytes(&'de [u8]);
        visit_byte_buf(Vec<u8>);
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, within: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Objects(within))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, within: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Objects(within))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Objects(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Objects(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, one: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Objects(one))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Objects<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, within: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Objects(within))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Objects<A> {
    type Error = A::Error;
    type Variant = Objects<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        self.0.variant_seed(seed).map(|(value, variant)| (value, Objects(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Objects(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Objects(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.newtype_variant_seed(OfFields(visitor))
    }
}

/// The fields of a variant, as an object.
struct OfFields<V>(V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for OfFields<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, within: D) -> Result<V::Value, D::Error> {
        within.deserialize_map(Objects(self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        number: u8,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Newtype(Inner);

    #[derive(Debug, PartialEq, Deserialize)]
    enum Variant {
        Unit,
        Newtype(Inner),
        Pair(u8, Inner),
        Fields { inner: Inner },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        plain: Inner,
        #[serde(default)]
        perhaps: Option<Inner>,
        #[serde(default)]
        boxed: Option<Box<Inner>>,
        #[serde(default)]
        newtype: Option<Newtype>,
        #[serde(default)]
        list: Vec<Inner>,
        #[serde(default)]
        map: BTreeMap<String, Inner>,
        #[serde(default)]
        pair: Option<(u8, Inner)>,
        #[serde(default)]
        variants: Vec<Variant>,
        #[serde(default)]
        any: Value,
    }

    fn whole() -> Value {
        json!({
            "plain": {"number": 1}, "perhaps": {"number": 2}, "boxed": {"number": 3}, "newtype": {"number": 4},
            "list": [{"number": 5}, {"number": 6}], "map": {"a": {"number": 7}}, "pair": [8, {"number": 9}],
            "variants": ["Unit", {"Newtype": {"number": 10}}, {"Pair": [11, {"number": 12}]}, {"Fields": {"inner": {"number": 13}}}],
            "any": [[1], {"a": [2]}], "unknown": [{}],
        })
    }

    fn read(body: &Value) -> Result<Outer, String> {
        from_slice(body.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_as_it_should_be_is_read_as_ever() {
        let read = read(&whole()).unwrap();
        assert_eq!(read, serde_json::from_value(whole()).unwrap());
        assert_eq!(read.variants[3], Variant::Fields { inner: Inner { number: 13 } });
        assert_eq!(from_slice::<Vec<Inner>>(b" [{\"number\":1}] ").unwrap(), [Inner { number: 1 }]);
        assert_eq!(from_slice::<Option<Inner>>(b"null").unwrap(), None);
    }

    #[test]
    fn an_array_is_an_object_nowhere() {
        for (place, value) in [
            ("/plain", json!([1])),
            ("/perhaps", json!([2])),
            ("/boxed", json!([3])),
            ("/newtype", json!([4])),
            ("/list/1", json!([6])),
            ("/map/a", json!([7])),
            ("/pair/1", json!([9])),
            ("/variants/1/Newtype", json!([10])),
            ("/variants/2/Pair/1", json!([12])),
            ("/variants/3/Fields", json!([{"number": 13}])),
            ("/variants/3/Fields/inner", json!([13])),
        ] {
            let mut body = whole();
            *body.pointer_mut(place).unwrap() = value;
            assert!(serde_json::from_str::<Outer>(&body.to_string()).is_ok(), "{place}: serde itself takes it");
            let refusal = read(&body).unwrap_err();
            assert!(refusal.contains("invalid type: sequence, expected struct"), "{place}: {refusal}");
        }
        assert!(from_slice::<Inner>(b"[1]").is_err());
    }

    #[test]
    fn the_error_says_where_and_what() {
        let refusal = |body: &str| from_slice::<Outer>(body.as_bytes()).unwrap_err().to_string();
        insta::assert_snapshot!(refusal("[[1]]"), @"the body: invalid type: sequence, expected struct Outer at line 1 column 0");
        insta::assert_snapshot!(refusal(r#"{"plain":{"number":"x"}}"#), @r#"plain.number: invalid type: string "x", expected u8 at line 1 column 22"#);
        insta::assert_snapshot!(refusal("{}"), @"the body: missing field `plain` at line 1 column 2");
        insta::assert_snapshot!(refusal("{"), @"the body is not JSON: EOF while parsing an object at line 1 column 1");
        insta::assert_snapshot!(refusal(r#"{"plain":{"number":1}} x"#), @"the body is not JSON: trailing characters at line 1 column 24");
    }
}
